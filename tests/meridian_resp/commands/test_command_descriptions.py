from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hiredis
import pytest

from meridian_resp.commands import build_table
from meridian_resp.commands.command_descriptions import (
    description,
    documentation,
    first_last_step,
    ordered_key_flags,
    printed_flags,
)
from meridian_resp.commands.introspection import all_with_subcommands
from meridian_resp.commands.registry import Argument, CommandSpec, Flag, Group, Keys

# Facts of COMMAND and COMMAND DOCS of redis-server 7.0.15, by full name, without its texts.
GOLDEN = Path(__file__).parents[2] / "golden" / "redis_commands.json"
RECORDED: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_text())
SPECS = {spec.full_name: spec for spec in all_with_subcommands(build_table())}
SHARED = sorted(SPECS.keys() & RECORDED.keys())
#: Commands that Redis 7.0 does not have.
OWN = {"client|setinfo", "cluster|myshardid", "consistency"}


def parsed(wire: bytes) -> Any:
    """A RESP2 reply as lists, texts and integers."""
    reader = hiredis.Reader(encoding="utf-8")
    reader.feed(wire)
    return reader.gets()


def pairs(flat: list[Any]) -> dict[str, Any]:
    """A RESP2 map."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def made(name: str, **changes: Any) -> CommandSpec:
    """A record with nothing remarkable but the changes."""
    values: dict[str, Any] = {
        "name": name, "arity": 2, "flags": Flag.READONLY, "group": Group.STRING,
        "since": "1.0.0", "summary": "Sums.", "complexity": "O(1)",
        "handler": lambda context, arguments: b"",
    }  # fmt: skip
    return CommandSpec(**(values | changes))


def test_every_command_is_one_of_redis_or_known_as_our_own() -> None:
    """A name that Redis does not know is a slip, unless it is listed."""
    whole = ("consistency", "meridian")
    own = {name for name in SPECS if name not in RECORDED and not name.startswith(whole)}
    assert own == OWN - {"consistency"}


@pytest.mark.parametrize("name", SHARED)
def test_description_is_that_of_redis(name: str) -> None:
    """Arity, flags, places of keys, categories, tips and key specifications are Redis' own."""
    recorded = RECORDED[name]
    parts = parsed(description(SPECS[name], 2))
    assert name == parts[0]
    assert recorded["info"] == parts[1:8]
    keys = [pairs(one) for one in parts[8]]
    found = [[one["flags"], one["begin_search"], one["find_keys"]] for one in keys]
    assert recorded["keys"] == found


@pytest.mark.parametrize("name", SHARED)
def test_documentation_has_the_facts_of_redis(name: str) -> None:
    """Since, group, deprecation, versions of the history and arguments are Redis' own."""
    recorded = RECORDED[name]["docs"]
    found = pairs(parsed(documentation(SPECS[name], 2)))
    assert found["summary"]
    for fact in ("since", "group", "doc_flags", "deprecated_since", "arguments"):
        assert recorded.get(fact) == found.get(fact), fact
    assert recorded.get("history") == ([one[0] for one in found.get("history", [])] or None)


def test_resp3_says_the_same_with_sets_and_maps() -> None:
    """Flags, categories, tips and key specifications are sets, specifications are maps."""
    wire = description(made("sum", keys=(Keys(("RO", "access")),)), 3)
    assert wire.startswith(
        b"*10\r\n$3\r\nsum\r\n:2\r\n~1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n~0\r\n"
    )
    assert b"~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n%2" in wire
    assert wire.endswith(b"~0\r\n")


def test_documentation_leaves_out_what_is_empty_and_shows_the_rest_in_order() -> None:
    """Deprecation, history and arguments stand between complexity and sub-commands."""
    spec = made(
        "old",
        documentation_flags=("deprecated",),
        deprecated_since="2.0.0",
        replaced_by="`NEW`",
        history=(("1.1.0", "More."),),
        arguments=(Argument("key", "key", key_spec_index=0),),
    )
    found = parsed(documentation(spec, 2))
    assert found[::2] == [
        "summary", "since", "group", "complexity", "doc_flags", "deprecated_since",
        "replaced_by", "history", "arguments",
    ]  # fmt: skip
    bare = parsed(documentation(made("bare", complexity=""), 2))
    assert bare[::2] == ["summary", "since", "group"]


def test_printed_flags_leave_out_what_is_internal() -> None:
    """LONG and PROTECTED mean something to the server only."""
    assert printed_flags(Flag.NO_AUTH | Flag.WRITE | Flag.LONG | Flag.PROTECTED) == [
        "write",
        "no_auth",
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), (0, 0, 0)),
        ((Keys(("RO",)),), (1, 1, 1)),
        ((Keys(("RO",), last=-1, step=2),), (1, -1, 2)),
        ((Keys(("RO",)), Keys(("OW",), first=2)), (1, 2, 1)),
        ((Keys(("RO",), keyword="STREAMS", keyword_from=1, last=-1),), (0, 0, 0)),
        ((Keys(("RO",), count_at=0),), (0, 0, 0)),
        ((Keys(("RO",)), Keys(("OW",), first=5)), (1, 1, 1)),
    ],
)
def test_first_last_and_step_join_plain_ranges(
    keys: tuple[Keys, ...], expected: tuple[int, int, int]
) -> None:
    """Ranges that follow each other are one; what is not a plain range is left out."""
    assert expected == first_last_step(made("x", keys=keys))


def test_key_flags_are_in_the_order_of_redis() -> None:
    """However a specification lists them."""
    assert ordered_key_flags(("update", "RW", "access")) == ["RW", "access", "update"]
