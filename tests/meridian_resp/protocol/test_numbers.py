"""Tests of numbers as Redis reads and writes them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.protocol.numbers import (
    INT64_MAX,
    INT64_MIN,
    format_double,
    parse_double,
    parse_int64,
)


@given(st.integers(INT64_MIN, INT64_MAX))
def test_every_64_bit_integer_reads_back(value: int) -> None:
    """The canonical form of any signed 64-bit integer means that integer."""
    assert value == parse_int64(b"%d" % value)


@pytest.mark.parametrize(
    "text",
    [b"", b"-", b"+1", b" 1", b"1 ", b"01", b"-0", b"--1", b"1_0", b"0x1", b"1.0", b"1e3",
     b"9223372036854775808", b"-9223372036854775809", b"1" * 5000, "١".encode(), b"1\n", b"1\0"],
)  # fmt: skip
def test_only_the_canonical_form_is_an_integer(text: bytes) -> None:
    """Signs, blanks, leading zeros and numbers beyond 64 bits are no integers."""
    assert parse_int64(text) is None


@given(st.binary(max_size=25))
def test_bytes_that_read_as_an_integer_are_its_canonical_form(text: bytes) -> None:
    """Whatever is accepted prints as exactly the same bytes."""
    value = parse_int64(text)
    assert value is None or text == b"%d" % value


@given(st.floats(allow_nan=False))
def test_a_double_survives_printing_and_reading(value: float) -> None:
    """17 significant digits are enough to tell any two doubles apart."""
    again = parse_double(format_double(value))
    assert again is not None
    assert (value, math.copysign(1, value)) == (again, math.copysign(1, again))


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"1.", 1.0), (b".5", 0.5), (b"-1e-3", -0.001), (b"+2", 2.0), (b"0x10", 16.0),
     (b"0x1.8p1", 3.0), (b"-0X.8", -0.5), (b"INF", math.inf), (b"-Infinity", -math.inf),
     (b"0e999999", 0.0), (b"0x0p-99999", 0.0)],
)  # fmt: skip
def test_forms_of_strtod(text: bytes, value: float) -> None:
    """Decimal, hexadecimal and infinite forms of C are understood."""
    assert value == parse_double(text)


@pytest.mark.parametrize(
    "text",
    [b"", b".", b"nan", b" 1", b"1 ", b"1e", b"0x", b"1_0", b"1e400", b"-1e400", b"1e-400",
     b"0x1p5000", b"0xep-5000", b"infinit", b"1,5"],
)  # fmt: skip
def test_what_is_no_double(text: bytes) -> None:
    """NaN, blanks, rests, and finite numbers that no double can hold are refused."""
    assert parse_double(text) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, b"0"), (-0.0, b"-0"), (3.0, b"3"), (0.1, b"0.10000000000000001"),
     (1e16, b"10000000000000000"),
     (1e17, b"1e+17"), (-2.5, b"-2.5"), (math.inf, b"inf"), (-math.inf, b"-inf"),
     (math.nan, b"nan")],
)  # fmt: skip
def test_printed_doubles(value: float, text: bytes) -> None:
    """Doubles look as `%.17g` prints them."""
    assert text == format_double(value)
