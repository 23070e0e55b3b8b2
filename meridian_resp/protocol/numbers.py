"""Numbers as Redis reads and writes them: strict integers, doubles, long doubles.

Redis' `string2ll` takes only the canonical decimal form of a signed 64-bit integer: no sign `+`,
no leading zero, no blanks. Doubles are printed with 17 significant digits and read by `strtod`
without blanks around them. INCRBYFLOAT works on 80-bit long doubles and prints `%.17Lf` without
trailing zeros: see `long_doubles`.
"""

from __future__ import annotations

import math
import re
from typing import Final

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

#: Length of the longest of them, -9223372036854775808.
_INT64_TEXT_BYTES_MAX: Final = 20
_DECIMAL = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?")
_HEXADECIMAL = re.compile(rb"[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?[0-9]+)?")
_INFINITY = re.compile(rb"[+-]?inf(?:inity)?")


def parse_int64(text: bytes) -> int | None:
    """The signed 64-bit integer whose canonical decimal form is `text`, or None."""
    if len(text) > _INT64_TEXT_BYTES_MAX:
        return None
    try:
        value = int(text)
    except ValueError:
        return None
    # int() also takes blanks, signs, underscores and leading zeros: only the canonical form
    # comes out as it went in. Twice as fast as a regular expression before int().
    if b"%d" % value != text:
        return None
    return value if INT64_MIN <= value <= INT64_MAX else None


def parse_double(text: bytes) -> float | None:
    """The double that `text` spells, as strtod reads it, or None.

    No blanks and no NaN; finite numbers out of range, too great or too near to zero, are None too.
    """
    lowered = text.lower()
    if _INFINITY.fullmatch(lowered):
        return float(lowered)
    try:
        if _DECIMAL.fullmatch(lowered):
            value, mantissa = float(lowered), lowered.split(b"e")[0]
        elif _HEXADECIMAL.fullmatch(lowered):
            value, mantissa = float.fromhex(lowered.decode("ascii")), lowered.split(b"p")[0]
        else:
            return None
    except OverflowError:
        return None
    if math.isinf(value) or (value == 0 and mantissa.strip(b"+-0.x")):
        return None
    return value


def format_double(value: float) -> bytes:
    """A double as replies carry it: 17 significant digits without zeros; inf, -inf, nan."""
    if math.isinf(value):
        return b"inf" if value > 0 else b"-inf"
    if math.isnan(value):
        return b"nan"
    if value == int(value) and abs(value) < 1e17:
        return b"%d" % int(value) if value or math.copysign(1, value) > 0 else b"-0"
    return b"%.17g" % value
