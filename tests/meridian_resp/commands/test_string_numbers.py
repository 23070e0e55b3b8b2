"""Tests of INCR and its family. Expected replies were taken from redis-server 7.0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.command_runner import START_MS, CommandRunner

NOT_INTEGER = b"-ERR value is not an integer or out of range\r\n"
OVERFLOW = b"-ERR increment or decrement would overflow\r\n"
INT64 = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture
def runner() -> CommandRunner:
    """An empty server."""
    return CommandRunner()


def test_counting(runner: CommandRunner) -> None:
    """A key that does not exist counts as 0; each reply is the new value."""
    words = ["INCR k", "INCR k", "DECR k", "INCRBY k 10", "DECRBY k 20", "INCRBY k -5"]
    expected = [b":1\r\n", b":2\r\n", b":1\r\n", b":11\r\n", b":-9\r\n", b":-14\r\n"]
    assert [runner.run(word) for word in words] == expected
    assert runner.run("GET k") == b"$3\r\n-14\r\n"


@given(INT64, INT64)
def test_sums_stay_within_64_bits(value: int, amount: int) -> None:
    """Whatever is added is exact or refused, and a refusal changes nothing."""
    runner = CommandRunner()
    runner.run("SET", "k", value)
    reply = runner.run("INCRBY", "k", amount)
    total = value + amount
    if -(2**63) <= total < 2**63:
        assert reply == b":%d\r\n" % total
    else:
        assert reply == OVERFLOW
        total = value
    text = b"%d" % total
    assert runner.run("GET k") == b"$%d\r\n%b\r\n" % (len(text), text)


@pytest.mark.parametrize("value", ["", " 1", "1 ", "+1", "01", "1.0", "x", "9223372036854775808"])
def test_what_is_no_integer(runner: CommandRunner, value: str) -> None:
    """Neither as a stored value nor as an argument."""
    runner.run("SET", "k", value)
    assert runner.run("INCR k") == NOT_INTEGER
    assert runner.run("INCRBY", "none", value) == NOT_INTEGER
    assert runner.run("DECRBY", "none", value) == NOT_INTEGER
    assert runner.run("EXISTS none") == b":0\r\n"


def test_the_least_number_has_no_negative(runner: CommandRunner) -> None:
    """DECRBY of it is refused by a text of its own."""
    refusal = b"-ERR decrement would overflow\r\n"
    assert runner.run("DECRBY k -9223372036854775808") == refusal
    assert runner.run("INCRBY k -9223372036854775808") == b":-9223372036854775808\r\n"
    assert runner.run("DECR k") == OVERFLOW


@pytest.mark.parametrize("form", ["INCR k", "DECRBY k 5", "INCRBYFLOAT k 1.5"])
def test_counting_keeps_the_expiry(runner: CommandRunner, form: str) -> None:
    """A counter with an expiry goes on to expire when it would have."""
    runner.run("SET k 1 PX 500")
    runner.run(form)
    assert runner.keyspace.databases[0].expire_at_ms(b"k") == START_MS + 500


@pytest.mark.parametrize(
    ("value", "amount", "total"),
    [("10.50", "0.1", b"10.6"), ("5.0e3", "2.0e2", b"5200"), ("0.1", "0.2", b"0.3"),
     ("1", "-1", b"0"), ("3", "-5", b"-2"), ("0x10", "1", b"17")],
)  # fmt: skip
def test_floating_point(runner: CommandRunner, value: str, amount: str, total: bytes) -> None:
    """Sums print as in Redis, and the printed text is what is stored."""
    runner.run("SET", "k", value)
    expected = b"$%d\r\n%b\r\n" % (len(total), total)
    assert runner.run("INCRBYFLOAT", "k", amount) == expected
    assert runner.run("GET k") == expected


def test_floating_point_from_nothing(runner: CommandRunner) -> None:
    """A key that does not exist counts as 0."""
    assert runner.run("INCRBYFLOAT k -.5") == b"$4\r\n-0.5\r\n"


@pytest.mark.parametrize("text", ["", "x", "nan", " 1", "1e5000"])
def test_what_is_no_float(runner: CommandRunner, text: str) -> None:
    """Neither as a stored value nor as an argument."""
    refusal = b"-ERR value is not a valid float\r\n"
    assert runner.run("INCRBYFLOAT", "none", text) == refusal
    runner.run("SET", "k", text)
    assert runner.run("INCRBYFLOAT", "k", "1") == refusal


@pytest.mark.parametrize(("value", "amount"), [("1", "inf"), ("inf", "-inf"), ("-inf", "1")])
def test_no_infinity_is_stored(runner: CommandRunner, value: str, amount: str) -> None:
    """Infinite and undefined sums are refused."""
    runner.run("SET", "k", value)
    refusal = b"-ERR increment would produce NaN or Infinity\r\n"
    assert runner.run("INCRBYFLOAT", "k", amount) == refusal
