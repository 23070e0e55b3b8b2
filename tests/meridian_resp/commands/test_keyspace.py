"""Tests of walks and whole databases as commands. Expected replies come from redis-server 7.0."""

from __future__ import annotations

import hiredis
import pytest

from meridian_resp.commands.outcomes import Slices
from tests.harness.command_runner import CommandRunner

ZERO, ONE, TWO = b":0\r\n", b":1\r\n", b":2\r\n"
OK = b"+OK\r\n"
SYNTAX = b"-ERR syntax error\r\n"
INVALID_CURSOR = b"-ERR invalid cursor\r\n"


@pytest.fixture
def runner() -> CommandRunner:
    """30 keys in database 0, one in database 1."""
    made = CommandRunner()
    for number in range(30):
        made.run(f"SET key:{number} v")
    made.run("COPY key:1 other DB 1")
    return made


def parsed(reply: bytes) -> object:
    """A reply as Python values."""
    reader = hiredis.Reader()
    reader.feed(reply)
    return reader.gets()


def walked(runner: CommandRunner, options: str = "") -> list[bytes]:
    """All keys of a whole SCAN."""
    found: list[bytes] = []
    cursor = b"0"
    for _ in range(1000):
        reply = parsed(runner.run(f"SCAN {cursor.decode()} {options}"))
        assert isinstance(reply, list)
        cursor = reply[0]
        found += reply[1]
        if cursor == b"0":
            return found
    raise AssertionError("the walk does not end")


@pytest.mark.parametrize("options", ["", "COUNT 1", "count 1000", "MATCH * COUNT 7"])
def test_scan_gives_every_key(runner: CommandRunner, options: str) -> None:
    """Each key of the client's own database, once, whatever the count."""
    assert sorted(walked(runner, options)) == sorted(b"key:%d" % n for n in range(30))


def test_scan_filters(runner: CommandRunner) -> None:
    """By pattern, and by type in any case; unknown types have no keys."""
    assert sorted(walked(runner, "MATCH key:?")) == sorted(b"key:%d" % n for n in range(10))
    assert walked(runner, "MATCH none*") == []
    assert len(walked(runner, "TYPE String")) == 30
    assert walked(runner, "TYPE zset") == walked(runner, "TYPE foo") == []
    assert walked(runner, "MATCH *9 TYPE string MATCH key:29") == [b"key:29"]


@pytest.mark.parametrize(
    "cursor", [b"x", b"1x", b" 1", b"18446744073709551616", b"9" * 6000, b"--1"]
)
def test_cursors_that_are_none(runner: CommandRunner, cursor: bytes) -> None:
    """A cursor is an unsigned 64-bit number."""
    assert runner.run(b"SCAN", cursor) == INVALID_CURSOR


@pytest.mark.parametrize("cursor", [b"", b"+0", b"-0", b"0" * 6000])
def test_cursors_as_strtoul_reads_them(runner: CommandRunner, cursor: bytes) -> None:
    """Signs and nothing at all are fine: these mean 0."""
    first = parsed(runner.run("SCAN 0"))
    assert parsed(runner.run(b"SCAN", cursor)) == first


def test_the_end_of_all_cursors(runner: CommandRunner) -> None:
    """Cursors beyond all keys end the walk."""
    for cursor in ("18446744073709551615", "-1"):
        assert runner.run(f"SCAN {cursor}") == b"*2\r\n$1\r\n0\r\n*0\r\n"


@pytest.mark.parametrize("options", ["COUNT", "COUNT 0", "COUNT -1", "MATCH", "FOO 1", "TYPE"])
def test_scan_options_that_are_wrong(runner: CommandRunner, options: str) -> None:
    """Missing values, unknown words and counts below 1."""
    assert runner.run(f"SCAN 0 {options}") == SYNTAX
    not_integer = b"-ERR value is not an integer or out of range\r\n"
    assert runner.run("SCAN 0 COUNT x") == not_integer


def test_keys(runner: CommandRunner) -> None:
    """All keys of the database, or those that fit a pattern."""
    everything = parsed(runner.run("KEYS *"))
    assert isinstance(everything, list)
    assert sorted(everything) == sorted(b"key:%d" % n for n in range(30))
    assert parsed(runner.run("KEYS key:2")) == [b"key:2"]
    some = parsed(runner.run("KEYS *[12]5"))
    assert isinstance(some, list)
    assert sorted(some) == [b"key:15", b"key:25"]
    assert runner.run("KEYS none*") == b"*0\r\n"


def test_a_long_reply_of_keys_is_whole(runner: CommandRunner) -> None:
    """More keys than one slice walks, and than one piece holds, make one right array."""
    names = [b"%05d" % number + b"k" * 95 for number in range(4500)]
    for name in names:
        runner.run(f"SET {name.decode()} v")
    everything = parsed(runner.run("KEYS *kkk"))
    assert isinstance(everything, list)
    assert sorted(everything) == names


def test_keys_is_long_work(runner: CommandRunner) -> None:
    """KEYS is answered in slices, so that others are served meanwhile."""
    outcome = runner.commands.by_name["keys"].handler(runner, [b"keys", b"*"])
    assert isinstance(outcome, Slices)


def test_randomkey(runner: CommandRunner) -> None:
    """Some key of the database; null when it is empty."""
    seen = {parsed(runner.run("RANDOMKEY")) for _ in range(300)}
    assert seen <= {b"key:%d" % n for n in range(30)}
    assert len(seen) > 10
    runner.run("FLUSHDB")
    assert runner.run("RANDOMKEY") == b"$-1\r\n"


@pytest.mark.parametrize("mode", ["", "ASYNC", "sync"])
def test_flushdb(runner: CommandRunner, mode: str) -> None:
    """Empties the client's database only."""
    assert runner.run(f"FLUSHDB {mode}") == OK
    assert runner.run("DBSIZE") == ZERO
    assert runner.keyspace.databases[1].count == 1
    assert CommandRunner(runner.store).run("KEYS *") == b"*0\r\n"


@pytest.mark.parametrize("mode", ["", "ASYNC", "sync"])
def test_flushall(runner: CommandRunner, mode: str) -> None:
    """Empties every database."""
    assert runner.run(f"FLUSHALL {mode}") == OK
    assert [database.count for database in runner.keyspace.databases] == [0] * 16


def test_flushing_nothing_writes_nothing() -> None:
    """Test suites flush empty servers all the time; that logs no batch."""
    runner = CommandRunner()
    assert (runner.run("FLUSHALL"), runner.run("FLUSHDB")) == (OK, OK)
    assert runner.store.batches == []


@pytest.mark.parametrize("call", ["FLUSHDB x", "FLUSHALL x", "FLUSHALL ASYNC SYNC"])
def test_flush_modes_that_are_none(runner: CommandRunner, call: str) -> None:
    """Anything but one of the two words is a syntax error and flushes nothing."""
    assert runner.run(call) == SYNTAX
    assert runner.run("DBSIZE") == b":30\r\n"


def test_swapdb(runner: CommandRunner) -> None:
    """Clients see the other database's keys at once, also after a restart."""
    assert runner.run("SWAPDB 0 1") == OK
    assert parsed(runner.run("KEYS *")) == [b"other"]
    assert CommandRunner(runner.store).run("DBSIZE") == ONE
    assert runner.run("SWAPDB 1 1") == OK


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        ("SWAPDB x 1", b"-ERR invalid first DB index\r\n"),
        ("SWAPDB 1 x", b"-ERR invalid second DB index\r\n"),
        ("SWAPDB 99999999999 1", b"-ERR invalid first DB index\r\n"),
        ("SWAPDB 0 16", b"-ERR DB index is out of range\r\n"),
        ("SWAPDB -1 0", b"-ERR DB index is out of range\r\n"),
    ],
)
def test_swapdb_refusals(runner: CommandRunner, call: str, refusal: bytes) -> None:
    """Each wrong number is named as Redis names it."""
    assert runner.run(call) == refusal
