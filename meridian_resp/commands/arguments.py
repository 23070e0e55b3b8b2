"""What commands share in reading their arguments: integers, and words shown in error texts."""

from __future__ import annotations

from typing import Final

from meridian_resp.errors import NOT_INTEGER, CommandError
from meridian_resp.protocol.numbers import parse_int64

INT32_MIN: Final = -(2**31)
INT32_MAX: Final = 2**31 - 1


def integer_argument(text: bytes, refusal: str = NOT_INTEGER) -> int:
    """A signed 64-bit integer in canonical decimal form.

    Raises:
        CommandError: it is none; the text is `refusal`.
    """
    value = parse_int64(text)
    if value is None:
        raise CommandError(refusal)
    return value


def bounded_integer_argument(
    text: bytes, lowest: int, highest: int, refusal: str | None = None
) -> int:
    """An integer within bounds, both included; `refusal` is the text of either error.

    Raises:
        CommandError: not an integer, or out of bounds.
    """
    value = integer_argument(text, refusal or NOT_INTEGER)
    if not lowest <= value <= highest:
        raise CommandError(
            refusal or f"ERR value is out of range, value must between {lowest} and {highest}"
        )
    return value


def shown(argument: bytes) -> str:
    """An argument as error texts repeat it: up to its first zero byte, other bytes as they are."""
    return argument.partition(b"\0")[0].decode("utf-8", "surrogateescape")
