"""Merge sorted runs, newest first, into one sorted run with the newest record per key.

Merging goes chunk by chunk instead of entry by entry (a heap in Python costs 0.6 us per entry and
source). Every source shows a chunk of sorted keys; up to the smallest last key of these chunks
everything is known, so those parts are poured into one dict, oldest source first, and its keys are
sorted: they are concatenated sorted runs, which `list.sort` merges in C (0.2 us per entry all in).
When only one source is left its chunks pass through untouched.

Sources are trusted to be strictly ascending; order between sources decides which record of a key
is the newest, versions are not looked at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

Chunk = tuple[Sequence[bytes], Sequence[bytes]]
"""Keys in ascending order, and their records; never empty."""

_CHUNK_ENTRIES_FIRST = 16
_CHUNK_ENTRIES_MAX = 512


def merge_chunks(sources: Sequence[Iterable[Chunk]]) -> Iterator[Chunk]:
    """Yield the merged entries of `sources`, newest source first, as chunks.

    Memory: one chunk per source and one merged chunk.
    """
    # Oldest first from here on: what is poured later into the dict replaces what was there.
    cursors = [cursor for source in reversed(sources) if (cursor := _Cursor(source)).advance()]
    while len(cursors) > 1:
        bound = min([cursor.last for cursor in cursors])
        merged: dict[bytes, bytes] = {}
        for cursor in cursors:
            keys, records = cursor.take_through(bound)
            merged.update(zip(keys, records, strict=True))
        keys_merged = sorted(merged)
        yield keys_merged, [merged[key] for key in keys_merged]
        cursors = [cursor for cursor in cursors if cursor.has_entries or cursor.advance()]
    for cursor in cursors:
        yield cursor.take_rest()
        while cursor.advance():
            yield cursor.take_rest()


def merge_pairs(sources: Sequence[Iterator[tuple[bytes, bytes]]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the merged (key, record) pairs of `sources`, newest source first.

    Sources are read ahead by few pairs at first and more later, so that a short scan stays short.
    """
    for keys, records in merge_chunks([chunked(source) for source in sources]):
        yield from zip(keys, records, strict=True)


def chunked(pairs: Iterator[tuple[bytes, bytes]]) -> Iterator[Chunk]:
    """Yield an iterator of (key, record) pairs as chunks, small ones first."""
    size = _CHUNK_ENTRIES_FIRST
    while batch := list(islice(pairs, size)):
        keys, records = zip(*batch, strict=True)
        yield keys, records
        size = min(2 * size, _CHUNK_ENTRIES_MAX)


class _Cursor:
    """A place in one source: the current chunk and how far it was taken."""

    __slots__ = ("_chunks", "_keys", "_position", "_records", "has_entries", "last")

    def __init__(self, source: Iterable[Chunk]) -> None:
        self._chunks = iter(source)
        self._keys: Sequence[bytes] = ()
        self._records: Sequence[bytes] = ()
        self._position = 0
        self.has_entries = False
        self.last = b""

    def advance(self) -> bool:
        """Go to the next chunk; False at the end of the source."""
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self._keys, self._records = chunk
        assert self._keys, "a source gave an empty chunk"
        self._position = 0
        self.has_entries = True
        self.last = self._keys[-1]
        return True

    def take_through(self, bound: bytes) -> Chunk:
        """Take the entries of the current chunk up to and including key `bound`."""
        start = self._position
        end = bisect_right(self._keys, bound, start)
        self._position = end
        self.has_entries = end < len(self._keys)
        return self._keys[start:end], self._records[start:end]

    def take_rest(self) -> Chunk:
        """Take what is left of the current chunk."""
        start = self._position
        self._position = len(self._keys)
        self.has_entries = False
        if start == 0:
            return self._keys, self._records
        return self._keys[start:], self._records[start:]
