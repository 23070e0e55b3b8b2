"""One numbered database: a bounded cache of live values in front of storage.

The cache is sharded into `SHARDS` small dictionaries by the key's hash, so that growth never
rehashes more than a shard (one dictionary of two million keys rehashes for tens of milliseconds).
Each shard has two generations: keys are found or put in `hot`; when memory runs out a shard's
`hot` becomes its `cold` and the former `cold` is dropped. A key found in `cold` moves to `hot`.
That is an approximate LRU which costs a hot read nothing. Every cached value is also in storage
or in the tick's batch, so dropping is always safe between ticks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from meridian_resp.datatypes.values import NEVER, Entry, Kind, Live, live_bytes
from meridian_resp.errors import WRONG_TYPE, CommandError
from storage.keys import metadata_key
from storage.records import decode_record

if TYPE_CHECKING:
    from meridian_resp.datatypes.keyspace import Keyspace

SHARDS: Final = 256
SHARD_MASK: Final = SHARDS - 1


class Database:
    """Live view of one database index; created and changed only by the keyspace."""

    __slots__ = (
        "cache_bytes",
        "cold",
        "count",
        "expiring",
        "hot",
        "index",
        "keyspace",
        "keyspace_id",
    )

    def __init__(self, keyspace: Keyspace, index: int, keyspace_id: int) -> None:
        self.keyspace = keyspace
        self.index = index
        #: Number of keys that exist (expired ones included until their deletion is logged).
        self.count = 0
        #: Number of those that have an expiry.
        self.expiring = 0
        #: Estimated memory of everything cached.
        self.cache_bytes = 0
        self.hot: list[dict[bytes, Live]] = [{} for _ in range(SHARDS)]
        self.cold: list[dict[bytes, Live]] = [{} for _ in range(SHARDS)]
        #: Under which the database's records are stored; FLUSHDB and SWAPDB change it.
        self.keyspace_id = keyspace_id

    def storage_key(self, key: bytes) -> bytes:
        """Storage key of a key's metadata record."""
        return metadata_key(self.keyspace_id, key)

    def get(self, key: bytes) -> Live | None:
        """The key's live value, or None if it does not exist or its time is over.

        A key found expired is deleted by an effect of the running command. May read storage.
        """
        live = self.hot[hash(key) & SHARD_MASK].get(key)
        if live.__class__ is bytes:
            return live
        if live is None:
            live = self.load(key)
        if isinstance(live, bytes):
            return live
        if live.kind == Kind.ABSENT:
            return None
        if live.expire_at_ms and live.expire_at_ms <= self.keyspace.now_ms:
            if self.keyspace.may_log and not self.keyspace.is_paused:
                self.keyspace.effects.expire(self, key)
            return None
        return live

    def get_string(self, key: bytes) -> bytes | None:
        """The string at `key`, or None.

        Raises:
            CommandError: WRONGTYPE, the key holds another type.
        """
        return string_in(self.get(key))

    def expire_at_ms(self, key: bytes) -> int | None:
        """Expiry of an existing key (Unix ms, 0 for never), or None if the key does not exist."""
        live = self.get(key)
        if live is None:
            return None
        return live.expire_at_ms if isinstance(live, Entry) else 0

    def peek(self, key: bytes) -> Live:
        """What is stored at a key, whatever the time: ABSENT, or possibly expired."""
        live = self.hot[hash(key) & SHARD_MASK].get(key)
        return self.load(key) if live is None else live

    def load(self, key: bytes, storage_key: bytes | None = None) -> Live:
        """Bring a key that is not in `hot` there, from `cold` or storage.

        Returns an `Entry` of kind ABSENT if there is none; expiry is not looked at. A key that
        storage never heard of is not cached, so that asking for random keys evicts nothing.
        """
        shard = hash(key) & SHARD_MASK
        live = self.cold[shard].pop(key, None)
        if live is None:
            record = self.keyspace.store.get(storage_key or self.storage_key(key))
            if record is None:
                return NEVER
            live = live_of(record)
            self.cache_bytes += live_bytes(key, live)
        self.hot[shard][key] = live
        return live

    def forget(self, key: bytes) -> None:
        """Drop a key from the cache; the next use reads storage."""
        shard = hash(key) & SHARD_MASK
        for cache in (self.hot[shard], self.cold[shard]):
            live = cache.pop(key, None)
            if live is not None:
                self.cache_bytes -= live_bytes(key, live)

    def drop_cache(self) -> list[dict[bytes, Live]]:
        """Empty the cache and give the old shards, which the caller clears in slices."""
        old = [shard for shard in self.hot + self.cold if shard]
        self.cache_bytes = 0
        self.hot = [{} for _ in range(SHARDS)]
        self.cold = [{} for _ in range(SHARDS)]
        return old

    def cached(self) -> Iterator[tuple[bytes, Live]]:
        """Everything cached, for introspection and tests; must not be held across a tick."""
        for hot, cold in zip(self.hot, self.cold, strict=True):
            yield from hot.items()
            yield from ((key, live) for key, live in cold.items() if key not in hot)


def string_in(live: Live | None) -> bytes | None:
    """The string that a look-up found, or None.

    Raises:
        CommandError: WRONGTYPE, it found another type.
    """
    if live is None or isinstance(live, bytes):
        return live
    if live.kind != Kind.STRING:
        raise CommandError(WRONG_TYPE)
    return live.value


def live_of(record: bytes) -> Live:
    """The live value that a stored metadata record stands for."""
    if record[0] == 0:
        return record[9:]
    decoded = decode_record(record)
    if decoded.tombstone:
        return Entry(Kind.ABSENT, b"", 0, decoded.generation)
    if decoded.type == Kind.STRING and decoded.expiry_ms is None and not decoded.generation:
        return decoded.payload
    return Entry(decoded.type, decoded.payload, decoded.expiry_ms or 0, decoded.generation)
