"""COMMAND and its sub-commands: what cluster clients, proxies and shells learn about commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.command_names import COMMANDS, SUBCOMMANDS
from compat_tests.raw_client import as_map

if TYPE_CHECKING:
    from compat_tests.both import Both
    from compat_tests.raw_client import RawClient

FIELDS = (
    "name",
    "arity",
    "flags",
    "first key",
    "last key",
    "step",
    "ACL categories",
    "tips",
    "key specifications",
)
SUBCOMMANDS_FIELD = 9
#: Sub-commands of Redis 7.2 that Meridian has (see the table of known differences).
LATER = {b"client|setinfo", b"cluster|myshardid"}
QUALIFIED = tuple(
    f"{container}|{name}" for container, names in SUBCOMMANDS.items() for name in names
)


def difference(redis: list[Any], meridian: list[Any]) -> list[str]:
    """Return one line for each field in which two COMMAND INFO entries differ."""
    return [
        f"{field}: redis {redis[index]!r}, meridian {meridian[index]!r}"
        for index, field in enumerate(FIELDS)
        if redis[index] != meridian[index]
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_command_info(both: Both, name: str) -> None:
    """Arity, flags, key positions, categories, tips and key specifications are those of Redis."""
    redis, meridian = both.values("COMMAND", "INFO", name.upper())
    assert meridian[0] is not None, "unknown command"
    assert len(redis[0]) == len(meridian[0])
    assert difference(redis[0], meridian[0]) == []
    one, other = (
        {entry[0] for entry in reply[0][SUBCOMMANDS_FIELD]} for reply in (redis, meridian)
    )
    assert one == other - LATER


@pytest.mark.parametrize("name", QUALIFIED)
def test_command_info_of_subcommands(both: Both, name: str) -> None:
    """A sub-command is described like a command, under its qualified name and in its container."""
    redis, meridian = both.values("COMMAND", "INFO", name)
    assert meridian[0] is not None, "unknown sub-command"
    assert difference(redis[0], meridian[0]) == []
    container = name.split("|")[0]
    reply = both.meridian.value("COMMAND", "INFO", container)
    assert meridian[0] in reply[0][SUBCOMMANDS_FIELD]


def test_unknown_commands(both: Both) -> None:
    """What does not exist is null, in its place."""
    both.do("COMMAND", "INFO", "nonsense")
    both.do("COMMAND", "INFO", "client|nonsense")
    both.do("COMMAND", "INFO", "get|x")
    for reply in both.values("COMMAND", "INFO", "get", "nonsense", "set"):
        assert [item and item[0] for item in reply] == [b"get", None, b"set"]
    both.do("COMMAND", "DOCS", "nonsense")


def test_command_info_is_byte_equal(both: Both) -> None:
    """For a command without sub-commands the whole reply is equal, types included."""
    for name in ("get", "set", "mset", "lcs", "multi", "ping", "expire"):
        both.do("COMMAND", "INFO", name)


def _top_level(client: RawClient) -> set[str]:
    """Return the names of COMMAND LIST that are no sub-commands."""
    names = [name.decode() for name in client.value("COMMAND", "LIST")]
    assert all(name in names for name in QUALIFIED)
    return {name for name in names if "|" not in name}


def test_the_whole_table(both: Both) -> None:
    """COMMAND, COMMAND INFO, COMMAND LIST and COMMAND COUNT speak of the same commands."""
    for client in (both.redis, both.meridian):
        table = client.value("COMMAND")
        names = [entry[0].decode() for entry in table]
        assert set(COMMANDS) <= set(names)
        assert len(names) == len(set(names)) == client.value("COMMAND", "COUNT")
        assert {entry[0].decode() for entry in client.value("COMMAND", "INFO")} == set(names)
        assert _top_level(client) == set(names)


@pytest.mark.parametrize(
    "options",
    [
        ("FILTERBY", "ACLCAT", "string"),
        ("FILTERBY", "ACLCAT", "read"),
        ("FILTERBY", "ACLCAT", "dangerous"),
        ("FILTERBY", "ACLCAT", "nonsense"),
        ("FILTERBY", "PATTERN", "*get*"),
        ("filterby", "pattern", "client|*"),
        ("FILTERBY", "MODULE", "nonsense"),
    ],
    ids=str,
)
def test_command_list_filters(both: Both, options: tuple[str, ...]) -> None:
    """A filter selects the same commands among those which both have."""
    known = {name.encode() for name in (*COMMANDS, *QUALIFIED)}
    redis, meridian = both.values("COMMAND", "LIST", *options)
    assert known & set(redis) == known & set(meridian)


@pytest.mark.parametrize(
    "arguments",
    [
        ("LIST", "foo"),
        ("LIST", "FILTERBY"),
        ("LIST", "FILTERBY", "ACLCAT"),
        ("LIST", "FILTERBY", "foo", "bar"),
        ("LIST", "FILTERBY", "ACLCAT", "read", "x"),
        ("COUNT", "x"),
        ("foo",),
        ("GETKEYS",),
        ("GETKEYS", "GET"),
        ("GETKEYS", "nonsense", "x"),
        ("GETKEYS", "PING"),
        ("GETKEYS", "MULTI"),
        ("GETKEYS", "SET", "a"),
        ("GETKEYS", "CLIENT", "LIST"),
        ("GETKEYS", "CLIENT", "foo"),
        ("GETKEYSANDFLAGS",),
        ("GETKEYSANDFLAGS", "PING"),
    ],
    ids=str,
)
def test_wrong_use(both: Both, arguments: tuple[str, ...]) -> None:
    """Errors are the same."""
    both.do("COMMAND", *arguments)


@pytest.mark.parametrize(
    "command",
    [
        ("GET", "a"),
        ("get", "a"),
        ("SET", "a", "b"),
        ("SET", "a", "b", "GET"),
        ("SET", "a", "b", "EX", "10"),
        ("MSET", "a", "1", "b", "2", "c", "3"),
        ("MSET", "a", "1", "b"),
        ("MGET", "a", "b", "a"),
        ("DEL", "a", "b"),
        ("RENAME", "a", "b"),
        ("COPY", "a", "b", "DB", "1"),
        ("LCS", "a", "b", "IDX"),
        ("OBJECT", "ENCODING", "a"),
        ("OBJECT", "FREQ", "a"),
        ("MEMORY", "USAGE", "a"),
        ("MEMORY", "USAGE", "a", "SAMPLES", "1"),
        ("WATCH", "a", "b"),
        ("EXPIRE", "a", "1"),
        ("GETEX", "a", "EX", "1"),
        ("TOUCH", "a", "b"),
        ("MOVE", "a", "1"),
        ("INCRBYFLOAT", "a", "1"),
        ("EXISTS", "", ""),
    ],
    ids=str,
)
def test_keys_of_a_command(both: Both, command: tuple[str, ...]) -> None:
    """GETKEYS finds the keys, GETKEYSANDFLAGS says what is done to them."""
    both.do("COMMAND", "GETKEYS", *command)
    both.do("COMMAND", "GETKEYSANDFLAGS", *command)


def _argument_shape(argument: Any) -> Any:
    """Return what of a documented argument a program relies on: all but the display texts."""
    fields = as_map(argument)
    shape = {
        name.decode(): fields.get(name)
        for name in (b"type", b"token", b"key_spec_index", b"since", b"deprecated_since")
        if name in fields
    }
    shape["flags"] = sorted(fields.get(b"flags", []))
    shape["arguments"] = [_argument_shape(item) for item in fields.get(b"arguments", [])]
    return shape


@pytest.mark.parametrize("name", COMMANDS)
def test_command_docs(both: Both, name: str) -> None:
    """Group, since and the tree of arguments agree; summary and complexity are there."""
    redis, meridian = both.values("COMMAND", "DOCS", name)
    assert list(as_map(redis)) == list(as_map(meridian)) == [name.encode()]
    one, other = (as_map(as_map(reply)[name.encode()]) for reply in (redis, meridian))
    for field in (b"since", b"group", b"doc_flags", b"deprecated_since", b"replaced_by"):
        assert one.get(field) == other.get(field), field
    assert other[b"summary"]
    assert (b"complexity" in one) <= (b"complexity" in other)
    shapes = [
        [_argument_shape(argument) for argument in documentation.get(b"arguments", [])]
        for documentation in (one, other)
    ]
    assert shapes[0] == shapes[1]
    names = [set(as_map(item.get(b"subcommands", {}))) for item in (one, other)]
    assert names[0] == names[1] - LATER


def test_docs_of_everything(both: Both) -> None:
    """Without names, every command of the table is documented."""
    for client in (both.redis, both.meridian):
        documented = {name.decode() for name in as_map(client.value("COMMAND", "DOCS"))}
        assert documented == _top_level(client)
