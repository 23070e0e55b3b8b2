"""The 22 string commands, each with its options, bounds and errors."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from compat_tests.both import Both
    from compat_tests.raw_client import Argument

MAXIMUM = 2**63 - 1
MINIMUM = -(2**63)
FAR_S = 4_102_444_800  # the year 2100
FAR_MS = FAR_S * 1000

#: Texts that an integer parser must take or refuse exactly as Redis does.
INTEGER_TEXTS = (
    "0",
    "1",
    "-1",
    "-0",
    "+1",
    "01",
    "007",
    " 1",
    "1 ",
    "",
    "1.0",
    "1e3",
    "0x10",
    "abc",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "1" * 30,
    "1" * 400,
    "-",
    "１",
    "1_000",
    b"1\x00",
    b"\xff\xfe",
)

#: Texts that a floating point parser must take or refuse exactly as Redis does.
FLOAT_TEXTS = (
    "0",
    "-0",
    "-0.0",
    "1",
    "1.5",
    "-1.5",
    ".5",
    "5.",
    "+5",
    "1e3",
    "1E-3",
    "5.0e3",
    "1e400",
    "-1e400",
    "1e4000",
    "1e5000",
    "1e-400",
    "1e-5000",
    "inf",
    "-inf",
    "+inf",
    "Infinity",
    "infinity",
    "nan",
    "NaN",
    "-nan",
    "0x10",
    "0x1p3",
    "0x1.8p-1",
    "",
    " ",
    " 1",
    "1 ",
    "1.0abc",
    "abc",
    "1_0",
    "0.1",
    "0.2",
    "3.0e-17",
    "1e17",
    "1e18",
    "123456789012345678",
    "12345678901234567890",
    "0.12345678901234567890",
    "1.7976931348623157e308",
    "4.9e-324",
    "9007199254740993",
    "1" * 300,
    "1" * 5000,
    b"1.5\x00",
)


@pytest.mark.parametrize("condition", [(), ("NX",), ("XX",), ("NX", "XX"), ("xx",), ("nX",)])
@pytest.mark.parametrize(
    "lifetime",
    [
        (),
        ("EX", 100),
        ("PX", 100_000),
        ("EXAT", FAR_S),
        ("PXAT", FAR_MS),
        ("KEEPTTL",),
        ("EX", 10, "PX", 10),
        ("EX", 10, "KEEPTTL"),
        ("KEEPTTL", "KEEPTTL"),
        ("PERSIST",),
        ("ex", 100),
    ],
)
def test_set_options_in_every_combination(
    both: Both, condition: tuple[str, ...], lifetime: tuple[Argument, ...]
) -> None:
    """Conditions, lifetimes and GET combine, in any order, as in Redis."""
    for get, order, before in itertools.product(((), ("GET",)), (0, 1, 2), (None, "plain", "ttl")):
        both.do("DEL", "key")
        if before:
            both.do("SET", "key", "old")
        if before == "ttl":
            both.do("PEXPIREAT", "key", FAR_MS + 5)
        parts = [condition, lifetime, get]
        rotated = parts[order:] + parts[:order]
        both.do("SET", "key", "new", *itertools.chain(*rotated))
        both.do("GET", "key")
        both.approx("PTTL", "key")


@pytest.mark.parametrize("option", ["EX", "PX", "EXAT", "PXAT"])
@pytest.mark.parametrize("number", [*INTEGER_TEXTS, "-100", str(2**53), str(MAXIMUM // 1000)])
def test_set_lifetime_numbers(both: Both, option: str, number: Argument) -> None:
    """Each number of SET, GETEX, SETEX and PSETEX is taken or refused with the same text."""
    if (option, number) == ("PX", "1"):
        number = "100000"  # a millisecond is over before the next command
    both.do("SET", "key", "old")
    both.do("SET", "key", "new", option, number)
    both.do("GET", "key")
    both.approx("PTTL", "key")
    both.do("SET", "key", "old")
    both.do("GETEX", "key", option, number)
    both.approx("PTTL", "key")
    if option in ("EX", "PX"):
        both.do("SETEX" if option == "EX" else "PSETEX", "key", number, "value")
        both.approx("PTTL", "key")


@pytest.mark.parametrize(
    "tail",
    [
        ("EX",),
        ("PX",),
        ("EXAT",),
        ("GET", "GET"),
        ("NX", "NX"),
        ("IFEQ", "x"),
        ("",),
        ("EX", "10", "10"),
        ("NX", "EX"),
        ("10",),
        ("XX", "GET", "EX", "abc"),
        ("EX", "10", "EX", "20"),
        ("EX", "10", "EXAT", FAR_S),
        ("PERSIST", "NX"),
        (b"E\x00", "1"),
    ],
)
def test_set_syntax_errors(both: Both, tail: tuple[Argument, ...]) -> None:
    """What SET cannot read it refuses with the same text and without a change."""
    both.do("SET", "key", "old")
    both.do("SET", "key", "new", *tail)
    both.do("GET", "key")
    both.do("TTL", "key")


def test_set_keeps_or_drops_the_lifetime(both: Both) -> None:
    """SET drops an expiry, KEEPTTL and commands that change a value in place keep it."""
    for command in (
        ("SET", "key", "1"),
        ("SET", "key", "1", "KEEPTTL"),
        ("GETSET", "key", "1"),
        ("APPEND", "key", "1"),
        ("INCR", "key"),
        ("INCRBYFLOAT", "key", "1.5"),
        ("SETRANGE", "key", "0", "2"),
        ("SETNX", "key", "1"),
        ("MSET", "key", "1"),
        ("MSETNX", "key", "1"),
        ("GETEX", "key"),
        ("GETEX", "key", "PERSIST"),
        ("GETDEL", "key"),
    ):
        both.do("SET", "key", "10", "PXAT", FAR_MS)
        both.do(*command)
        both.do("PEXPIRETIME", "key")


@pytest.mark.parametrize(
    "tail",
    [
        (),
        ("PERSIST",),
        ("persist",),
        ("EX", 100),
        ("PX", 100_000),
        ("EXAT", 1),
        ("PXAT", 1),
        ("EXAT", FAR_S),
        ("PXAT", FAR_MS),
        ("PERSIST", "PERSIST"),
        ("EX", 10, "PERSIST"),
        ("KEEPTTL",),
        ("NX",),
        ("GET",),
        ("EX",),
        ("",),
        ("EX", 0),
        ("EX", -1),
    ],
)
def test_getex(both: Both, tail: tuple[Argument, ...]) -> None:
    """GETEX reads, and changes the lifetime only by its option; a past time deletes."""
    for before in ((), ("SET", "key", "value"), ("SET", "key", "value", "PXAT", FAR_MS + 7)):
        both.do("DEL", "key")
        if before:
            both.do(*before)
        both.do("GETEX", "key", *tail)
        both.do("EXISTS", "key")
        both.approx("PTTL", "key")


def test_getdel_getset_setnx(both: Both) -> None:
    """The old value is returned; what does not exist is null."""
    for command in (
        ("GETDEL", "no"),
        ("GETSET", "a", "1"),
        ("GETSET", "a", b"\x00\r\n\xff"),
        ("GETDEL", "a"),
        ("GET", "a"),
        ("SETNX", "a", ""),
        ("SETNX", "a", "2"),
        ("GET", "a"),
        ("STRLEN", "a"),
        ("STRLEN", "no"),
    ):
        both.do(*command)


@pytest.mark.parametrize("command", ["INCR", "DECR"])
@pytest.mark.parametrize("value", INTEGER_TEXTS)
def test_increment_of_any_value(both: Both, command: str, value: Argument) -> None:
    """A stored value is an integer or not by Redis' strict rule, and overflow is refused."""
    both.do("SET", "key", value)
    both.do(command, "key")
    both.do("GET", "key")
    both.do(command, "missing")


@pytest.mark.parametrize("command", ["INCRBY", "DECRBY"])
@pytest.mark.parametrize("amount", INTEGER_TEXTS)
def test_increment_by_any_amount(both: Both, command: str, amount: Argument) -> None:
    """An amount is taken or refused by the strict rule; sums beyond 64 bits are refused."""
    for value in (None, "0", str(MAXIMUM), str(MINIMUM), "-1", "abc"):
        both.do("DEL", "key")
        if value is not None:
            both.do("SET", "key", value)
        both.do(command, "key", amount)
        both.do("GET", "key")


@pytest.mark.parametrize("text", FLOAT_TEXTS)
def test_increment_by_float_parses(both: Both, text: Argument) -> None:
    """INCRBYFLOAT reads amounts and stored values by the rules of a C long double."""
    both.do("DEL", "key")
    both.do("INCRBYFLOAT", "key", text)
    both.do("GET", "key")
    both.do("SET", "key", text)
    both.do("INCRBYFLOAT", "key", "1.25")
    both.do("GET", "key")


def test_increment_by_float_formats(both: Both) -> None:
    """Sums are printed with 17 digits after the point, without trailing zeros or exponent."""
    amounts = ("0.1", "0.2", "3", "-3.3", "1e5", "1e-5", "1e10", "1e-10", "1e17", "-1e17")
    for first, second in itertools.product(amounts, amounts):
        both.do("SET", "key", first)
        both.do("INCRBYFLOAT", "key", second)
        both.do("INCRBYFLOAT", "key", "0.0000000000000001")
        both.do("INCRBYFLOAT", "key", f"-{second}".replace("--", ""))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        *itertools.product((0, 1, -1, -3, 5, -6, 100, -100), (0, 1, -1, -3, 5, -6, 100, -100)),
        (MINIMUM, MAXIMUM),
        (MAXIMUM, MINIMUM),
        (MINIMUM, MINIMUM),
        ("abc", 0),
        (0, "9223372036854775808"),
        ("", ""),
        ("1.0", "2"),
    ],
)
def test_getrange_bounds(both2: Both, start: Argument, end: Argument) -> None:
    """Every pair of bounds gives the same slice, for GETRANGE and its old name."""
    both2.do("SET", "key", "hello")
    both2.do("SET", "empty", "")
    for key in ("key", "empty", "missing"):
        both2.do("GETRANGE", key, start, end)
        both2.do("SUBSTR", key, start, end)


@pytest.mark.parametrize(
    "offset", [0, 1, 3, 10, -1, MAXIMUM, MINIMUM, 536870905, 536870912, "abc", "", "1.5"]
)
@pytest.mark.parametrize("value", ["", "a longer value"])
def test_setrange_bounds(both2: Both, offset: Argument, value: str) -> None:
    """Gaps are filled with zero bytes, an empty value changes nothing, limits hold."""
    for before in (None, "", "hello"):
        both2.do("DEL", "key")
        if before is not None:
            both2.do("SET", "key", before)
        both2.do("SETRANGE", "key", offset, value)
        both2.do("EXISTS", "key")
        both2.do("GET", "key")


def test_append(both: Both) -> None:
    """APPEND creates, extends and answers the length in bytes."""
    for command in (
        ("APPEND", "key", ""),
        ("EXISTS", "key"),
        ("APPEND", "key", "one"),
        ("APPEND", "key", b"\x00\xff"),
        ("APPEND", "key", ""),
        ("APPEND", "key", "é"),
        ("GET", "key"),
        ("STRLEN", "key"),
        ("SET", "number", "10"),
        ("APPEND", "number", "1"),
        ("INCR", "number"),
    ):
        both.do(*command)


def test_many_keys(both: Both) -> None:
    """MGET, MSET and MSETNX treat repeated, missing and odd arguments as Redis does."""
    for command in (
        ("MSET", "a", "1", "b", "2", "a", "3"),
        ("MGET", "a", "b", "missing", "a"),
        ("MSETNX", "c", "1", "a", "9"),
        ("MGET", "c", "a"),
        ("MSETNX", "d", "1", "d", "2", "e", ""),
        ("MGET", "d", "e"),
        ("MSET", "a"),
        ("MSET", "a", "1", "b"),
        ("MSETNX", "a", "1", "b"),
        ("MSETNX", "a"),
        ("MGET",),
        ("MSET", "", "empty key", b"\x00", b"\xff"),
        ("MGET", "", b"\x00"),
    ):
        both.do(*command)


_LCS_OPTIONS: tuple[tuple[Argument, ...], ...] = (
    (),
    ("LEN",),
    ("IDX",),
    ("IDX", "WITHMATCHLEN"),
    ("IDX", "MINMATCHLEN", 2),
    ("IDX", "MINMATCHLEN", 4, "WITHMATCHLEN"),
    ("WITHMATCHLEN", "idx", "MINMATCHLEN", 1),
    ("IDX", "MINMATCHLEN", 0),
    ("IDX", "MINMATCHLEN", -5),
    ("IDX", "MINMATCHLEN", "abc"),
    ("IDX", "MINMATCHLEN"),
    ("LEN", "IDX"),
    ("LEN", "WITHMATCHLEN"),
    ("MINMATCHLEN", 2),
    ("WITHMATCHLEN",),
    ("LEN", "LEN"),
    ("foo",),
    ("",),
)


@pytest.mark.parametrize("options", _LCS_OPTIONS, ids=str)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ohmytext", "mynewtext"),
        ("", "abc"),
        ("abc", ""),
        ("", ""),
        ("same", "same"),
        ("abc", "xyz"),
        ("aXbXcXd", "abcd"),
        ("aaaa", "aa"),
        ("abcabcabc", "cbacbacba"),
        (b"\x00\xff\x00", b"\xff\x00\x00"),
        (None, "abc"),
        ("abc", None),
        (None, None),
    ],
)
def test_lcs(
    both: Both, options: tuple[Argument, ...], first: Argument | None, second: Argument | None
) -> None:
    """LCS finds the same subsequence and the same ranges, last match first."""
    for key, value in (("a", first), ("b", second)):
        if value is not None:
            both.do("SET", key, value)
    both.do("LCS", "a", "b", *options)
    both.do("LCS", "a", "a", *options)


def test_wrong_type(both: Both) -> None:
    """String commands refuse a key that holds another type."""
    if both.meridian.do("LPUSH", "list", "x").startswith(b"-"):
        pytest.skip("the server under test has no type but strings yet")
    both.redis.do("LPUSH", "list", "x")
    for command in (
        ("GET", "list"),
        ("SET", "list", "x", "GET"),
        ("GETSET", "list", "x"),
        ("GETDEL", "list"),
        ("GETEX", "list"),
        ("APPEND", "list", "x"),
        ("INCR", "list"),
        ("INCRBYFLOAT", "list", "1"),
        ("GETRANGE", "list", "0", "1"),
        ("SETRANGE", "list", "0", "1"),
        ("STRLEN", "list"),
        ("MGET", "list"),
        ("LCS", "list", "list"),
        ("SETNX", "list", "x"),
        ("MSETNX", "list", "x"),
        ("TYPE", "list"),
        ("SET", "list", "x", "XX"),
        ("TYPE", "list"),
    ):
        both.do(*command)


@pytest.mark.parametrize("size", [0, 1, 44, 45, 1000, 16_384, 65_536, 1_000_000])
def test_values_of_any_size_and_bytes(both: Both, size: int) -> None:
    """Values come back as they were, whatever their length and bytes."""
    value = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    both.do("SET", "key", value)
    assert both.do("GET", "key") == value
    both.do("STRLEN", "key")
    both.do("GETRANGE", "key", "-300", "-1")
