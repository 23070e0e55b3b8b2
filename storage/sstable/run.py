"""A sorted run: the disjoint tables of one level, read as if they were one table.

A lookup finds the one table that may hold a key by `bisect`, so a level of a thousand tables costs
a read no more than a level of one. Immutable: a changed level is a new run over the same tables.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from storage.sstable.reader import Chunk, Table


class SortedRun:
    """Tables in order of keys, disjoint. Has the reading methods of a `Table`."""

    __slots__ = ("_ends", "_smallests", "tables")

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tuple(tables)
        self._smallests = [table.metadata.smallest for table in self.tables]
        self._ends = [table.metadata.end for table in self.tables]
        assert all(map(bytes.__le__, self._ends, self._smallests[1:])), "tables overlap"

    def get(self, key: bytes) -> bytes | None:
        """Return the record of a key, or None; errors as `Table.get`."""
        index = bisect_right(self._smallests, key) - 1
        if index >= 0 and key < self._ends[index]:
            return self.tables[index].get(key)
        return None

    def scan(self, start: bytes = b"", end: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, record) of `[start, end)` in order; errors as `Table.scan`."""
        for keys, records in self.chunks(start, end):
            yield from zip(keys, records, strict=True)

    def chunks(
        self, start: bytes = b"", end: bytes | None = None, *, keep: bool = True
    ) -> Iterator[Chunk]:
        """Yield the entries of `[start, end)` block by block, as `Table.chunks`."""
        for index in range(bisect_right(self._ends, start), len(self.tables)):
            if end is not None and self._smallests[index] >= end:
                return
            yield from self.tables[index].chunks(start, end, keep=keep)
