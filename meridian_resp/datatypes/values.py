"""Live values: what the object cache holds for a key.

A string without expiry in generation 0, by far the commonest key, is its plain `bytes`: no object
around it, nothing for the garbage collector to visit, one dictionary look-up to answer GET.
Everything else is an `Entry`. A deleted key stays in the cache as an `Entry` of kind `ABSENT`
until it is evicted, because the stored tombstone may not be readable yet within the same tick.
"""

from __future__ import annotations

import enum
from typing import Final, Union

import attrs


class Kind(enum.IntEnum):
    """Type of a key. These values are on disk; see docs/formats/keys-and-records.md."""

    STRING = 0
    LIST = 1
    SET = 2
    SORTED_SET = 3
    HASH = 4
    STREAM = 5
    SYSTEM = 15
    #: Only in memory: the key is known not to exist.
    ABSENT = 16


#: What TYPE answers.
TYPE_NAMES: Final[dict[int, str]] = {
    Kind.STRING: "string",
    Kind.LIST: "list",
    Kind.SET: "set",
    Kind.SORTED_SET: "zset",
    Kind.HASH: "hash",
    Kind.STREAM: "stream",
}


@attrs.define(eq=False)
class Entry:
    """A key that is not a plain string: it expires, is a collection, or is known to be absent.

    `expire_at_ms` is absolute (Unix, milliseconds), 0 for never. `generation` is the one that
    owns the key's elements, or for an absent key the one its re-creation takes.
    """

    kind: int
    value: bytes
    expire_at_ms: int = 0
    generation: int = 0


Live = Union[bytes, Entry]

#: A key that never existed: no generation to respect.
NEVER: Final = Entry(Kind.ABSENT, b"")

#: Estimated bytes of a cached key besides its own text: two object headers and a dict slot.
OVERHEAD_BYTES: Final = 160


def live_bytes(key: bytes, live: Live) -> int:
    """Estimated memory of a cached key, in bytes."""
    if isinstance(live, bytes):
        return len(key) + len(live) + OVERHEAD_BYTES
    return len(key) + len(live.value) + OVERHEAD_BYTES + 100


def is_living(live: Live, now_ms: int) -> bool:
    """Whether a cached key exists and its time is not over."""
    if isinstance(live, bytes):
        return True
    return live.kind != Kind.ABSENT and not 0 < live.expire_at_ms <= now_ms
