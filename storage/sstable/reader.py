"""Read a table: mapped into memory, blocks parsed on first use into a shared bounded cache.

Opening reads the footer, the index (a sorted list of separators, kept) and the range tombstones.
A lookup is: bloom probe on the mapped bytes, `bisect` over separators, block from the cache,
`bisect` over the block's keys. Every byte that is used was checked against a checksum first: the
index, ranges and properties at opening, the filter at the first probe, blocks when parsed.

The map is valid as long as somebody holds it, the file's name may be gone; `close` drops it.
Results are `bytes` of their own, so nothing a caller keeps points into the map.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import accumulate, islice
from operator import lt

from attrs import frozen

from storage.bloom import open_filter
from storage.errors import ClosedError, CorruptionError
from storage.files import FileSystem, Mapped
from storage.os_files import release_pages
from storage.sstable.block import Block, BlockCodec
from storage.sstable.cache import BlockCache
from storage.sstable.format import decode_footer, read_section
from storage.sstable.metadata import TableMetadata, decode_metadata
from storage.sstable.range_tombstones import RangeTombstones, decode_ranges

Chunk = tuple[Sequence[bytes], Sequence[bytes]]
"""Keys in ascending order, and their records: what scans and merges work on, block by block."""

_RELEASE_BYTES = 1 << 20


@frozen
class BloomCounters:
    """Lookups that the filter turned away, and those it let through though the key was absent.

    The observed rate of false positives is `false_positives / (negatives + false_positives)`.
    """

    negatives: int
    false_positives: int


class Table:
    """One open table. Synchronous; methods block on page faults only.

    Attributes:
        metadata: as the manifest has it.
        ranges: the table's range tombstones (`get` and `scan` do not apply them).
        negatives, false_positives: see `BloomCounters`.
    """

    __slots__ = (
        "_cache",
        "_cache_base",
        "_codec",
        "_data",
        "_footer",
        "_may_contain",
        "_offsets",
        "_separators",
        "false_positives",
        "metadata",
        "name",
        "negatives",
        "ranges",
    )

    def __init__(
        self,
        files: FileSystem,
        name: str,
        metadata: TableMetadata | None,
        cache: BlockCache | None,
    ) -> None:
        """Map and open a table file.

        Args:
            files: where it is.
            name: its file name.
            metadata: what the manifest says; None takes what the file says of itself.
            cache: shared cache of parsed blocks; None parses at every use (workers).

        Raises:
            CorruptionError: damaged, or not the file that `metadata` describes.
            FormatVersionError: written by a newer version.
            OSError: cannot be mapped.
        """
        self.name = name
        self._data: Mapped | None = files.map(name)
        self._codec = BlockCodec()
        self._cache = cache if cache is not None else BlockCache(0)
        self._cache_base = self._cache.reserve()
        self.negatives = 0
        self.false_positives = 0
        self._footer = decode_footer(self._data, name)
        self.metadata = self._check_metadata(metadata)
        self._separators, self._offsets = self._read_index()
        self.ranges = self._read_ranges()
        has_filter = self._footer.filter.length > 0
        self._may_contain: Callable[[bytes], bool] | None = (
            self._probe_first if has_filter else None
        )

    def get(self, key: bytes) -> bytes | None:
        """Return the record of a key, or None if the table has none.

        Raises:
            CorruptionError: the filter or the block is damaged.
            ClosedError: closed.
        """
        may_contain = self._may_contain
        if may_contain is not None and not may_contain(key):
            self.negatives += 1
            return None
        index = bisect_right(self._separators, key) - 1
        if index >= 0:
            # The usual case without the calls of `cache.get`: 0.1 us of 2.4.
            block = self._cache.recent.get(self._cache_base + index)
            if block is None:
                block = self._cache.get(self._cache_base + index) or self._load(index)
            record = block.get(key)
            if record is not None:
                return record
        if may_contain is not None:
            self.false_positives += 1
        return None

    def scan(self, start: bytes = b"", end: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, record) of `[start, end)` in order; `end` None is no bound.

        Blocks are read when reached, through the cache.

        Raises:
            CorruptionError: a block is damaged.
        """
        for keys, records in self.chunks(start, end):
            yield from zip(keys, records, strict=True)

    def chunks(
        self, start: bytes = b"", end: bytes | None = None, *, keep: bool = True
    ) -> Iterator[Chunk]:
        """Yield the entries of `[start, end)` block by block, as (keys, records), never empty.

        Args:
            start: first key.
            end: excluded; None is no bound.
            keep: put parsed blocks into the cache (compaction does not).

        Raises:
            CorruptionError: a block is damaged.
        """
        separators = self._separators
        if self._data is None:
            raise ClosedError
        first = max(0, bisect_right(separators, start) - 1)
        for index in range(first, len(separators)):
            if end is not None and separators[index] >= end:
                return
            block = self._cache.get(self._cache_base + index) if keep else None
            if block is None:
                block = self._load(index) if keep else self._parse(index)
            keys = block.keys
            low = bisect_left(keys, start) if index == first else 0
            high = len(keys) if end is None else bisect_left(keys, end, low)
            if high - low == len(keys):
                yield keys, block.records()
            elif low < high:
                yield keys[low:high], block.records()[low:high]

    def verify(self) -> int:
        """Check everything there is to check; return the number of entries.

        Checked: every checksum, the order of keys within and across blocks, that separators
        enclose their blocks, that the filter knows every key, and the counts in the metadata.
        Cost: about 1.5 us per entry; the block cache is left alone.

        Raises:
            CorruptionError: says what is wrong first.
        """
        read_section(self.data, self._footer.filter, self.name)
        entries = 0
        last = b""
        for index, block_separator in enumerate(self._separators):
            block = self._parse(index)
            offset = self._offsets[index]
            keys = block.keys
            self._require(all(map(lt, keys, islice(keys, 1, None))), offset, "keys out of order")
            self._require(not entries or last < block_separator, offset, "separator too low")
            self._require(block_separator <= keys[0], offset, "separator too high")
            self._require(min(map(len, block.records())) >= 9, offset, "record too short")
            if self._may_contain is not None:
                missed = not all(map(self._may_contain, keys))
                self._require(not missed, offset, "the filter misses a key")
            entries += len(keys)
            last = keys[-1]
        self._require(entries == self.metadata.entries, None, "the number of entries differs")
        if entries:
            inside = self.metadata.smallest <= self._separators[0]
            inside = inside and last <= self.metadata.largest
            self._require(inside, None, "keys outside the table's bounds")
        return entries

    def bloom_counters(self) -> BloomCounters:
        """Return what the filter did so far."""
        return BloomCounters(self.negatives, self.false_positives)

    def close(self) -> None:
        """Give the map back. Later calls fail, and a scan that is under way at its next block."""
        self._data = None
        self._may_contain = self._refuse

    def release_slices(self) -> Generator[None, None, None]:
        """Take a table that is no longer used out of this process's page table, bit by bit.

        Reads still work. Without this the end of its mapping is one system call of 6 ms for
        64 MB, made in whatever task drops the last reference.
        """
        data = self._data
        for start in range(0, 0 if data is None else len(data), _RELEASE_BYTES):
            assert data is not None
            release_pages(data, start, min(start + _RELEASE_BYTES, len(data)))
            yield

    @property
    def data(self) -> Mapped:
        """The mapped file.

        Raises:
            ClosedError: closed.
        """
        if self._data is None:
            raise ClosedError
        return self._data

    def _load(self, index: int) -> Block:
        block = self._parse(index)
        self._cache.insert(self._cache_base + index, block)
        return block

    def _parse(self, index: int) -> Block:
        offset = self._offsets[index]
        length = self._offsets[index + 1] - offset
        payload = self._codec.open(self.data, offset, length, self.name)
        try:
            return Block(payload)
        except CorruptionError as error:
            raise CorruptionError(self.name, offset, error.detail) from error

    def _probe_first(self, key: bytes) -> bool:
        """Check the filter, then let it answer by itself from now on."""
        section = self._footer.filter
        read_section(self.data, section, self.name)
        self._may_contain = open_filter(self.data, section.offset, section.length)
        return self._may_contain(key)

    def _refuse(self, key: bytes) -> bool:
        raise ClosedError

    def _check_metadata(self, expected: TableMetadata | None) -> TableMetadata:
        raw = read_section(self.data, self._footer.properties, self.name)
        found = decode_metadata(raw).with_size(len(self.data))
        if expected is not None and found != expected:
            raise CorruptionError(self.name, None, "not the table that the manifest describes")
        return found

    def _read_index(self) -> tuple[list[bytes], array[int]]:
        section = self._footer.index
        raw = read_section(self.data, section, self.name)
        if not raw:
            self._require(self._footer.filter.offset == 0, section.offset, "no index")
            return [], array("Q", [0])
        index = Block(raw)
        lengths = (int.from_bytes(stored, "big") for stored in index.records())
        offsets = array("Q", accumulate(lengths, initial=0))
        blocks_end = self._footer.filter.offset
        self._require(offsets[-1] == blocks_end, section.offset, "the index misses blocks")
        return list(index.keys), offsets

    def _read_ranges(self) -> RangeTombstones:
        section = self._footer.ranges
        ranges, end = decode_ranges(read_section(self.data, section, self.name))
        self._require(end == section.length, section.offset, "bytes follow the range tombstones")
        return RangeTombstones(ranges)

    def _require(self, holds: bool, offset: int | None, detail: str) -> None:
        if not holds:
            raise CorruptionError(self.name, offset, detail)
