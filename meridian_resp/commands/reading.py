"""Reading keys, with the hits and misses that INFO counts.

Only commands that read a key for its own sake count; those that look at what they are about to
overwrite do not, as in Redis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meridian_resp.datatypes.database import string_in
from meridian_resp.datatypes.values import Entry, Live

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
    return string_in(read(context, key))


def string_with_expiry(database: Database, key: bytes) -> tuple[bytes | None, int]:
    """The string at a key (or None) and its expiry in Unix ms (0 for never); does not count.

    Raises:
        CommandError: WRONGTYPE, the key holds another type.
    """
    live = database.get(key)
    return string_in(live), live.expire_at_ms if isinstance(live, Entry) else 0
