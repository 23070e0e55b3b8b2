"""Tests of 80-bit floating point. Expected values were taken from redis-server 7.0 on x86-64."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.protocol.long_doubles import TEXT_BYTES_MAX, LongDouble

finite_texts = st.builds(
    lambda whole, part, exponent: b"%d.%de%d" % (whole, part, exponent),
    st.integers(-(10**25), 10**25),
    st.integers(0, 10**25),
    st.integers(-40, 40),
)


def exact(value: LongDouble) -> Fraction:
    """The rational number that a finite value is."""
    return Fraction(value.mantissa) * Fraction(2) ** value.exponent


def parsed(text: bytes) -> LongDouble:
    """A value that has to be readable."""
    value = LongDouble.parse(text)
    assert value is not None
    return value


def added(first: bytes, second: bytes) -> bytes:
    """What INCRBYFLOAT stores."""
    total = parsed(first) + parsed(second)
    assert total is not None
    return total.format()


@pytest.mark.parametrize(
    ("first", "second", "total"),
    [
        (b"0.1", b"0.2", b"0.3"),
        (b"10.50", b"0.1", b"10.6"),
        (b"5.0e3", b"2.0e2", b"5200"),
        (b"3.0", b"1.000000000000000005", b"4.00000000000000001"),
        (b"-1e-30", b"0", b"0"),
        (b"0x1.8p1", b"-.5", b"2.5"),
        (b"1", b"-1", b"0"),
        (b"18446744073709551615", b"1", b"18446744073709551616"),
        (b"18446744073709551616", b"1", b"18446744073709551616"),
        (b"18446744073709551616", b"3", b"18446744073709551620"),
        (b"-7", b"2", b"-5"),
    ],
)
def test_sums_print_as_in_redis(first: bytes, second: bytes, total: bytes) -> None:
    """64 bits of precision and 17 decimals without zeros at the end."""
    assert total == added(first, second)


@pytest.mark.parametrize(
    "text",
    [b"", b" 1", b"1 ", b".", b"-", b"1e", b"0x", b"0x1p", b"nan", b"1_0", b"1e4933", b"1e-4967",
     b"1e99999999999999999999", b"0" * TEXT_BYTES_MAX + b"1"],
)  # fmt: skip
def test_what_is_no_number(text: bytes) -> None:
    """Blanks, rests, NaN, numbers out of range and overlong text are refused."""
    assert LongDouble.parse(text) is None


@pytest.mark.parametrize(
    "text", [b"0e99999999999999999999", b"1e4932", b"1e-4950", b"inf", b"-INFINITY", b"1" * 4900]
)
def test_the_edges_of_the_range(text: bytes) -> None:
    """Zero with any exponent, the greatest and smallest magnitudes, and infinities are numbers."""
    assert LongDouble.parse(text) is not None


def test_infinities() -> None:
    """Infinity absorbs what is finite; two opposite ones make no number."""
    infinity, minus = parsed(b"inf"), parsed(b"-inf")
    total = infinity + parsed(b"5")
    assert total is not None
    assert total.is_infinite
    assert (parsed(b"5") + minus) == minus
    assert infinity + minus is None


def test_a_sum_can_overflow() -> None:
    """A finite sum beyond the greatest value is infinite."""
    greatest = parsed(b"1.18973149535723176502e4932")
    total = greatest + greatest
    assert total is not None
    assert total.is_infinite


def test_very_long_numbers_print() -> None:
    """All 4933 digits of the greatest values appear."""
    text = parsed(b"1e4932").format()
    assert len(text) == 4933
    assert text.isdigit()


@given(finite_texts)
def test_reading_rounds_to_the_nearest_of_64_bits(text: bytes) -> None:
    """No value of 64 bits is nearer to the text than the one read, and ties go to even."""
    value = parsed(text)
    assert value.mantissa.bit_length() <= 64
    distance = abs(exact(value) - Fraction(text.decode()))
    half_step = Fraction(2) ** (value.exponent - 1)
    assert distance <= half_step
    if distance == half_step:
        assert value.mantissa % 2 == 0


@given(finite_texts, finite_texts)
def test_sums_are_exact_and_rounded_once(first: bytes, second: bytes) -> None:
    """A sum is commutative and within half a step of the exact one."""
    left, right = parsed(first), parsed(second)
    total = left + right
    assert total is not None
    assert total == right + left
    distance = abs(exact(total) - exact(left) - exact(right))
    assert distance <= Fraction(2) ** (total.exponent - 1)


@given(finite_texts)
def test_printing_rounds_to_17_decimals(text: bytes) -> None:
    """What is printed is within half of the last decimal, without zeros at the end."""
    value = parsed(text)
    printed = value.format()
    assert abs(Fraction(printed.decode()) - exact(value)) <= Fraction(1, 2 * 10**17)
    assert printed != b"-0"
    if b"." in printed:
        assert not printed.endswith((b"0", b"."))
