"""Tests of commands on keys of any type. Expected replies were taken from redis-server 7.0."""

from __future__ import annotations

import pytest

from meridian_resp.commands.keys import TYPE_REPLIES
from meridian_resp.datatypes.values import Kind
from storage.keys import metadata_key
from storage.records import Record, encode_record
from tests.harness.command_runner import START_MS, CommandRunner

ZERO, ONE, TWO = b":0\r\n", b":1\r\n", b":2\r\n"
SYNTAX = b"-ERR syntax error\r\n"
SAME = b"-ERR source and destination objects are the same\r\n"
NO_DATABASE = b"-ERR DB index is out of range\r\n"
NOT_INTEGER = b"-ERR value is not an integer or out of range\r\n"
NOT_INT32 = b"-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"


@pytest.fixture
def runner() -> CommandRunner:
    """Keys `a`, and `e` with an expiry."""
    made = CommandRunner()
    made.run("SET a 1")
    made.run("SET e 2 PX 500")
    return made


def contents(runner: CommandRunner, index: int) -> dict[bytes, tuple[bytes | None, int | None]]:
    """Value and expiry of the keys that the tests use."""
    database = runner.keyspace.databases[index]
    found = {
        key: (database.get_string(key), database.expire_at_ms(key)) for key in b"a b e".split()
    }
    return {key: both for key, both in found.items() if both[1] is not None}


@pytest.mark.parametrize("name", ["DEL", "UNLINK"])
def test_deleting(runner: CommandRunner, name: str) -> None:
    """Counts the keys that were there, a repeated one once."""
    assert runner.run(f"{name} none") == ZERO
    assert runner.run(f"{name} a none e a") == TWO
    assert runner.run(f"{name} a") == ZERO
    assert runner.run("DBSIZE") == ZERO
    runner.run("SET a 1")
    assert runner.run(f"{name} a") == ONE


@pytest.mark.parametrize("name", ["EXISTS", "TOUCH"])
def test_counting_keys(runner: CommandRunner, name: str) -> None:
    """A repeated key counts repeatedly; expired ones do not count."""
    assert runner.run(f"{name} a") == ONE
    assert runner.run(f"{name} none") == ZERO
    assert runner.run(f"{name} a none e a") == b":3\r\n"
    runner.pass_ms(500)
    assert runner.run(f"{name} a e") == ONE


def test_types(runner: CommandRunner) -> None:
    """Strings, nothing, and what other versions may have stored."""
    assert runner.run("TYPE a") == b"+string\r\n"
    assert runner.run("TYPE e") == b"+string\r\n"
    assert runner.run("TYPE none") == b"+none\r\n"
    runner.store.records[metadata_key(0, b"z")] = encode_record(Record(1, b"", Kind.SORTED_SET))
    assert runner.run("TYPE z") == b"+zset\r\n"
    assert set(TYPE_REPLIES) == set(Kind) - {Kind.SYSTEM, Kind.ABSENT}


def test_rename(runner: CommandRunner) -> None:
    """Value and expiry move, over whatever is there."""
    assert runner.run("RENAME e a") == b"+OK\r\n"
    assert contents(runner, 0) == {b"a": (b"2", START_MS + 500)}
    assert runner.run("RENAME a a") == b"+OK\r\n"
    assert runner.run("RENAME none a") == b"-ERR no such key\r\n"
    assert runner.run("RENAME none none") == b"-ERR no such key\r\n"
    assert runner.run("DBSIZE") == ONE


def test_renamenx(runner: CommandRunner) -> None:
    """Only to a name that is free."""
    assert runner.run("RENAMENX a e") == ZERO
    assert runner.run("RENAMENX a a") == ZERO
    assert runner.run("RENAMENX a b") == ONE
    assert contents(runner, 0) == {b"b": (b"1", 0), b"e": (b"2", START_MS + 500)}
    assert runner.run("RENAMENX none b") == b"-ERR no such key\r\n"


def test_copy(runner: CommandRunner) -> None:
    """Value and expiry are there twice; an existing target needs REPLACE."""
    assert runner.run("COPY e b") == ONE
    assert runner.run("COPY a b") == ZERO
    assert runner.run("COPY e a REPLACE") == ONE
    expected = (b"2", START_MS + 500)
    assert contents(runner, 0) == {b"a": expected, b"b": expected, b"e": expected}
    assert runner.run("COPY none b REPLACE") == ZERO


def test_copy_between_databases(runner: CommandRunner) -> None:
    """The same name is fine in another database."""
    assert runner.run("COPY a a DB 3") == ONE
    assert runner.run("COPY a a DB 3") == ZERO
    assert runner.run("COPY e a DB 3 REPLACE") == ONE
    assert contents(runner, 3) == {b"a": (b"2", START_MS + 500)}


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        ("COPY a a", SAME),
        ("COPY a a DB 0", SAME),
        ("COPY a b FOO", SYNTAX),
        ("COPY a b DB", SYNTAX),
        ("COPY a b DB 16", NO_DATABASE),
        ("COPY a b DB -1", NO_DATABASE),
        ("COPY a b DB x", NOT_INTEGER),
        ("COPY a b DB 2147483648", NOT_INT32),
        ("MOVE a 0", SAME),
        ("MOVE a 16", NO_DATABASE),
        ("MOVE a x", NOT_INTEGER),
        ("MOVE a -2147483649", NOT_INT32),
    ],
)
def test_refusals(runner: CommandRunner, call: str, refusal: bytes) -> None:
    """Nothing is copied or moved onto itself, or to where no database is."""
    before = contents(runner, 0)
    assert runner.run(call) == refusal
    assert contents(runner, 0) == before


def test_move(runner: CommandRunner) -> None:
    """The key goes, with its expiry, unless the other database has one."""
    assert runner.run("MOVE e 1") == ONE
    assert (contents(runner, 0), contents(runner, 1)) == (
        {b"a": (b"1", 0)},
        {b"e": (b"2", START_MS + 500)},
    )
    runner.run("SET e 3")
    assert runner.run("MOVE e 1") == ZERO
    assert runner.run("MOVE none 1") == ZERO
    assert contents(runner, 0)[b"e"] == (b"3", 0)
