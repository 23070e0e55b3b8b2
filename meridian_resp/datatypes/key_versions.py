"""Versions of keys: what WATCH remembers of keys that another node holds.

The version of a key is that of its newest record, a deletion included; 0 for a key that was never
there. Each write gives a greater one, so two equal versions mean that nothing happened between.
Compaction may forget a deletion, and then the version of an absent key becomes 0: a transaction
that watched it is given up for nothing, which is the safe side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.records import version_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meridian_resp.datatypes.database import Database


def key_version(database: Database, key: bytes) -> int:
    """Return a key's version; writes of the tick that is not committed yet count too."""
    keyspace = database.keyspace
    start = database.storage_key(key)
    for storage_key, record in keyspace.store.scan(start, start + b"\0", keyspace.batch):
        if storage_key == start:
            return version_of(record)
    return 0


def look_up_versions(database: Database, keys: Iterable[bytes]) -> list[int]:
    """Return the versions of keys, after deleting those whose time is over.

    Raises:
        StorageError: storage can't be read.
    """
    wanted = list(keys)
    for key in wanted:
        database.get(key)
    database.keyspace.apply()
    return [key_version(database, key) for key in wanted]
