"""Strings that are numbers: INCR and its family. They keep the key's expiry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meridian_resp.commands.arguments import integer_argument
from meridian_resp.commands.declarations import KEY, READ_AND_UPDATE, integer
from meridian_resp.commands.reading import string_with_expiry
from meridian_resp.commands.registry import Argument, Flag, Group, command
from meridian_resp.errors import NOT_FLOAT, NOT_INTEGER, OVERFLOW, CommandError
from meridian_resp.protocol.long_doubles import LongDouble
from meridian_resp.protocol.numbers import INT64_MAX, INT64_MIN, parse_int64
from meridian_resp.protocol.replies import Reply, bulk

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

COUNTING: Final = Flag.WRITE | Flag.DENYOOM | Flag.FAST


@command(
    "INCR", arity=2, flags=COUNTING, group=Group.STRING, since="1.0.0",
    summary="Adds one to the integer at a key; a key that does not exist counts as 0.",
    complexity="O(1)", keys=[READ_AND_UPDATE], categories=["@string"], arguments=[KEY],
)  # fmt: skip
def incr(context: Context, arguments: list[bytes]) -> Reply:
    """INCR key."""
    return _add(context, arguments[1], 1)


@command(
    "DECR", arity=2, flags=COUNTING, group=Group.STRING, since="1.0.0",
    summary="Takes one from the integer at a key; a key that does not exist counts as 0.",
    complexity="O(1)", keys=[READ_AND_UPDATE], categories=["@string"], arguments=[KEY],
)  # fmt: skip
def decr(context: Context, arguments: list[bytes]) -> Reply:
    """DECR key."""
    return _add(context, arguments[1], -1)


@command(
    "INCRBY", arity=3, flags=COUNTING, group=Group.STRING, since="1.0.0",
    summary="Adds a number to the integer at a key; a key that does not exist counts as 0.",
    complexity="O(1)", keys=[READ_AND_UPDATE], categories=["@string"],
    arguments=[KEY, integer("increment")],
)  # fmt: skip
def incrby(context: Context, arguments: list[bytes]) -> Reply:
    """INCRBY key increment."""
    return _add(context, arguments[1], integer_argument(arguments[2]))


@command(
    "DECRBY", arity=3, flags=COUNTING, group=Group.STRING, since="1.0.0",
    summary="Takes a number from the integer at a key; a key that does not exist counts as 0.",
    complexity="O(1)", keys=[READ_AND_UPDATE], categories=["@string"],
    arguments=[KEY, integer("decrement")],
)  # fmt: skip
def decrby(context: Context, arguments: list[bytes]) -> Reply:
    """DECRBY key decrement."""
    amount = integer_argument(arguments[2])
    if amount == INT64_MIN:
        # Its negative is no 64-bit integer, so Redis refuses it whatever the key holds.
        raise CommandError("ERR decrement would overflow")
    return _add(context, arguments[1], -amount)


def _add(context: Context, key: bytes, amount: int) -> bytes:
    text, expire_at_ms = string_with_expiry(context.database, key)
    if text is not None:
        value = parse_int64(text)
        if value is None:
            raise CommandError(NOT_INTEGER)
        amount += value
        if not INT64_MIN <= amount <= INT64_MAX:
            raise CommandError(OVERFLOW)
    context.effects.put_string(context.database, key, b"%d" % amount, expire_at_ms)
    return b":%d\r\n" % amount


@command(
    "INCRBYFLOAT", arity=3, flags=COUNTING, group=Group.STRING, since="2.6.0",
    summary="Adds a floating point number to the one at a key; a key that does not exist counts"
    " as 0.",
    complexity="O(1)", keys=[READ_AND_UPDATE], categories=["@string"],
    arguments=[KEY, Argument("increment", "double")],
)  # fmt: skip
def incrbyfloat(context: Context, arguments: list[bytes]) -> Reply:
    """INCRBYFLOAT key increment: in 80-bit floating point, as Redis computes on x86."""
    text, expire_at_ms = string_with_expiry(context.database, arguments[1])
    value = LongDouble.parse(b"0" if text is None else text)
    amount = LongDouble.parse(arguments[2])
    if value is None or amount is None:
        raise CommandError(NOT_FLOAT)
    total = value + amount
    if total is None or total.is_infinite:
        raise CommandError("ERR increment would produce NaN or Infinity")
    result = total.format()
    context.effects.put_string(context.database, arguments[1], result, expire_at_ms)
    return bulk(result)
