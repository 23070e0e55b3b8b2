"""Tests of when keys expire. Expected replies were taken from redis-server 7.0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.command_runner import START_MS, CommandRunner

ZERO, ONE = b":0\r\n", b":1\r\n"
NX_ALONE = b"-ERR NX and XX, GT or LT options at the same time are not compatible\r\n"
GT_OR_LT = b"-ERR GT and LT options at the same time are not compatible\r\n"
#: Name, milliseconds per unit, whether the time is absolute.
FORMS = [("EXPIRE", 1000, False), ("PEXPIRE", 1, False), ("EXPIREAT", 1000, True),
         ("PEXPIREAT", 1, True)]  # fmt: skip


@pytest.fixture
def runner() -> CommandRunner:
    """A key `k`."""
    made = CommandRunner()
    made.run("SET k v")
    return made


def expiry(runner: CommandRunner) -> int | None:
    """When `k` expires."""
    return runner.keyspace.databases[0].expire_at_ms(b"k")


@pytest.mark.parametrize(("name", "unit_ms", "is_absolute"), FORMS)
def test_setting(runner: CommandRunner, name: str, unit_ms: int, is_absolute: bool) -> None:
    """Each form means an absolute time in milliseconds; a key is needed."""
    at_ms = START_MS + 70_000
    number = (at_ms if is_absolute else 70_000) // unit_ms
    assert runner.run(name, "none", number) == ZERO
    assert runner.run(name, "k", number) == ONE
    assert expiry(runner) == at_ms


@pytest.mark.parametrize(("name", "unit_ms", "is_absolute"), FORMS)
@pytest.mark.parametrize("number", [0, -1, -(2**63 // 1000)])
def test_times_that_are_over_delete(
    runner: CommandRunner, name: str, unit_ms: int, is_absolute: bool, number: int
) -> None:
    """Not positive: the key is deleted, which is no expiry in the counters."""
    assert runner.run(name, "k", number) == ONE
    assert runner.run("EXISTS k") == ZERO
    assert runner.keyspace.counters.expired_keys == 0


@pytest.mark.parametrize(
    ("name", "number"),
    [("EXPIRE", 2**63 // 1000), ("EXPIRE", -(2**63)), ("EXPIREAT", 2**63 // 1000 + 1),
     ("PEXPIRE", 2**63 - 1), ("PEXPIRE", 2**63 - START_MS)],
)  # fmt: skip
def test_times_beyond_64_bits(runner: CommandRunner, name: str, number: int) -> None:
    """Refused with the command's name, before the key is looked for."""
    expected = b"-ERR invalid expire time in '%b' command\r\n" % name.lower().encode()
    assert runner.run(name, "k", number) == expected
    assert runner.run(name, "none", number) == expected
    assert expiry(runner) == 0


def test_the_last_possible_time(runner: CommandRunner) -> None:
    """The end of 64 bits is a time like any other."""
    assert runner.run("PEXPIREAT", "k", 2**63 - 1) == ONE
    assert runner.run("PEXPIRETIME k") == b":9223372036854775807\r\n"


@given(
    st.sampled_from([0, 5000, 9000]),
    st.sampled_from([1000, 5000, 9000]),
    st.sampled_from(["NX", "XX", "GT", "LT", "XX GT", "LT XX", "xx"]),
)
def test_conditions(current_ms: int, wanted_ms: int, options: str) -> None:
    """NX: had none; XX: had one; GT: later; LT: earlier, where none is later than any."""
    runner = CommandRunner()
    runner.run("SET k v")
    if current_ms:
        runner.run("PEXPIRE", "k", current_ms)
    words = options.upper().split()
    is_met = (
        ("NX" not in words or not current_ms)
        and ("XX" not in words or current_ms > 0)
        and ("GT" not in words or 0 < current_ms < wanted_ms)
        and ("LT" not in words or not current_ms or wanted_ms < current_ms)
    )
    reply = runner.run("PEXPIRE", "k", wanted_ms, *options.split())
    assert reply == (ONE if is_met else ZERO)
    expected_ms = wanted_ms if is_met else current_ms
    assert expiry(runner) == (START_MS + expected_ms if expected_ms else 0)


@pytest.mark.parametrize(
    ("options", "refusal"),
    [("FOO", b"-ERR Unsupported option FOO\r\n"), ("NX XX", NX_ALONE), ("GT NX", NX_ALONE),
     ("NX LT", NX_ALONE), ("GT LT", GT_OR_LT), ("XX GT LT", GT_OR_LT)],
)  # fmt: skip
def test_conditions_that_contradict(runner: CommandRunner, options: str, refusal: bytes) -> None:
    """Refused before the time is even read."""
    assert runner.run(f"EXPIRE k x {options}") == refusal
    assert runner.run("EXPIRE k x NX") == b"-ERR value is not an integer or out of range\r\n"


def test_reading(runner: CommandRunner) -> None:
    """-2 for no key, -1 for no expiry, else the rounded rest or the rounded time."""
    names = ("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME")
    assert [runner.run(f"{name} none") for name in names] == [b":-2\r\n"] * 4
    assert [runner.run(f"{name} k") for name in names] == [b":-1\r\n"] * 4
    runner.run("PEXPIRE k 10499")
    assert [runner.run(f"{name} k") for name in names] == [
        b":10\r\n",
        b":10499\r\n",
        b":1700000010\r\n",
        b":1700000010499\r\n",
    ]
    runner.run("PEXPIRE k 10500")
    assert runner.run("TTL k") == b":11\r\n"
    assert runner.run("EXPIRETIME k") == b":1700000011\r\n"


def test_time_passes(runner: CommandRunner) -> None:
    """The rest shrinks; at its end the key is gone."""
    runner.run("PEXPIRE k 10")
    runner.pass_ms(9)
    assert runner.run("PTTL k") == ONE
    runner.pass_ms(1)
    assert runner.run("PTTL k") == b":-2\r\n"
    assert runner.keyspace.counters.expired_keys == 1


def test_persist(runner: CommandRunner) -> None:
    """1 when there was an expiry to remove."""
    assert runner.run("PERSIST k") == ZERO
    assert runner.run("PERSIST none") == ZERO
    runner.run("EXPIRE k 10")
    assert runner.run("PERSIST k") == ONE
    assert runner.run("TTL k") == b":-1\r\n"
