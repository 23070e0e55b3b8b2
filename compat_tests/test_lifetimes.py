"""Expiry: setting it, asking for it, and keys that go, by reading them and by themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from compat_tests.both import Both
    from compat_tests.raw_client import Argument

FAR_S = 4_102_444_800
MAXIMUM = 2**63 - 1
SETTERS = ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT")
GETTERS = ("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME")
CONDITIONS = ((), ("NX",), ("XX",), ("GT",), ("LT",))


def number_for(setter: str, seconds_from_now: int) -> int:
    """Return a setter's argument for a moment that many seconds ahead."""
    value = seconds_from_now if "AT" not in setter else int(time.time()) + seconds_from_now
    return value * 1000 if setter.startswith("P") else value


@pytest.mark.parametrize("setter", SETTERS)
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
@pytest.mark.parametrize("before_s", [None, 1000, 100_000], ids=str)
def test_conditions(
    both: Both, setter: str, condition: tuple[str, ...], before_s: int | None
) -> None:
    """NX, XX, GT and LT compare with the present lifetime; none counts as infinite."""
    for seconds in (10, 5000, 500_000, -1):
        both.do("SET", "key", "value")
        if before_s is not None:
            both.do("EXPIRE", "key", before_s)
        both.do(setter, "key", number_for(setter, seconds), *condition)
        for getter in GETTERS:
            both.approx(getter, "key", tolerance=2000 if getter.startswith("P") else 2)
        both.do("EXISTS", "key")
    both.do(setter, "missing", number_for(setter, 100), *condition)


@pytest.mark.parametrize(
    "flags",
    [
        ("NX", "XX"),
        ("XX", "NX"),
        ("GT", "LT"),
        ("NX", "GT"),
        ("NX", "LT"),
        ("XX", "GT"),
        ("XX", "LT"),
        ("GT", "XX"),
        ("nx",),
        ("gt", "GT"),
        ("foo",),
        ("",),
        ("NX", "foo"),
        ("XX", "GT", "LT"),
        ("NX", "XX", "GT", "LT"),
    ],
)
@pytest.mark.parametrize("setter", SETTERS)
def test_combined_conditions(both2: Both, setter: str, flags: tuple[str, ...]) -> None:
    """Combinations are allowed or refused with the same text."""
    for command in (("SET", "key", "v"), ("SET", "key", "v", "EX", "1000"), ("DEL", "key")):
        both2.do(*command)
        both2.do(setter, "key", number_for(setter, 5000), *flags)
        both2.approx("PTTL", "key")


@pytest.mark.parametrize("setter", SETTERS)
@pytest.mark.parametrize(
    "number",
    [
        "0",
        "-1",
        "-9223372036854775808",
        str(MAXIMUM),
        str(MAXIMUM // 1000),
        str(MAXIMUM // 1000 + 1),
        str(-MAXIMUM // 1000 - 1),
        "9223372036854775808",
        "1.5",
        "abc",
        "",
        " 1",
        "9223370399119966",
        "9223370399119966000",
    ],
)
def test_numbers(both: Both, setter: str, number: Argument) -> None:
    """Past moments delete, too large ones are refused, with the same text."""
    both.do("SET", "key", "value", "EX", "777")
    both.do(setter, "key", number)
    both.do("EXISTS", "key")
    both.approx("PTTL", "key")
    both.approx("PEXPIRETIME", "key")


def test_absolute_times_are_exact(both: Both) -> None:
    """EXPIREAT and its kin store the moment that was given, to the millisecond."""
    both.do("SET", "key", "value")
    for setter, number in (
        ("EXPIREAT", FAR_S),
        ("PEXPIREAT", FAR_S * 1000 + 123),
        ("PEXPIREAT", FAR_S * 1000 + 999),
        ("EXPIREAT", 2**40),
        ("PEXPIREAT", 2**50),
    ):
        both.do(setter, "key", number)
        both.do("EXPIRETIME", "key")
        both.do("PEXPIRETIME", "key")
        both.approx("TTL", "key", tolerance=2)


def test_persist_and_missing(both: Both) -> None:
    """-2 is no key, -1 no lifetime; PERSIST says whether it removed one."""
    for getter in GETTERS:
        both.do(getter, "missing")
    both.do("PERSIST", "missing")
    both.do("SET", "key", "value")
    for getter in GETTERS:
        both.do(getter, "key")
    both.do("PERSIST", "key")
    both.do("EXPIRE", "key", "100")
    both.do("PERSIST", "key")
    both.do("TTL", "key")


@pytest.mark.parametrize(
    "read",
    [
        ("GET", "key"),
        ("EXISTS", "key"),
        ("TYPE", "key"),
        ("TTL", "key"),
        ("STRLEN", "key"),
        ("MGET", "key"),
        ("TOUCH", "key"),
        ("KEYS", "*"),
        ("DBSIZE",),
        ("RANDOMKEY",),
        ("DEL", "key"),
        ("GETRANGE", "key", "0", "1"),
        ("PERSIST", "key"),
        ("OBJECT", "ENCODING", "key"),
        ("RENAME", "key", "other"),
        ("COPY", "key", "other"),
        ("MOVE", "key", "1"),
        ("SETNX", "key", "new"),
        ("SET", "key", "new", "XX"),
        ("INCR", "key"),
        ("APPEND", "key", "new"),
        ("GETDEL", "key"),
    ],
)
def test_an_expired_key_is_gone_for_every_command(both2: Both, read: tuple[str, ...]) -> None:
    """Once its moment has passed a key does not exist, whoever asks first."""
    both2.do("SET", "key", "5", "PX", "5")
    other = both2.another()
    other.do("SET", "watch", "x", "PX", "5")
    other.eventually(-2, "PTTL", "watch")
    if read == ("DBSIZE",):
        both2.eventually(0, *read)
        return
    both2.do(*read)
    both2.do("GET", "key")
    both2.do("TTL", "key")


def test_expired_keys_go_without_being_read(both2: Both) -> None:
    """The active cycle removes keys that nobody asks for, in every database."""
    for database in (0, 1, 9):
        both2.do("SELECT", database)
        for index in range(40):
            both2.do("SET", f"key{index}", "value", "PX", 20 + index)
        both2.do("SET", "stays", "value")
    for database in (0, 1, 9):
        both2.do("SELECT", database)
        both2.eventually(1, "DBSIZE", within_s=10)
        both2.do("KEYS", "*")
    for client in (both2.redis, both2.meridian):
        assert b"expired_keys:0\r" not in client.do("INFO", "stats")


def test_a_shorter_lifetime_wins(both2: Both) -> None:
    """A changed lifetime counts, the earlier one does not."""
    both2.do("SET", "key", "value", "PX", "30")
    both2.do("EXPIRE", "key", "1000")
    both2.do("SET", "gone", "value", "EX", "1000")
    both2.do("PEXPIRE", "gone", "10")
    both2.do("SET", "kept", "value", "PX", "30")
    both2.do("PERSIST", "kept")
    both2.do("SET", "probe", "value", "PX", "40")
    both2.eventually(0, "EXISTS", "probe")
    both2.do("MGET", "key", "gone", "kept")


def test_a_recreated_key_has_no_lifetime(both2: Both) -> None:
    """After a key expired, a new one of its name lives on."""
    both2.do("SET", "key", "old", "PX", "5")
    both2.eventually(0, "EXISTS", "key")
    both2.do("APPEND", "key", "new")
    both2.do("TTL", "key")
    both2.do("GET", "key")
