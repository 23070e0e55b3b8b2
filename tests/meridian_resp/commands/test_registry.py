"""Tests of command records and of the table made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meridian_resp.commands import MODULES, build_table
from meridian_resp.commands.registry import (
    CATEGORY_ORDER,
    CommandSpec,
    CommandTable,
    Flag,
    Group,
    all_categories,
    command,
)
from meridian_resp.protocol.replies import OK

if TYPE_CHECKING:
    from meridian_resp.commands.registry import Handler


def declared(*names: tuple[str, str | None], arity: int = 1) -> list[CommandSpec]:
    """Records of commands that do nothing, as (name, container)."""

    def handler(context: object, arguments: list[bytes]) -> bytes:
        return OK

    made: Handler = handler
    for name, container in names:
        declare = command(
            name,
            arity=arity,
            group=Group.GENERIC,
            since="1.0.0",
            summary="Nothing.",
            complexity="O(1)",
            container=container,
        )
        made = declare(made)
    specs: list[CommandSpec] = made.command_specs  # type: ignore[attr-defined] # hung on by it
    return specs


def test_a_handler_may_carry_several_records() -> None:
    """Each declaration adds one, names in lower case, the handler unchanged."""
    specs = declared(("GETRANGE", None), ("SUBSTR", None))
    assert [spec.name for spec in specs] == ["getrange", "substr"]
    assert specs[0].handler is specs[1].handler


@pytest.mark.parametrize(
    ("arity", "accepted"), [(2, [2]), (-2, [2, 3, 4, 5]), (1, [1]), (-1, [1, 2, 3, 4, 5])]
)
def test_arity(arity: int, accepted: list[int]) -> None:
    """Positive is exact, negative is at least; the name counts."""
    (spec,) = declared(("X", None), arity=arity)
    assert [count for count in range(1, 6) if spec.accepts(count)] == accepted


def test_commands_are_found_in_any_case() -> None:
    """Also sub-commands within their container; bytes that are no ASCII find nothing."""
    table = CommandTable(declared(("CONFIG", None), ("GET", "config"), ("SET", "config")))
    spec = table.find(b"ConFig")
    assert spec is not None
    assert [child.full_name for child in spec.subcommands] == ["config|get", "config|set"]
    child = table.find_subcommand(spec, b"sEt")
    assert child is not None
    assert child.full_name == "config|set"
    assert table.find_subcommand(spec, b"nothing") is None
    assert table.find(b"get") is None
    assert table.find(b"\xff") is None


def test_slips_in_the_declarations_are_noticed() -> None:
    """Two records of one name, and a sub-command of nothing."""
    with pytest.raises(AssertionError, match="two records for x"):
        CommandTable(declared(("X", None), ("x", None)))
    with pytest.raises(AssertionError, match="without a container"):
        CommandTable(declared(("GET", "config")))


@pytest.mark.parametrize(
    ("flags", "given", "expected"),
    [
        (Flag.WRITE, ["@string"], ("@write", "@string", "@slow")),
        (Flag.READONLY | Flag.FAST, ["@keyspace"], ("@keyspace", "@read", "@fast")),
        (Flag.ADMIN, [], ("@admin", "@slow", "@dangerous")),
        (Flag.READONLY, ["@scripting"], ("@slow", "@scripting")),
        (Flag.PUBSUB | Flag.BLOCKING, [], ("@pubsub", "@slow", "@blocking")),
    ],
)
def test_categories_follow_from_flags(
    flags: Flag, given: list[str], expected: tuple[str, ...]
) -> None:
    """Declared ones and those of the flags, in Redis' order."""
    assert all_categories(flags, given) == expected
    assert list(expected) == sorted(expected, key=CATEGORY_ORDER.index)


def test_every_record_is_complete() -> None:
    """Each command of the server says what it is and since when."""
    table = build_table()
    for spec in table.by_name.values():
        for record in (spec, *spec.subcommands):
            assert record.summary.endswith("."), record.full_name
            assert record.since.count(".") == 2, record.full_name
            assert record.arity != 0, record.full_name


def test_every_module_of_the_list_declares_something() -> None:
    """A name in the list that brings no command is a slip."""
    by_module = {
        record.handler.__module__.rpartition(".")[2]
        for spec in build_table().by_name.values()
        for record in (spec, *spec.subcommands)
    }
    assert by_module == set(MODULES)
