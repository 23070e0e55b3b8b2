"""Which keys expire soon: a calendar of tenths of a second, bounded, allowed to forget.

Each tenth has a list of the keys (keyspace id, key) that expire in it. An item may be stale (the
key was rewritten or removed since); whoever takes it looks the key up. The calendar holds the
keys whose expiry was written since the start, up to `ITEMS_MAX`; others are found when they are
read, by the slow sweep over storage, and by compaction, so memory stays bounded.
"""

from __future__ import annotations

import heapq
from typing import Final

#: About 100 bytes each.
ITEMS_MAX: Final = 2_000_000


class ExpiryIndex:
    """Calendar of expiries in Unix milliseconds."""

    def __init__(self, items_max: int = ITEMS_MAX) -> None:
        self._items_max = items_max
        self._buckets: dict[int, list[tuple[int, bytes]]] = {}
        self._order: list[int] = []
        self._size = 0
        self._has_overflowed = False

    def __len__(self) -> int:
        return self._size

    def add(self, expire_at_ms: int, keyspace_id: int, key: bytes) -> None:
        """Note that a key expires then; forgotten when the calendar is full."""
        if self._size >= self._items_max:
            self._has_overflowed = True
            return
        bucket = expire_at_ms // 100
        items = self._buckets.get(bucket)
        if items is None:
            items = self._buckets[bucket] = []
            heapq.heappush(self._order, bucket)
        items.append((keyspace_id, key))
        self._size += 1

    def take_overflowed(self) -> bool:
        """Whether keys were forgotten since this was last asked, and there is room again."""
        if not self._has_overflowed or self._size > self._items_max // 2:
            return False
        self._has_overflowed = False
        return True

    def take_due(self, now_ms: int, limit: int) -> list[tuple[int, bytes]]:
        """Remove and give up to `limit` keys whose tenth of a second is over."""
        due: list[tuple[int, bytes]] = []
        while self._order and self._order[0] < now_ms // 100 and len(due) < limit:
            items = self._buckets[self._order[0]]
            wanted = limit - len(due)
            due.extend(items[-wanted:])
            del items[-wanted:]
            if not items:
                del self._buckets[heapq.heappop(self._order)]
        self._size -= len(due)
        return due
