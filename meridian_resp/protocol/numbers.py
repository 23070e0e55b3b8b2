"""Numbers as Redis reads and writes them: strict integers, doubles, long doubles.

Redis' `string2ll` takes only the canonical decimal form of a signed 64-bit integer: no sign `+`,
no leading zero, no blanks. Doubles are printed with 17 significant digits and read by `strtod`
without blanks around them. INCRBYFLOAT works on 80-bit long doubles and prints `%.17Lf` without
trailing zeros; decimal arithmetic of the same width stands in for that here.
"""

from __future__ import annotations

import math
import re
from typing import Final

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_FLOAT = re.compile(
    rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|0x[0-9a-f]+)",
    re.IGNORECASE,
)


def parse_int64(text: bytes) -> int | None:
    """The signed 64-bit integer whose canonical decimal form is `text`, or None."""
    if len(text) > 20 or _INTEGER.fullmatch(text) is None:
        return None
    value = int(text)
    return value if INT64_MIN <= value <= INT64_MAX else None


def parse_double(text: bytes) -> float | None:
    """The double that `text` spells (strtod's forms without blanks or NaN), or None."""
    if _FLOAT.fullmatch(text) is None:
        return None
    lowered = text.lower()
    if b"0x" in lowered:
        return float(int(lowered, 16))
    value = float(text)
    return None if math.isnan(value) else value


def format_double(value: float) -> bytes:
    """A double as replies carry it: shortest form that reads back the same; inf, -inf, nan."""
    if math.isinf(value):
        return b"inf" if value > 0 else b"-inf"
    if math.isnan(value):
        return b"nan"
    if value == int(value) and abs(value) < 1e17:
        return b"%d" % int(value) if value or math.copysign(1, value) > 0 else b"-0"
    return b"%.17g" % value
