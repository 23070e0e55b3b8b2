"""Parts of strings: APPEND, GETRANGE, SETRANGE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meridian_resp.commands.arguments import integer_argument
from meridian_resp.commands.declarations import EXTEND, KEY, READ, UPDATE, VALUE, integer
from meridian_resp.commands.limits import check_grown_value, check_value
from meridian_resp.commands.reading import read_string, string_with_expiry
from meridian_resp.commands.registry import Flag, Group, command
from meridian_resp.errors import OFFSET_RANGE, CommandError
from meridian_resp.protocol.replies import EMPTY_BULK, Reply, bulk
from meridian_resp.protocol.replies import integer as integer_reply

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

GROWTH: Final = Flag.WRITE | Flag.DENYOOM


@command(
    "APPEND", arity=3, flags=GROWTH | Flag.FAST, group=Group.STRING, since="2.0.0",
    summary="Adds bytes to the end of the string at a key, or creates it.",
    complexity="O(N) where N is the length of the string that results.",
    keys=[EXTEND], categories=["@string"], arguments=[KEY, VALUE],
)  # fmt: skip
def append(context: Context, arguments: list[bytes]) -> Reply:
    """APPEND key value."""
    old, expire_at_ms = string_with_expiry(context.database, arguments[1])
    if old is None:
        check_value(context, arguments[2])
        value = arguments[2]
    else:
        check_grown_value(context, len(old) + len(arguments[2]))
        value = old + arguments[2]
    context.effects.put_string(context.database, arguments[1], value, expire_at_ms)
    return integer_reply(len(value))


@command(
    "SETRANGE", arity=4, flags=GROWTH, group=Group.STRING, since="2.2.0",
    summary="Overwrites bytes of the string at a key from an offset on, after zero bytes if the"
    " string is shorter.",
    complexity="O(N) where N is the length of the string that results.",
    keys=[UPDATE], categories=["@string"], arguments=[KEY, integer("offset"), VALUE],
)  # fmt: skip
def setrange(context: Context, arguments: list[bytes]) -> Reply:
    """SETRANGE key offset value; an empty value changes nothing."""
    offset, piece = integer_argument(arguments[2]), arguments[3]
    if offset < 0:
        raise CommandError(OFFSET_RANGE)
    old, expire_at_ms = string_with_expiry(context.database, arguments[1])
    if not piece:
        return integer_reply(len(old or b""))
    check_grown_value(context, offset + len(piece))
    before = (old or b"")[:offset].ljust(offset, b"\0")
    value = before + piece + (old or b"")[offset + len(piece) :]
    context.effects.put_string(context.database, arguments[1], value, expire_at_ms)
    return integer_reply(len(value))


@command(
    "GETRANGE", arity=4, flags=Flag.READONLY, group=Group.STRING, since="2.4.0",
    summary="Gives the bytes of the string at a key between two offsets, both included.",
    complexity="O(N) where N is the length of what is given.",
    keys=[READ], categories=["@string"], arguments=[KEY, integer("start"), integer("end")],
)  # fmt: skip
@command(
    "SUBSTR", arity=4, flags=Flag.READONLY, group=Group.STRING, since="1.0.0",
    summary="Gives the bytes of the string at a key between two offsets, both included.",
    complexity="O(N) where N is the length of what is given.",
    keys=[READ], categories=["@string"], arguments=[KEY, integer("start"), integer("end")],
    documentation_flags=["deprecated"], deprecated_since="2.0.0", replaced_by="`GETRANGE`",
)  # fmt: skip
def getrange(context: Context, arguments: list[bytes]) -> Reply:
    """GETRANGE key start end; negative offsets count from the end."""
    start, end = integer_argument(arguments[2]), integer_argument(arguments[3])
    value = read_string(context, arguments[1])
    if not value:
        return EMPTY_BULK
    # In this order, as Redis: two negative offsets in the wrong order select nothing, but one
    # that is too far to the left means the first byte, even as the end.
    if start < 0 and end < 0 and start > end:
        return EMPTY_BULK
    length = len(value)
    start = max(start + length, 0) if start < 0 else start
    end = max(end + length, 0) if end < 0 else end
    return bulk(value[start : end + 1])
