"""The memtable: the newest records, in memory, sorted only when somebody asks for order.

One dict per first key byte (64 for slots, one for system records), so that no dict grows so large
that a rehash or its release stalls the node: the shard of two million keys is 31 thousand. A put
is one dict store (0.04 us). The sorted view of a shard is a list of its keys, brought up to date
when a scan or a flush needs it: dicts keep insertion order, so the keys that are new since last
time are the dict's last ones, and `list.sort` merges them as one run (measured: 0.6 us per key
all in, against 1.5 us per insert of a SortedDict). Whoever scans bit by bit has that done bit by
bit as well (`sort_step`): runs of a thousand keys, which the next scan has only to merge.

Invariants: a shard's sorted list and then its runs are the keys of its dict in insertion order, a
prefix of them, each sorted in itself; every key lies in the shard of its first byte; a key hidden
by one of `ranges` that came later is absent.

Memory is estimated while writing (bytes logged plus a constant per entry, which counts overwrites
double) and estimated anew, from a sample of the records, before a memtable is sealed for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from itertools import islice
from typing import TYPE_CHECKING

from storage.records import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.records import WriteBatch

SHARDS = 256
# Two bytes objects (33 bytes each beyond their content) and a dict entry at 2/3 load.
ENTRY_BYTES = 170
_INSORT_MAX = 32
_RUN_KEYS = 1000
_SCAN_KEYS = 128
_STEP_RECORDS = 64
# About so many records have their length looked at, at both ends of all shards together.
_SAMPLE_RECORDS = 256


class Memtable:
    """Records of one WAL segment, newest per key.

    Attributes:
        shards: dict per first key byte; read (and, in `Engine.commit`, written) directly.
        ranges: delete-ranges (start, end excluded, version) in the order they came.
        estimated_bytes: memory held; more than the truth, or about it after `reestimate`.
        logged_bytes: bytes of all batches in the log, overwritten records included.
        puts: records stored since the start, overwritten ones included.
    """

    __slots__ = (
        "_runs", "_sorted", "estimated_bytes", "logged_bytes", "puts", "ranges", "shards",
    )  # fmt: skip

    def __init__(self) -> None:
        self.shards: list[dict[bytes, bytes]] = [{} for _ in range(SHARDS)]
        self.ranges: list[tuple[bytes, bytes, int]] = []
        self.estimated_bytes = 0
        self.logged_bytes = 0
        self.puts = 0
        self._sorted: list[list[bytes]] = [[] for _ in range(SHARDS)]
        self._runs: dict[int, list[list[bytes]]] = {}

    def apply(self, entries: list[tuple[bytes, bytes]]) -> None:
        """Store records in order."""
        shards = self.shards
        for key, record in entries:
            shards[key[0]][key] = record
        self.puts += len(entries)

    def apply_logged(self, batch: WriteBatch, length: int) -> None:
        """Apply a batch that takes `length` bytes in the log; `Store.commit` does the same."""
        self.apply(batch.entries)
        if batch.ranges:
            self.apply_ranges(batch.ranges)
        self.logged_bytes += length
        self.estimated_bytes += length + ENTRY_BYTES * len(batch.entries)

    def apply_ranges(self, ranges: list[tuple[bytes, bytes, int]]) -> None:
        """Remove the records that delete-ranges hide and remember the ranges for older data."""
        for start, end, version in ranges:
            self._remove(start, end, version)
            self.ranges.append((start, end, version))

    def get(self, key: bytes) -> bytes | None:
        """Return the record of a key, or None."""
        return self.shards[key[0]].get(key)

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, record) of `[start, end)` in order.

        Keys present when their shard is reached are yielded unless they are removed meanwhile,
        and later ones possibly; records are those present when they are yielded.
        """
        if start >= end:
            return
        first = start[0] if start else 0
        last = end[0] if end else 0
        for number in range(first, last + 1):
            shard = self.shards[number]
            if not shard:
                continue
            keys = self.sorted_keys(number)
            low = bisect_left(keys, start) if number == first else 0
            # Not the whole shard at once: most scans end soon, and to take hold of thousands of
            # keys and let them go again cost up to 1 ms. Keys that came between two parts have
            # moved the others, so the place is looked up anew.
            while part := keys[low : low + _SCAN_KEYS]:
                for key in part:
                    if key >= end:
                        return
                    record = shard.get(key)
                    if record is not None:
                        yield key, record
                keys = self._sorted[number]
                low = bisect_right(keys, part[-1])

    def sorted_keys(self, number: int) -> list[bytes]:
        """Return the up-to-date sorted keys of one shard; the caller must not change the list."""
        shard = self.shards[number]
        keys = self._sorted[number]
        runs = self._runs.pop(number, ())
        for run in runs:
            keys += run
        missing = len(shard) - len(keys)
        if missing or runs:
            newest = islice(reversed(shard), missing)
            if not runs and missing <= _INSORT_MAX and keys:
                for key in newest:
                    insort(keys, key)
            else:
                # One sort: spreading them over lists first made 9,000 keys 6 ms instead of 4.5.
                keys.extend(newest)
                keys.sort()
        return keys

    def sort_step(self, number: int) -> bool:
        """Sort a thousand keys of a shard for a scan to come; False if too few are unsorted."""
        shard = self.shards[number]
        runs = self._runs.get(number, [])
        missing = len(shard) - len(self._sorted[number]) - sum(map(len, runs))
        if missing <= _RUN_KEYS:
            return False
        newest = list(islice(reversed(shard), missing))
        self._runs.setdefault(number, []).append(sorted(newest[-_RUN_KEYS:]))
        return True

    def count(self) -> int:
        """Return the number of records."""
        return sum(map(len, self.shards))

    def lengths(self) -> Iterator[tuple[int, int, int]]:
        """Yield (records, bytes of their keys and contents, longest record), a few at a time.

        A step takes 0.02 ms, most of it cache misses. Nothing may be written meanwhile.
        """
        for shard in self.shards:
            keys, records = iter(shard), iter(shard.values())
            while sizes := list(map(len, islice(records, _STEP_RECORDS))):
                key_bytes = sum(map(len, islice(keys, _STEP_RECORDS)))
                yield len(sizes), key_bytes + sum(sizes), max(sizes)

    def reestimate(self) -> None:
        """Replace the estimate by a better one (0.3 ms, however many records there are).

        The mean length of keys and records is that of some at both ends of each shard, which are
        the keys that came first and last, or that of all puts if it is higher. Too low it is only
        if long records were put seldom and in between, and then by one log segment at most.
        """
        shards = [shard for shard in self.shards if shard]
        most = max(1, _SAMPLE_RECORDS // (2 * len(shards) or 1))
        content = count = 0
        for shard in shards:
            lengths: list[int] = []
            for view in (shard, shard.values()):
                lengths += map(len, islice(view, most))
                lengths += map(len, islice(reversed(view), most))
            content += sum(lengths) * len(shard) * 2 // len(lengths)
            count += len(shard)
        if self.puts:
            content = max(content, self.logged_bytes * count // self.puts)
        self.estimated_bytes = content + ENTRY_BYTES * count

    def recount(self) -> None:
        """Replace the estimate by an exact count (0.1 to 0.3 us per record; blocks for all)."""
        self.estimated_bytes = sum(
            [content + ENTRY_BYTES * count for count, content, _ in self.lengths()]
        )

    def parts(self) -> list[object]:
        """Return the big inner objects, for a caller that releases them a few at a time.

        Freeing a million records at once takes 54 ms. Whoever holds these while the memtable
        itself is forgotten can drop them one by one; a view that still reads keeps its own hold.
        """
        return [*self.shards, *self._sorted, *self._runs.values()]

    def _remove(self, start: bytes, end: bytes, version: int) -> None:
        hidden = [key for key, record in self.scan(start, end) if version_of(record) <= version]
        touched = set()
        for key in hidden:
            del self.shards[key[0]][key]
            touched.add(key[0])
        for number in touched:
            # The dict's tail no longer tells what is new, so the sorted view starts afresh.
            self._runs.pop(number, None)
            self._sorted[number] = sorted(self.shards[number])

    def check_invariants(self) -> None:
        """Verify the invariants of the module's docstring; for tests."""
        for number, shard in enumerate(self.shards):
            keys = self._sorted[number]
            order = iter(shard)
            for run in (keys, *self._runs.get(number, ())):
                assert run == sorted(set(run)), number
                assert set(islice(order, len(run))) == set(run), number
            assert all(key[0] == number for key in shard), number
