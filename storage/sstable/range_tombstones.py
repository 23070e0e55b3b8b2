"""Range tombstones: `[start, end)` with version v hides every record in it of version <= v.

A set of them is cut into disjoint fragments, each with the highest version that covers it, so that
asking for a key is one `bisect`. They are rare (a slot is dropped, a migration is undone), so an
empty set must cost next to nothing: `if ranges:` first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import pairwise

from attrs import frozen

from storage.codec import decode_blob, decode_varint, encode_blob, encode_varint
from storage.errors import CorruptionError


@frozen
class RangeTombstone:
    """Hides records of versions at most `version` with `start <= key < end`."""

    start: bytes
    end: bytes
    version: int

    def clipped(self, start: bytes, end: bytes | None) -> RangeTombstone | None:
        """Return the part inside `[start, end)` (None = no bound), or None if there is none."""
        low = max(self.start, start)
        high = self.end if end is None else min(self.end, end)
        return RangeTombstone(low, high, self.version) if low < high else None


class RangeTombstones:
    """An immutable set of range tombstones, as disjoint sorted fragments."""

    __slots__ = ("_ends", "_starts", "_versions", "fragments")

    def __init__(self, ranges: Iterable[RangeTombstone] = ()) -> None:
        self.fragments = tuple(_fragments(ranges))
        self._starts = [part.start for part in self.fragments]
        self._ends = [part.end for part in self.fragments]
        self._versions = [part.version for part in self.fragments]

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __iter__(self) -> Iterator[RangeTombstone]:
        return iter(self.fragments)

    def __len__(self) -> int:
        return len(self.fragments)

    def version_at(self, key: bytes) -> int:
        """Return the highest version that hides records of this key; -1 if none does."""
        index = bisect_right(self._starts, key) - 1
        if index >= 0 and key < self._ends[index]:
            return self._versions[index]
        return -1

    def overlaps(self, start: bytes, end: bytes) -> bool:
        """Say whether any fragment touches `[start, end)`."""
        index = bisect_right(self._ends, start)
        return index < len(self._starts) and self._starts[index] < end


def encode_ranges(ranges: Iterable[RangeTombstone]) -> bytes:
    """Return `count varint | (start blob | end blob | version varint) * count`."""
    parts = [
        encode_blob(part.start) + encode_blob(part.end) + encode_varint(part.version)
        for part in ranges
    ]
    return encode_varint(len(parts)) + b"".join(parts)


def decode_ranges(data: bytes, offset: int = 0) -> tuple[list[RangeTombstone], int]:
    """Return (ranges, offset after them).

    Raises:
        CorruptionError: the bytes do not parse.
    """
    count, offset = decode_varint(data, offset)
    if count > len(data):
        raise CorruptionError("", offset, f"{count} range tombstones do not fit")
    ranges = []
    for _ in range(count):
        start, offset = decode_blob(data, offset)
        end, offset = decode_blob(data, offset)
        version, offset = decode_varint(data, offset)
        ranges.append(RangeTombstone(start, end, version))
    return ranges, offset


def _fragments(ranges: Iterable[RangeTombstone]) -> Iterator[RangeTombstone]:
    """Sweep over all edges, keeping the open ranges in a heap by version."""
    given = sorted((part for part in ranges if part.start < part.end), key=lambda part: part.start)
    edges = sorted({part.start for part in given} | {part.end for part in given})
    active: list[tuple[int, bytes]] = []
    position = 0
    last: RangeTombstone | None = None
    for low, high in pairwise(edges):
        while position < len(given) and given[position].start <= low:
            heappush(active, (-given[position].version, given[position].end))
            position += 1
        while active and active[0][1] <= low:
            heappop(active)
        if not active:
            continue
        version = -active[0][0]
        if last is not None and last.end == low and last.version == version:
            last = RangeTombstone(last.start, high, version)
            continue
        if last is not None:
            yield last
        last = RangeTombstone(low, high, version)
    if last is not None:
        yield last
