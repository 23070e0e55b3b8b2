"""The keys of a slot: how many there are, and some of them.

Storage is ordered by slot, so this is a walk over one range of records. The records of other
databases, of deleted keys and of the elements of collections lie in it too, so the work is counted
in records and not in keys.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Final

from storage.keys import SLOT_COUNT, SYSTEM_PREFIX, is_metadata_key, keyspace_id_of, user_key_of
from storage.records import HAS_EXPIRY, TOMBSTONE, expiry_of

if TYPE_CHECKING:
    from meridian_resp.datatypes.database import Database

#: Records walked in one slice: about a millisecond.
SLICE_RECORDS: Final = 500


def count_keys(
    database: Database, first: int, last: int, *, records_max: int | None = None
) -> int:
    """Return how many keys live in the slots from `first` to `last`.

    Counting ends after `records_max` records, so that a great number may come out too small. 0
    is never too small: until there is a key, counting goes on.
    """
    count = 0
    for passed, key in enumerate(_walk(database, _start_of(first), _start_of(last + 1)), 1):
        count += key is not None
        if count and records_max is not None and passed >= records_max:
            break
    return count


def walk_slot(
    database: Database, slot: int, keys_max: int | None = None
) -> Generator[None, None, list[bytes]]:
    """Collect keys of a slot, at most `keys_max`, in slices; gives way about every millisecond."""
    found: list[bytes] = []
    position: bytes | None = _start_of(slot)
    end = _start_of(slot + 1)
    while position is not None and (keys_max is None or len(found) < keys_max):
        position = _walk_slice(database, position, end, found, keys_max)
        if position is not None:
            yield
    return found


def _walk_slice(
    database: Database, start: bytes, end: bytes, found: list[bytes], keys_max: int | None
) -> bytes | None:
    """Collect keys in one slice; where the next one begins, None at the end."""
    if not database.count:
        return None
    keyspace = database.keyspace
    scanned = keyspace.store.scan(start, end, keyspace.batch)
    for passed, (storage_key, record) in enumerate(scanned, 1):
        if _is_key(database, storage_key, record):
            found.append(user_key_of(storage_key))
        if passed == SLICE_RECORDS or len(found) == keys_max:
            return storage_key + b"\0"
    return None


def _walk(database: Database, start: bytes, end: bytes) -> Iterator[bytes | None]:
    """For each record the storage key that it makes a living key, or None."""
    if not database.count:
        return  # not a look at what a flushed database left behind
    keyspace = database.keyspace
    for storage_key, record in keyspace.store.scan(start, end, keyspace.batch):
        yield storage_key if _is_key(database, storage_key, record) else None


def _is_key(database: Database, storage_key: bytes, record: bytes) -> bool:
    flags = record[0]
    if flags & TOMBSTONE or keyspace_id_of(storage_key) != database.keyspace_id:
        return False
    if flags & HAS_EXPIRY and (expiry_of(record) or 0) <= database.keyspace.now_ms:
        return False
    return is_metadata_key(storage_key)


def _start_of(slot: int) -> bytes:
    return slot.to_bytes(2, "big") if slot < SLOT_COUNT else SYSTEM_PREFIX
