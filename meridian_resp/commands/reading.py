"""Reading keys, with the hits and misses that INFO counts.

Only commands that read a key for its own sake count; those that look at what they are about to
overwrite do not, as in Redis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp.datatypes.values import Kind, Live
from meridian_resp.errors import WRONG_TYPE, CommandError

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context
    from meridian_resp.datatypes.database import Database


def read(context: Context, key: bytes) -> Live | None:
    """The live value of a key, or None; counts a hit or a miss."""
    live = context.database.get(key)
    if live is None:
        context.keyspace.counters.misses += 1
    else:
        context.keyspace.counters.hits += 1
    return live


def read_string(context: Context, key: bytes) -> bytes | None:
    """The string at a key, or None; counts. Raises CommandError WRONGTYPE."""
    live = read(context, key)
    if live is None or isinstance(live, bytes):
        return live
    if live.kind != Kind.STRING:
        raise CommandError(WRONG_TYPE)
    return live.value


def string_with_expiry(database: Database, key: bytes) -> tuple[bytes | None, int]:
    """The string at a key (or None) and its expiry in Unix ms (0 for never); does not count.

    Raises:
        CommandError: WRONGTYPE, the key holds another type.
    """
    live = database.get(key)
    if live is None or isinstance(live, bytes):
        return live, 0
    if live.kind != Kind.STRING:
        raise CommandError(WRONG_TYPE)
    return live.value, live.expire_at_ms
