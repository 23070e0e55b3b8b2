"""Arguments of commands about keys: database numbers and expiry times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp.commands.arguments import (
    INT32_MAX,
    INT32_MIN,
    bounded_integer_argument,
    integer_argument,
)
from meridian_resp.errors import DB_INDEX, CommandError, invalid_expire
from meridian_resp.protocol.numbers import INT64_MAX

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context
    from meridian_resp.datatypes.database import Database


def database_argument(context: Context, text: bytes, refusal: str = DB_INDEX) -> Database:
    """The database of that number; `refusal` is said of a number that no database has.

    Raises:
        CommandError: not an integer, or no such database.
    """
    index = bounded_integer_argument(text, INT32_MIN, INT32_MAX)
    if not 0 <= index < len(context.keyspace.databases):
        raise CommandError(refusal)
    return context.keyspace.databases[index]


def expiry_argument(text: bytes, *, unit_ms: int, base_ms: int, name: str) -> int:
    """The absolute expiry, Unix ms, that a positive number of units after `base_ms` means.

    Args:
        text: the argument as sent.
        unit_ms: 1000 for seconds, 1 for milliseconds.
        base_ms: now for a relative time, 0 for an absolute one.
        name: the command, lower case, for the error text.

    Raises:
        CommandError: not an integer, not positive, or beyond 64 bits.
    """
    value = integer_argument(text)
    at_ms = value * unit_ms
    if value <= 0 or at_ms > INT64_MAX or at_ms + base_ms > INT64_MAX:
        raise CommandError(invalid_expire(name))
    return at_ms + base_ms
