"""Read from everything at once: memtable, sealed memtables, tables; the newest record wins.

A `ReadView` is a pinned list of sources, newest first. Sources other than the open memtable never
change; tables stay readable as long as a view holds them, even when compaction has unlinked their
files meanwhile (a mapping outlives its name), so no reference counting is needed. The engine makes
a new view whenever the list changes: at a seal, a flush and a compaction.

A lookup takes the first source that knows the key, because sources are ordered by age and within
a key age is order of versions. Delete-ranges of all sources are one index; a record found is
hidden if a range with at least its version covers it. The open memtable has applied its own
ranges and holds nothing older than them, so a hit there needs no check.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Protocol

from storage.records import WriteBatch, version_of
from storage.sstable.range_tombstones import RangeTombstone, RangeTombstones

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Entry = tuple[bytes, bytes]


class Source(Protocol):
    """Something sorted that records can be read from."""

    def get(self, key: bytes) -> bytes | None:
        """Return the record of a key, or None."""

    def scan(self, start: bytes, end: bytes) -> Iterator[Entry]:
        """Yield (key, record) of `[start, end)` in order."""


class ReadView:
    """A pinned, ordered list of sources and their delete-ranges.

    Attributes:
        sources: newest first.
        ranges: the delete-ranges of all sources.
    """

    __slots__ = ("ranges", "sources")

    def __init__(self, sources: Sequence[Source], ranges: RangeTombstones) -> None:
        self.sources = tuple(sources)
        self.ranges = ranges

    def get(self, key: bytes) -> bytes | None:
        """Return the newest record of a key, tombstones included; None if hidden or unknown."""
        for source in self.sources:
            record = source.get(key)
            if record is not None:
                if self.ranges and version_of(record) <= self.ranges.version_at(key):
                    return None
                return record
        return None

    def scan(self, start: bytes, end: bytes, batch: WriteBatch | None = None) -> Iterator[Entry]:
        """Yield the newest (key, record) of each key of `[start, end)` in order.

        Tombstones are included, records hidden by delete-ranges are not. With `batch`, its
        entries lie over all sources and its ranges count too.
        """
        scans = [source.scan(start, end) for source in self.sources]
        ranges = self.ranges
        if batch:
            if batch.ranges:
                ranges = with_ranges(ranges, batch.ranges)
            overlay = {key: record for key, record in batch.entries if start <= key < end}
            scans.insert(0, iter(sorted(overlay.items())))
        merged = merge_newest(scans)
        if not ranges:
            return merged
        return _visible(merged, ranges)


def with_ranges(
    known: RangeTombstones, more: Iterable[tuple[bytes, bytes, int]]
) -> RangeTombstones:
    """Return the known delete-ranges and more of them as one set."""
    return RangeTombstones((*known, *(RangeTombstone(*part) for part in more)))


def merge_newest(scans: Sequence[Iterator[Entry]]) -> Iterator[Entry]:
    """Merge sorted scans, newest first; of equal keys the entry of the earliest scan wins."""
    started = []
    for age, scan in enumerate(scans):
        first = next(scan, None)
        if first is not None:
            started.append((first, age, scan))
    if not started:
        return iter(())
    if len(started) == 1:
        first, _, scan = started[0]
        return _resume(first, scan)
    return _merge(started)


def _resume(first: Entry, scan: Iterator[Entry]) -> Iterator[Entry]:
    yield first
    yield from scan


def _merge(started: list[tuple[Entry, int, Iterator[Entry]]]) -> Iterator[Entry]:
    # (key, age) decides; the record is never compared because ages differ.
    heap = [(entry[0], age, entry[1], scan) for entry, age, scan in started]
    heapq.heapify(heap)
    replace = heapq.heapreplace
    previous: bytes | None = None
    while len(heap) > 1:
        key, age, record, scan = heap[0]
        if key != previous:
            yield key, record
            previous = key
        following = next(scan, None)
        if following is None:
            heapq.heappop(heap)
        else:
            replace(heap, (following[0], age, following[1], scan))
    key, _, record, scan = heap[0]
    if key != previous:
        yield key, record
    yield from scan


def _visible(entries: Iterator[Entry], ranges: RangeTombstones) -> Iterator[Entry]:
    covering = ranges.version_at
    for key, record in entries:
        if version_of(record) > covering(key):
            yield key, record
