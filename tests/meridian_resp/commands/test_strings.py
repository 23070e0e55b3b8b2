"""Tests of whole strings. Expected replies were taken from redis-server 7.0."""

from __future__ import annotations

import pytest

from meridian_resp.config.settings import Settings
from tests.harness.command_runner import START_MS, CommandRunner

NULL = b"$-1\r\n"
OK = b"+OK\r\n"
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_INTEGER = b"-ERR value is not an integer or out of range\r\n"


@pytest.fixture
def runner() -> CommandRunner:
    """An empty server."""
    return CommandRunner()


def bulk(text: bytes) -> bytes:
    """A bulk string."""
    return b"$%d\r\n%b\r\n" % (len(text), text)


def expiry(runner: CommandRunner, key: bytes) -> int | None:
    """When a key expires, as the keyspace has it."""
    return runner.keyspace.databases[0].expire_at_ms(key)


@pytest.mark.parametrize("value", [b"", b"v", b"\0\r\n\xff" * 10, b"x" * 1_000_000])
@pytest.mark.parametrize("key", [b"k", b"", b"\0a", b"{t}x"])
def test_what_is_set_can_be_got(runner: CommandRunner, key: bytes, value: bytes) -> None:
    """Any bytes survive as key and value, in memory and in the store."""
    assert runner.run(b"SET", key, value) == OK
    assert runner.run(b"GET", key) == bulk(value)
    assert CommandRunner(runner.store).run(b"GET", key) == bulk(value)


def test_get_counts_hits_and_misses(runner: CommandRunner) -> None:
    """INFO's keyspace_hits and keyspace_misses come from reads, not from writes."""
    runner.run("SET k v")
    runner.run("SET e v EX 10")
    assert (runner.run("GET k"), runner.run("GET e")) == (bulk(b"v"), bulk(b"v"))
    assert runner.run("GET none") == NULL
    runner.run("MGET k none e")
    runner.run("STRLEN k")
    counters = runner.keyspace.counters
    assert (counters.hits, counters.misses) == (5, 2)


def test_set_removes_the_expiry(runner: CommandRunner) -> None:
    """A plain SET makes a key last, KEEPTTL does not."""
    runner.run("SET k v PX 5000")
    runner.run("SET k w KEEPTTL")
    assert expiry(runner, b"k") == START_MS + 5000
    runner.run("SET k x")
    assert expiry(runner, b"k") == 0


@pytest.mark.parametrize(
    ("option", "at_ms"),
    [
        ("EX 10", START_MS + 10_000),
        ("px 10", START_MS + 10),
        ("EXAT 1800000000", 1_800_000_000_000),
        ("PXAT 1800000000001", 1_800_000_000_001),
        ("EX 10 EX 20", START_MS + 20_000),
        ("PXAT 9223372036854775807", 2**63 - 1),
    ],
)
def test_expiry_options(runner: CommandRunner, option: str, at_ms: int) -> None:
    """Each option sets an absolute expiry; of a repeated one the last counts."""
    assert runner.run(f"SET k v {option}") == OK
    assert expiry(runner, b"k") == at_ms
    runner.run("SET l v")
    if "EX 10 EX" not in option:
        assert runner.run(f"GETEX l {option}") == bulk(b"v")
        assert expiry(runner, b"l") == at_ms


@pytest.mark.parametrize(
    "options",
    ["NX XX", "XX NX", "EX", "EX 10 PX 10", "EX 10 KEEPTTL", "KEEPTTL PXAT 5", "FOO", "PERSIST",
     "EXAT 5 EX 5", "GET GET FOO", "NX EX"],
)  # fmt: skip
def test_conflicting_options(runner: CommandRunner, options: str) -> None:
    """Options that exclude each other, lack a number or do not exist are syntax errors."""
    assert runner.run(f"SET k v {options}") == SYNTAX
    assert runner.run("GET k") == NULL


@pytest.mark.parametrize("number", ["0", "-1", "9223372036854775807", "9223372036854775"])
@pytest.mark.parametrize(
    ("form", "name"),
    [("SET k v EX {}", "set"), ("SETEX k {} v", "setex"), ("GETEX k EX {}", "getex")],
)
def test_impossible_expiries(runner: CommandRunner, form: str, name: str, number: str) -> None:
    """Not positive, or beyond 64 bits of milliseconds: refused with the command's name."""
    runner.run("SET k old")
    expected = b"-ERR invalid expire time in '%b' command\r\n" % name.encode()
    assert runner.run(form.format(number)) == expected
    assert runner.run("GET k") == bulk(b"old")
    assert runner.run(form.format("x")) == NOT_INTEGER


def test_psetex_takes_milliseconds(runner: CommandRunner) -> None:
    """And refuses what is no positive number of them."""
    assert runner.run("PSETEX k 7 v") == OK
    assert expiry(runner, b"k") == START_MS + 7
    refusal = b"-ERR invalid expire time in 'psetex' command\r\n"
    assert runner.run("PSETEX k 0 v") == refusal


def test_conditions(runner: CommandRunner) -> None:
    """NX writes where no key is, XX where one is; both answer null otherwise."""
    assert runner.run("SET k a XX") == NULL
    assert runner.run("SET k a NX") == OK
    assert runner.run("SET k b NX") == NULL
    assert runner.run("GET k") == bulk(b"a")
    assert runner.run("SET k b XX") == OK
    assert runner.run("GET k") == bulk(b"b")


def test_set_gives_the_old_value(runner: CommandRunner) -> None:
    """GET answers what was there, written over or not."""
    assert runner.run("SET k a GET") == NULL
    assert runner.run("SET k b NX GET") == bulk(b"a")
    assert runner.run("SET k c XX GET EX 10") == bulk(b"a")
    assert runner.run("SET l c XX GET") == NULL
    assert runner.run("GET l") == NULL
    assert expiry(runner, b"k") == START_MS + 10_000


def test_expired_keys_are_not_there(runner: CommandRunner) -> None:
    """At the millisecond of its expiry a key is gone for every command."""
    runner.run("SET k v PX 10")
    runner.pass_ms(9)
    assert runner.run("GET k") == bulk(b"v")
    runner.pass_ms(1)
    assert runner.run("GET k") == NULL
    assert runner.run("SET k w NX") == OK
    runner.run("SET l v PXAT 1")
    assert runner.run("SET l w XX GET") == NULL


def test_setnx_and_getset(runner: CommandRunner) -> None:
    """The old single-purpose forms."""
    assert runner.run("SETNX k a") == b":1\r\n"
    assert runner.run("SETNX k b") == b":0\r\n"
    runner.run("PEXPIRE k 50")
    assert runner.run("GETSET k c") == bulk(b"a")
    assert expiry(runner, b"k") == 0
    assert runner.run("GETSET l c") == NULL


def test_getdel(runner: CommandRunner) -> None:
    """Gives the value and deletes the key, once."""
    runner.run("SET k a")
    assert runner.run("GETDEL k") == bulk(b"a")
    assert runner.run("GETDEL k") == NULL
    assert runner.run("DBSIZE") == b":0\r\n"


def test_getex(runner: CommandRunner) -> None:
    """Changes the expiry only when asked to; a time in the past deletes."""
    assert runner.run("GETEX k EX 10") == NULL
    runner.run("SET k a")
    assert runner.run("GETEX k") == bulk(b"a")
    runner.run("GETEX k PX 70")
    runner.run("GETEX k")
    assert expiry(runner, b"k") == START_MS + 70
    runner.run("GETEX k PERSIST")
    assert expiry(runner, b"k") == 0
    assert runner.run("GETEX k EX 5 PERSIST") == SYNTAX
    assert runner.run("GETEX k NX") == SYNTAX
    assert runner.run("GETEX k EXAT 5") == bulk(b"a")
    assert runner.run("EXISTS k") == b":0\r\n"


def test_strlen(runner: CommandRunner) -> None:
    """Bytes, 0 for no key."""
    runner.run("SET", "k", "ä")
    assert runner.run("STRLEN k") == b":2\r\n"
    assert runner.run("STRLEN none") == b":0\r\n"


def test_several_keys(runner: CommandRunner) -> None:
    """MSET writes all pairs, the last of a repeated key; MGET answers null for what is not."""
    assert runner.run("MSET a 1 b 2 a 3") == OK
    assert runner.run("MGET a b") == b"*2\r\n$1\r\n3\r\n$1\r\n2\r\n"
    assert runner.run("MGET a none") == b"*2\r\n$1\r\n3\r\n$-1\r\n"
    assert runner.run("DBSIZE") == b":2\r\n"
    odd = b"-ERR wrong number of arguments for 'mset' command\r\n"
    assert runner.run("MSET a 1 b") == odd


def test_msetnx_is_all_or_nothing(runner: CommandRunner) -> None:
    """One key that exists keeps all from being written."""
    assert runner.run("MSETNX a 1 b 2") == b":1\r\n"
    assert runner.run("MSETNX c 1 b 3") == b":0\r\n"
    assert runner.run("MGET a b c") == b"*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n"
    odd = b"-ERR wrong number of arguments for 'msetnx' command\r\n"
    assert runner.run("MSETNX a 1 b") == odd


@pytest.mark.parametrize(
    "form",
    ["SET k {}", "SET k {} EX 5", "SETNX k {}", "SETEX k 5 {}", "PSETEX k 5 {}", "GETSET k {}",
     "MSET a 1 k {}", "MSETNX a 1 k {}", "APPEND k {}"],
)  # fmt: skip
def test_values_beyond_the_limit(form: str) -> None:
    """Every command that stores a value refuses one above the option, and changes nothing."""
    settings = Settings()
    settings.value_size_max_bytes = 4
    runner = CommandRunner(settings=settings)
    expected = (
        b"-ERR value is too long: 5 bytes given, at most 4 allowed "
        b"(option value-size-max-bytes)\r\n"
    )
    assert runner.run(form.format("12345")) == expected
    assert runner.run("DBSIZE") == b":0\r\n"
    assert runner.run(form.format("1234"))[:1] in b"+:$"
    assert runner.run("GET k") == bulk(b"1234")
