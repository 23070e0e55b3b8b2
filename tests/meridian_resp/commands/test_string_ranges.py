"""Tests of parts of strings. Expected replies were taken from redis-server 7.0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.config.settings import Settings
from tests.harness.command_runner import START_MS, CommandRunner


@pytest.fixture
def runner() -> CommandRunner:
    """An empty server."""
    return CommandRunner()


def bulk(text: bytes) -> bytes:
    """A bulk string."""
    return b"$%d\r\n%b\r\n" % (len(text), text)


def test_append(runner: CommandRunner) -> None:
    """Creates or extends, answers the length, keeps the expiry."""
    assert runner.run("APPEND k ab") == b":2\r\n"
    runner.run("PEXPIRE k 500")
    assert runner.run("APPEND k cd") == b":4\r\n"
    assert runner.run("GET k") == bulk(b"abcd")
    assert runner.keyspace.databases[0].expire_at_ms(b"k") == START_MS + 500


def test_appending_nothing_creates_an_empty_string(runner: CommandRunner) -> None:
    """As in Redis, the key exists afterwards."""
    assert runner.run(b"APPEND", b"k", b"") == b":0\r\n"
    assert runner.run("EXISTS k") == b":1\r\n"


@given(st.binary(max_size=8), st.integers(0, 12), st.binary(max_size=5))
def test_setrange_overwrites_in_place(old: bytes, offset: int, piece: bytes) -> None:
    """Bytes before and behind stay, a gap is filled with zeros, an empty piece does nothing."""
    runner = CommandRunner()
    runner.run(b"SET", b"k", old)
    expected = bytearray(old)
    if piece:
        expected.extend(bytes(max(offset + len(piece) - len(old), 0)))
        expected[offset : offset + len(piece)] = piece
    assert runner.run(b"SETRANGE", b"k", offset, piece) == b":%d\r\n" % len(expected)
    assert runner.run("GET k") == bulk(bytes(expected))


def test_setrange_of_no_key(runner: CommandRunner) -> None:
    """Creates it, but not for an empty piece."""
    assert runner.run(b"SETRANGE", b"k", b"5", b"") == b":0\r\n"
    assert runner.run("EXISTS k") == b":0\r\n"
    assert runner.run("SETRANGE k 2 x") == b":3\r\n"
    assert runner.run("GET k") == bulk(b"\0\0x")


def test_offsets_out_of_range(runner: CommandRunner) -> None:
    """Negative offsets and strings beyond Redis' limit are refused, before ours."""
    assert runner.run("SETRANGE k -1 x") == b"-ERR offset is out of range\r\n"
    too_long = b"-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"
    assert runner.run("SETRANGE k 536870912 x") == too_long
    assert runner.run("SETRANGE k 9223372036854775807 x") == too_long
    ours = runner.run("SETRANGE k 2000000 x")
    assert ours.startswith(b"-ERR value is too long: 2000001 bytes given, at most 1048576 allowed")
    assert runner.run("SETRANGE k x x") == b"-ERR value is not an integer or out of range\r\n"


def test_append_beyond_the_limit() -> None:
    """A string may not grow above the option either."""
    settings = Settings()
    settings.value_size_max_bytes = 6
    runner = CommandRunner(settings=settings)
    runner.run("SET k 1234")
    assert runner.run("APPEND k 567").startswith(b"-ERR value is too long: 7 bytes given")
    assert runner.run("APPEND k 56") == b":6\r\n"


@pytest.mark.parametrize("name", ["GETRANGE", "SUBSTR"])
@pytest.mark.parametrize(
    ("start", "end", "piece"),
    [(0, 3, b"This"), (-3, -1, b"ing"), (0, -1, b"This is a string"), (10, 100, b"string"),
     (5, 3, b""), (-1, -5, b""), (0, -100, b"T"), (-100, 0, b"T"), (-100, -100, b"T"),
     (100, 200, b""), (0, 0, b"T"), (3, -20, b"")],
)  # fmt: skip
def test_ranges(runner: CommandRunner, name: str, start: int, end: int, piece: bytes) -> None:
    """Offsets from either end, both included, cut to the string."""
    runner.run("SET", "k", "This is a string")
    assert runner.run(name, "k", start, end) == bulk(piece)


def test_ranges_of_nothing(runner: CommandRunner) -> None:
    """No key and the empty string have empty ranges; offsets are checked even so."""
    runner.run(b"SET", b"k", b"")
    assert runner.run("GETRANGE k 0 -1") == bulk(b"")
    assert runner.run("GETRANGE none 0 -1") == bulk(b"")
    assert runner.run("GETRANGE none 0 x") == b"-ERR value is not an integer or out of range\r\n"
