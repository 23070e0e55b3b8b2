"""Walking over all keys of a database: SCAN's cursor, KEYS in slices, RANDOMKEY.

Storage is ordered by slot, so a walk goes slot by slot. Within a slot keys are ordered by a
32-bit hash of their bytes, and a cursor is `slot << 32 | hash bound`: everything below it has
been seen. The cursor depends on nothing but the keys, so it stays exact over restarts, flushes
and changes of the data: a key that exists during the whole walk is returned, once or, like in
Redis, possibly more than once only if it is deleted and created again meanwhile.
"""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Final

from meridian_resp.datatypes.database import SHARDS, Database
from meridian_resp.datatypes.values import Kind, is_living
from storage.keys import SLOT_COUNT, SYSTEM_PREFIX, is_metadata_key, keyspace_id_of, user_key_of
from storage.records import HAS_EXPIRY, TOMBSTONE, TYPE_MASK, expiry_of

if TYPE_CHECKING:
    from meridian_resp.datatypes.keyspace import Store

#: Records looked at in one SCAN call beyond which it returns with what it has.
EXAMINED_MAX: Final = 10_000
#: Records walked in one slice of a long command: parts of a millisecond, because others wait for
#: the slice and for the tick around it.
SLICE_RECORDS: Final = 200
_PREPARATIONS_MAX: Final = 100


def _slot_bytes(slot: int) -> bytes:
    return slot.to_bytes(2, "big") if slot < SLOT_COUNT else SYSTEM_PREFIX


def _walk(database: Database, start: bytes) -> Iterator[tuple[bytes, bytes, int, bool]]:
    """(storage key, user key, type, is alive) of every record from a storage key on.

    Records of other databases and elements are passed too, with an empty user key and dead, so
    that the caller can bound its work.
    """
    if not database.count:
        return  # not a look at what a flushed database left behind
    keyspace = database.keyspace
    wanted = database.keyspace_id
    now_ms = keyspace.now_ms
    for key, record in keyspace.store.scan(start, SYSTEM_PREFIX, keyspace.batch):
        flags = record[0]
        if keyspace_id_of(key) != wanted or flags & TOMBSTONE or not is_metadata_key(key):
            yield key, b"", -1, False
            continue
        user_key = user_key_of(key)
        if flags & HAS_EXPIRY and (expiry_of(record) or 0) <= now_ms:
            if keyspace.may_log and not keyspace.is_paused:
                keyspace.effects.expire(database, user_key)
            yield key, user_key, -1, False
            continue
        yield key, user_key, flags & TYPE_MASK, True


def scan(database: Database, cursor: int, count: int) -> tuple[int, list[tuple[bytes, int]]]:
    """One SCAN step: the next cursor (0 at the end) and about `count` (key, type) pairs.

    Always whole groups of equal hash, so possibly more than `count`; possibly fewer or none when
    many records had to be passed over. Expired keys met are deleted by effects.
    """
    slot, bound = cursor >> 32, cursor & 0xFFFFFFFF
    if slot >= SLOT_COUNT:
        return 0, []
    found: list[tuple[bytes, int]] = []
    in_slot: list[tuple[int, bytes, int]] = []
    current = slot
    walk = _walk(database, _slot_bytes(slot))
    for examined, (storage_key, key, kind, is_alive) in enumerate(walk):
        at = storage_key[0] << 8 | storage_key[1]
        if at != current:
            cursor = _take(in_slot, found, count, current)
            if cursor:
                return cursor, found
            if len(found) >= count or examined >= EXAMINED_MAX:
                return at << 32, found
            in_slot, current = [], at
        if is_alive:
            order = zlib.crc32(key)
            if at != slot or order >= bound:
                in_slot.append((order, key, kind))
    return _take(in_slot, found, count, current), found


def _take(
    in_slot: list[tuple[int, bytes, int]], found: list[tuple[bytes, int]], count: int, slot: int
) -> int:
    """Move a slot's keys to `found`; the cursor to stop at if they are too many, else 0."""
    if len(found) + len(in_slot) <= count:
        found.extend([(key, kind) for _, key, kind in in_slot])
        return 0
    in_slot.sort()
    room = max(count - len(found), 1)
    last = in_slot[room - 1][0]
    taken = [(key, kind) for order, key, kind in in_slot if order <= last]
    found.extend(taken)
    if len(taken) == len(in_slot):
        return (slot + 1) << 32 if slot + 1 < SLOT_COUNT else 0
    return slot << 32 | (last + 1)


def walk_in_slices(
    database: Database, visit: Callable[[bytes, int], None]
) -> Generator[None, None, None]:
    """Call `visit(key, type)` for every key; gives way after parts of a millisecond.

    Between slices other commands run: the walk is not a snapshot, but every key that exists
    throughout is visited exactly once, because a slice goes on behind the last record seen.
    """
    start: bytes | None = b""
    store = database.keyspace.store
    while start is not None:
        yield from _prepare(store, start)
        walk = _walk(database, start)
        for passed, (storage_key, key, kind, is_alive) in enumerate(walk, 1):
            if is_alive:
                visit(key, kind)
            if passed >= SLICE_RECORDS:
                start = storage_key + b"\0"
                break
        else:
            start = None
        # Or a memtable that is flushed meanwhile would be freed at the next slice all at once.
        del walk
        if start is not None:
            yield


def _prepare(store: Store, start: bytes) -> Generator[None, None, None]:
    """Let the store get ready for a scan, bit by bit; not for ever, since writers go on."""
    for _ in range(_PREPARATIONS_MAX):
        if not store.prepare_scan(start):
            return
        yield


def walk_expiring(database: Database) -> Generator[None, None, None]:
    """Enter every key that has an expiry into the calendar, in slices."""
    store, batch = database.keyspace.store, database.keyspace.batch
    index = database.keyspace.expiry_index
    start: bytes | None = b""
    while start is not None:
        yield from _prepare(store, start)
        scanned = store.scan(start, SYSTEM_PREFIX, batch)
        for passed, (key, record) in enumerate(scanned, 1):
            is_wanted = record[0] & HAS_EXPIRY and keyspace_id_of(key) == database.keyspace_id
            if is_wanted and is_metadata_key(key):
                index.add(expiry_of(record) or 0, database.keyspace_id, user_key_of(key))
            if passed >= SLICE_RECORDS:
                start = key + b"\0"
                break
        else:
            start = None
        del scanned
        if start is not None:
            yield


def random_key(database: Database, rng: random.Random) -> bytes | None:
    """A random existing key, or None if there is none.

    Keys of sparse slots are likelier. Where storage is full of what is no more (after a FLUSHDB
    of many keys, until compaction), one of the keys in memory has to do. During a pause, or while
    the log takes nothing, a key behind ten thousand expired ones is not found.
    """
    if database.count <= 0:
        return None
    start = rng.randrange(SLOT_COUNT)
    key = _key_near(database, rng, start, EXAMINED_MAX)
    if key is None:
        key = _cached_key(database, rng)
    # Where expired keys may not be deleted they would be walked over at every call.
    keyspace = database.keyspace
    are_kept = keyspace.is_paused or not keyspace.may_log
    bound = EXAMINED_MAX if are_kept else None
    return _key_near(database, rng, 0, bound) if key is None else key


def _key_near(
    database: Database, rng: random.Random, slot: int, examined_max: int | None
) -> bytes | None:
    """A key of the first slot from `slot` on that has any, within so many records."""
    current = -1
    keys: list[bytes] = []
    walk = _walk(database, _slot_bytes(slot))
    for storage_key, key, kind, is_alive in itertools.islice(walk, examined_max):
        at = storage_key[0] << 8 | storage_key[1]
        # In a slot of very many keys the first ones have to do.
        if keys and (at != current or len(keys) >= EXAMINED_MAX):
            break
        current = at
        if is_alive and kind != Kind.SYSTEM:
            keys.append(key)
    return rng.choice(keys) if keys else None


def _cached_key(database: Database, rng: random.Random) -> bytes | None:
    """A key out of the first shard of the cache, from a random one on, that has any alive."""
    now_ms = database.keyspace.now_ms
    start = rng.randrange(SHARDS)
    for offset in range(SHARDS):
        shard = database.hot[(start + offset) % SHARDS]
        keys = [key for key, live in shard.items() if is_living(live, now_ms)]
        if keys:
            return rng.choice(keys)
    return None
