"""Which cached values leave memory when there are too many: an approximate LRU, in bits.

The cache of a database has two generations per shard (`datatypes/database.py`). A pointer goes
round over all shards: what is `cold` there goes, then `hot` becomes `cold`, and so on. A tick
evicts some, the more the further over the limit: a whole shard at once took 7 ms with two million
keys, and a key per kilobyte of excess 62 ms after the limit was lowered (2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from meridian_resp.datatypes.database import SHARDS
from meridian_resp.datatypes.values import live_bytes

if TYPE_CHECKING:
    from meridian_resp.datatypes.database import Database

#: Cached keys that a tick may evict (0.2 to 0.5 us each): how the number grows with the excess,
#: and its bound. What a tick added it may evict in any case, or the excess could grow for ever.
_EVICTIONS_MIN: Final = 1000
_EVICTIONS_MAX: Final = 4000
_EXCESS_BYTES_PER_EVICTION: Final = 1024


class Eviction:
    """Keeps the caches of databases within a limit, tick by tick."""

    __slots__ = ("_at", "_databases", "_trimmed_bytes")

    def __init__(self, databases: Sequence[Database]) -> None:
        self._databases = databases
        self._at = 0
        self._trimmed_bytes = 0

    def trim(self, bytes_max: int) -> int:
        """Evict some of what is beyond the limit; return how many keys.

        Call between ticks only, after the commit: uncommitted values must stay cached.
        """
        total = sum([database.cache_bytes for database in self._databases])
        grown, self._trimmed_bytes = total - self._trimmed_bytes, total
        if total <= bytes_max:
            return 0
        evicted = self._evict(total - bytes_max, grown)
        self._trimmed_bytes = sum([database.cache_bytes for database in self._databases])
        return evicted

    def _evict(self, excess: int, grown: int) -> int:
        """Evict; `grown` is how many bytes came since the last time."""
        left = min(_EVICTIONS_MAX, _EVICTIONS_MIN + excess // _EXCESS_BYTES_PER_EVICTION)
        shards = SHARDS * len(self._databases)
        total = 0
        for _ in range(2 * shards):
            index, shard = divmod(self._at, SHARDS)
            database = self._databases[index]
            cold = database.cold[shard]
            size = evicted = 0
            while cold and size < excess and (evicted < left or size < grown):
                size += live_bytes(*cold.popitem())
                evicted += 1
            database.cache_bytes -= size
            total += evicted
            excess -= size
            grown -= size
            left -= evicted
            if excess <= 0 or (left <= 0 and grown <= 0):
                break
            if database.hot[shard]:
                database.cold[shard], database.hot[shard] = database.hot[shard], {}
            self._at = (self._at + 1) % shards
        return total
