"""Generic key commands except lifetimes (test_lifetimes.py) and iteration (test_iteration.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from compat_tests.both import Both
    from compat_tests.raw_client import Argument

FAR_MS = 4_102_444_800_000


def test_existence(both: Both) -> None:
    """DEL, UNLINK, EXISTS, TOUCH and TYPE count what exists, repeated names included."""
    both.do("MSET", "a", "1", "b", "2", "c", "3", "", "empty")
    for command in (
        ("EXISTS", "a"),
        ("EXISTS", "a", "a", "missing", "b"),
        ("TOUCH", "a", "a", "missing"),
        ("TYPE", "a"),
        ("TYPE", "missing"),
        ("DBSIZE",),
        ("DEL", "a", "a", "missing"),
        ("UNLINK", "b", "b"),
        ("UNLINK", "b"),
        ("DEL", ""),
        ("DBSIZE",),
        ("EXISTS", "a", "b", "c"),
        ("DEL",),
        ("EXISTS",),
        ("TYPE",),
        ("TYPE", "a", "b"),
    ):
        both.do(*command)


@pytest.mark.parametrize("command", ["RENAME", "RENAMENX"])
def test_rename(both: Both, command: str) -> None:
    """RENAME moves value and lifetime and overwrites, RENAMENX only onto a free name."""
    both.do("SET", "a", "1", "PXAT", FAR_MS)
    for arguments in (("a", "b"), ("a", "b"), ("b", "b"), ("missing", "missing"), ("b", "")):
        both.do(command, *arguments)
        both.unordered("KEYS", "*")
    both.do("PEXPIRETIME", "")
    both.do("SET", "c", "3")
    both.do(command, "", "c")
    both.do("GET", "c")
    both.do("PEXPIRETIME", "c")
    both.do(command, "c")


@pytest.mark.parametrize(
    "tail",
    [
        (),
        ("REPLACE",),
        ("replace", "REPLACE"),
        ("DB", 1),
        ("DB", 1, "REPLACE"),
        ("REPLACE", "DB", 1),
        ("DB", 0),
        ("DB", 16),
        ("DB", -1),
        ("DB", "abc"),
        ("DB", ""),
        ("DB",),
        ("DB", 1, "DB", 2),
        ("DB", 9223372036854775808),
        ("foo",),
    ],
)
def test_copy(both: Both, tail: tuple[Argument, ...]) -> None:
    """COPY copies value and lifetime, into another database too, onto a key only with REPLACE."""
    both.do("SET", "a", "1", "PXAT", FAR_MS)
    for source, target in (("a", "b"), ("a", "b"), ("a", "a"), ("missing", "a"), ("missing", "x")):
        both.do("COPY", source, target, *tail)
    for database in (0, 1, 2):
        both.do("SELECT", database)
        both.unordered("KEYS", "*")
        both.do("MGET", "a", "b")
        both.do("PEXPIRETIME", "b")


def test_copies_are_independent(both: Both) -> None:
    """A change of the original leaves the copy alone, and the other way round."""
    both.do("SET", "a", "one")
    both.do("COPY", "a", "b")
    both.do("APPEND", "a", "!")
    both.do("SETRANGE", "b", "0", "ONE")
    both.do("MGET", "a", "b")


def test_move(both: Both) -> None:
    """MOVE takes value and lifetime to another database, if the name is free there."""
    both.do("SET", "a", "1", "PXAT", FAR_MS)
    both.do("SET", "b", "2")
    for arguments in (
        ("a", 1),
        ("a", 1),
        ("missing", 1),
        ("b", 0),
        ("b", 16),
        ("b", -1),
        ("b", "x"),
        ("b", ""),
        ("b",),
        ("b", "1", "2"),
        ("b", 2**64),
    ):
        both.do("MOVE", *arguments)
    both.do("SELECT", 1)
    both.do("GET", "a")
    both.do("PEXPIRETIME", "a")
    both.do("SET", "b", "other")
    both.do("SELECT", 0)
    both.do("MOVE", "b", 1)
    both.do("GET", "b")


def test_randomkey(both: Both) -> None:
    """RANDOMKEY is null on an empty database and an existing key otherwise."""
    both.do("RANDOMKEY")
    both.do("SET", "only", "1")
    both.do("RANDOMKEY")
    both.do("MSET", *(f"{kind}{index}" for index in range(50) for kind in ("key", "value")))
    names = {*(f"key{index}".encode() for index in range(50)), b"only"}
    seen = set()
    for _ in range(200):
        redis, meridian = both.values("RANDOMKEY")
        assert redis in names
        assert meridian in names
        seen.add(meridian)
    assert len(seen) > 10, "always the same few keys"


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "123",
        "-1",
        "01",
        "1.5",
        "",
        "9223372036854775807",
        "9223372036854775808",
        "12345678901234567890",
        "x" * 44,
        "x" * 45,
        "x" * 1000,
    ],
)
def test_object_encoding_of_a_fresh_value(both: Both, value: str) -> None:
    """A value that was just set has the encoding that its bytes imply."""
    both.do("SET", "key", value)
    both.do("OBJECT", "ENCODING", "key")
    both.do("object", "encoding", "key")


def test_object(both: Both) -> None:
    """OBJECT's sub-commands answer null for a missing key, errors for wrong use."""
    both.do("SET", "key", "a value that is no number")
    for command in (
        ("OBJECT", "ENCODING", "missing"),
        ("OBJECT", "REFCOUNT", "key"),
        ("OBJECT", "REFCOUNT", "missing"),
        ("OBJECT", "FREQ", "key"),
        ("OBJECT", "FREQ", "missing"),
        ("OBJECT", "IDLETIME", "missing"),
        ("OBJECT", "foo", "key"),
        ("OBJECT", "foo"),
        ("OBJECT",),
        ("OBJECT", "ENCODING"),
        ("OBJECT", "ENCODING", "a", "b"),
    ):
        both.do(*command)
    both.approx("OBJECT", "IDLETIME", "key", tolerance=2)


def test_object_encoding_after_changes(both: Both) -> None:
    """An encoding is one of the three of strings, whatever happened to the value."""
    both.do("SET", "key", "1")
    for command in (("APPEND", "key", "2"), ("INCR", "key"), ("SETRANGE", "key", "0", "x")):
        both.do(*command)
        redis, meridian = both.shape("encoding", "OBJECT", "ENCODING", "key")
        assert {redis, meridian} <= {b"int", b"embstr", b"raw"}


@pytest.mark.parametrize("tail", [(), ("ASYNC",), ("SYNC",), ("async",), ("foo",), ("SYNC", "x")])
def test_flush(both: Both, tail: tuple[str, ...]) -> None:
    """FLUSHDB empties one database and FLUSHALL all, unless the option is unknown."""
    for command in ("FLUSHDB", "FLUSHALL"):
        for database in (0, 1):
            both.do("SELECT", database)
            both.do("MSET", "a", "1", "b", "2")
        both.do(command, *tail)
        for database in (0, 1):
            both.do("SELECT", database)
            both.do("DBSIZE")
            both.do("GET", "a")
            both.do("SET", "a", "again")
            both.do("DBSIZE")
            both.unordered("KEYS", "*")


def test_databases_are_separate(both: Both) -> None:
    """Each of 16 databases has its own keys; a wrong index is refused and changes nothing."""
    for database in range(16):
        both.do("SELECT", database)
        both.do("SET", "key", database)
        both.do("SET", f"only{database}", "1")
    for wrong in (16, -1, "abc", "", "1.0", "01", " 1", 2**31, 2**63, 2**64):
        both.do("SELECT", wrong)
        both.do("GET", "key")
    for database in range(16):
        both.do("SELECT", database)
        both.do("GET", "key")
        both.do("DBSIZE")
        both.unordered("KEYS", "*")


def test_swapdb(both: Both) -> None:
    """SWAPDB exchanges two databases under all connections at once, lifetimes included."""
    other = both.another()
    other.do("SELECT", 1)
    both.do("SET", "a", "zero", "PXAT", FAR_MS)
    other.do("SET", "b", "one")
    for arguments in (
        (0, 1),
        (0, 0),
        (1, 2),
        (0, 16),
        (-1, 0),
        ("x", 0),
        (0, "x"),
        (0,),
        (0, 1, 2),
        (2**64, 0),
    ):
        both.do("SWAPDB", *arguments)
        for connection in (both, other):
            connection.unordered("KEYS", "*")
            connection.do("MGET", "a", "b")
            connection.do("DBSIZE")
    both.do("SELECT", 2)
    both.do("PEXPIRETIME", "a")
    both.do("FLUSHDB")
    both.do("SWAPDB", 2, 0)
    both.do("DBSIZE")


def test_keys_of_any_bytes(both: Both) -> None:
    """A key is any bytes: zero bytes, line ends, everything that is special in storage."""
    keys = (
        b"",
        b"\x00",
        b"\x00\x00",
        b"\x00\xff",
        b"\xff",
        b"a\x00",
        b"a\x00b",
        b"a\r\nb",
        b"{tag}a",
        b"{tag}b",
        b"{}",
        b"x" * 512,
    )
    for index, key in enumerate(keys):
        both.do("SET", key, index)
    both.unordered("KEYS", "*")
    both.do("MGET", *keys)
    for key in keys:
        both.do("RENAME", key, b"moved")
        both.do("EXISTS", key)
        both.do("RENAME", b"moved", key)
    both.do("DEL", *keys[::2])
    both.do("EXISTS", *keys)
