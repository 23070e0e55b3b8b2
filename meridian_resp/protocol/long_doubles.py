"""Long doubles: the 80-bit floating point of x86, in which INCRBYFLOAT computes.

Python's float has 53 bits of precision, Redis on x86 computes with 64 and prints 17 decimals, so
the difference shows (0.1 + 0.2 is 0.3 there). This is the format in integers: a finite value is
`mantissa * 2**exponent` with a mantissa of at most 64 bits; every operation is exact and then
rounded once, to nearest, ties to even. Decimal arithmetic would round at other places.

Rejected: ctypes, because it turns every long double into a float on the way in and out, and the
platform's format (128 bits on ARM) would make answers depend on the machine.

Source: IEEE 754 extended precision as of the Intel 64 manual, volume 1, 4.2.2; strtold and
printf of C11 (7.22.1.3, 7.21.6.1).
"""

from __future__ import annotations

import re
from typing import Final

import attrs

MANTISSA_BITS: Final = 64
#: Exponent of the last mantissa bit of the smallest (denormal) and the greatest values.
EXPONENT_MIN: Final = -16445
EXPONENT_MAX: Final = 16320
#: Redis copies the text into a buffer of 5 KB and refuses what does not fit.
TEXT_BYTES_MAX: Final = 5 * 1024 - 1
#: Decimal exponents beyond which a value is infinite or zero, given that many digits at most.
_DECIMAL_EXPONENT_MAX: Final = 5000 + TEXT_BYTES_MAX
DECIMALS: Final = 17
_ONE: Final = 10**DECIMALS
_DIGITS_AT_ONCE: Final = 4000
_CHUNK: Final = 10**_DIGITS_AT_ONCE

_DECIMAL = re.compile(
    rb"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?:e(?P<exponent>[+-]?[0-9]+))?"
)
_HEXADECIMAL = re.compile(
    rb"(?P<sign>[+-]?)0x(?P<whole>[0-9a-f]*)(?:\.(?P<part>[0-9a-f]*))?"
    rb"(?:p(?P<exponent>[+-]?[0-9]+))?"
)
_INFINITE = re.compile(rb"(?P<sign>[+-]?)inf(?:inity)?")


@attrs.frozen
class LongDouble:
    """A finite value `mantissa * 2**exponent`, or infinity with the sign of the mantissa."""

    mantissa: int
    exponent: int = 0
    is_infinite: bool = False

    @classmethod
    def parse(cls, text: bytes) -> LongDouble | None:
        """Read what C's strtold reads, without blanks around it; None for anything else.

        NaN, and finite text that is too great or too small (but not zero), are nothing either.
        """
        if not text or len(text) > TEXT_BYTES_MAX:
            return None
        lowered = text.lower()
        found = _DECIMAL.fullmatch(lowered)
        if found:
            return _from_digits(found, base=10)
        found = _HEXADECIMAL.fullmatch(lowered)
        if found:
            return _from_digits(found, base=16)
        found = _INFINITE.fullmatch(lowered)
        if found:
            return cls(-1 if found["sign"] == b"-" else 1, is_infinite=True)
        return None

    def __add__(self, other: LongDouble) -> LongDouble | None:
        """The sum; None is NaN, the sum of two opposite infinities."""
        if self.is_infinite or other.is_infinite:
            if self.is_infinite and other.is_infinite and self.mantissa != other.mantissa:
                return None
            return self if self.is_infinite else other
        exponent = min(self.exponent, other.exponent)
        total = (self.mantissa << (self.exponent - exponent)) + (
            other.mantissa << (other.exponent - exponent)
        )
        return _rounded(total, 1, exponent)

    def format(self) -> bytes:
        """Print a finite value as Redis does: `%.17Lf` without zeros at the end, and no `-0`."""
        assert not self.is_infinite
        scaled = abs(self.mantissa) * _ONE
        if self.exponent >= 0:
            digits = scaled << self.exponent
        else:
            digits = _divided_to_even(scaled, 1 << -self.exponent)
        whole, part = divmod(digits, _ONE)
        text = b"%b.%017d" % (_decimal_text(whole), part)
        text = text.rstrip(b"0").rstrip(b".")
        return b"-" + text if self.mantissa < 0 and text != b"0" else text


def _from_digits(found: re.Match[bytes], base: int) -> LongDouble | None:
    """The value of matched digits with an optional fraction and exponent."""
    whole, part = found["whole"], found["part"] or b""
    if not whole and not part:
        return None
    mantissa = int(whole + part, 16) if base == 16 else _decimal_value(whole + part)
    if not mantissa:
        return LongDouble(0)
    if found["sign"] == b"-":
        mantissa = -mantissa
    exponent = _bounded_integer(found["exponent"] or b"0")
    if base == 16:
        value = _rounded(mantissa, 1, exponent - 4 * len(part))
    else:
        exponent -= len(part)
        if abs(exponent) > _DECIMAL_EXPONENT_MAX:
            return None
        if exponent >= 0:
            value = _rounded(mantissa * 10**exponent, 1, 0)
        else:
            value = _rounded(mantissa, 10**-exponent, 0)
    # C reports both as out of range, and Redis refuses them.
    return None if value.is_infinite or not value.mantissa else value


def _decimal_value(digits: bytes) -> int:
    """The number that decimal digits spell; Python reads at most 4300 of them at once."""
    if len(digits) <= _DIGITS_AT_ONCE:
        return int(digits)
    high, low = digits[:-_DIGITS_AT_ONCE], digits[-_DIGITS_AT_ONCE:]
    return int(high) * _CHUNK + int(low)


def _decimal_text(value: int) -> bytes:
    """Decimal digits of a natural number; Python writes at most 4300 of them at once."""
    if value < _CHUNK:
        return b"%d" % value
    high, low = divmod(value, _CHUNK)
    return b"%d%0*d" % (high, _DIGITS_AT_ONCE, low)


def _bounded_integer(text: bytes) -> int:
    """An exponent; one with very many digits becomes one that is out of range all the same."""
    digits = text.lstrip(b"+-").lstrip(b"0")
    if len(digits) > 6:
        digits = b"999999"
    value = int(digits or b"0")
    return -value if text.startswith(b"-") else value


def _rounded(numerator: int, denominator: int, exponent: int) -> LongDouble:
    """`numerator / denominator * 2**exponent`, rounded to nearest, ties to even."""
    if not numerator:
        return LongDouble(0)
    magnitude = abs(numerator)
    # Shift so that the quotient has one or two bits more than a mantissa, then drop them; the
    # last place may not be below that of denormal numbers.
    drop = magnitude.bit_length() - denominator.bit_length() - MANTISSA_BITS
    drop = max(drop, EXPONENT_MIN - exponent)
    quotient = _shifted_quotient(magnitude, denominator, drop)
    if quotient.bit_length() > MANTISSA_BITS:
        drop += 1
        quotient = _shifted_quotient(magnitude, denominator, drop)
    if quotient.bit_length() > MANTISSA_BITS:
        # Rounded up to a power of two: one bit more, all others zero.
        drop += 1
        quotient >>= 1
    sign = -1 if numerator < 0 else 1
    if exponent + drop > EXPONENT_MAX:
        return LongDouble(sign, is_infinite=True)
    return LongDouble(sign * quotient, exponent + drop)


def _shifted_quotient(magnitude: int, denominator: int, drop: int) -> int:
    """`magnitude / denominator / 2**drop`, rounded to nearest, ties to even."""
    if drop >= 0:
        return _divided_to_even(magnitude, denominator << drop)
    return _divided_to_even(magnitude << -drop, denominator)


def _divided_to_even(numerator: int, denominator: int) -> int:
    """The quotient of two natural numbers, rounded to nearest, ties to even."""
    quotient, rest = divmod(numerator, denominator)
    if rest * 2 > denominator or (rest * 2 == denominator and quotient & 1):
        quotient += 1
    return quotient
