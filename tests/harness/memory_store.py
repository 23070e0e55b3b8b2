"""A store in memory: what the keyspace needs of the storage engine, and commits that can fail.

It keeps the newest record per storage key, tombstones included, and remembers every committed
batch, so that a test can open a second keyspace on it as after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from storage.errors import DiskFullError

if TYPE_CHECKING:
    from storage import WriteBatch


class MemoryStore:
    """Records by storage key; `is_full` makes every commit fail without effect."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}
        self.is_full = False
        #: Entries of every successful commit, in order.
        self.batches: list[list[tuple[bytes, bytes]]] = []
        self.appended_bytes = 0
        #: Calls of `get`, to see what the cache saves.
        self.reads = 0

    def get(self, key: bytes) -> bytes | None:
        """Newest committed record."""
        self.reads += 1
        return self.records.get(key)

    def scan(
        self, start: bytes, end: bytes, batch: WriteBatch | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Newest record of each key in [start, end) in order, an open batch laid over."""
        newest = dict(self.records)
        if batch is not None:
            newest.update(batch.entries)
        return iter([(key, newest[key]) for key in sorted(newest) if start <= key < end])

    def prepare_scan(self, start: bytes) -> bool:
        """Nothing has to be prepared."""
        del start
        return False

    def commit(self, batch: WriteBatch) -> int:
        """Apply a batch. Raises DiskFullError, nothing done, while `is_full`."""
        if self.is_full:
            raise DiskFullError("the disk is full")
        assert not batch.ranges, "the keyspace writes no ranges"
        self.records.update(batch.entries)
        self.batches.append(list(batch.entries))
        self.appended_bytes += sum([len(key) + len(record) for key, record in batch.entries])
        return self.appended_bytes
