"""Compaction: merge tables into one sorted run, leaving out what nobody can read any more.

Of several records of a key the one from the newest source stays; sources come in order, versions
are only asked about range tombstones. Then these are left out:

* records that a range tombstone hides (version at most its version);
* records of keyspaces that are not alive;
* elements whose generation is below that of their key's metadata record in this job: generations
  only grow, so nothing newer elsewhere can bring them back. Elements of a greater generation stay,
  since their metadata record may be in a newer table;
* tombstones, if no deeper table can hold the key, and they are old enough. One that carries a
  generation (of a collection that was deleted) stays as long as any table outside the job may hold
  elements of the key: without it a key created anew would start at generation 0 and could, some
  deletions later, meet elements of its own past;
* range tombstones, if no deeper table overlaps them, and they are old enough.

Expired metadata records are kept and reported: the serving process logs their deletion, so that
counts of keys stay exact and replicas agree.

The merge works on batches of some thousand entries. A batch of plain strings passes with three
calls into C; only batches with something to decide are looked at record by record.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter

from storage.compaction.job import CompactionJob, ExpiredKey, InputTable, JobResult, KeyRange
from storage.filenames import table_name
from storage.files import FileSystem
from storage.iterators import Chunk, merge_chunks
from storage.keys import SYSTEM_PREFIX, after_prefix, metadata_length
from storage.records import HAS_EXPIRY, TOMBSTONE, expiry_of, generation_of, version_of
from storage.sstable.builder import TableBuilder
from storage.sstable.metadata import TableMetadata
from storage.sstable.range_tombstones import RangeTombstone, RangeTombstones
from storage.sstable.reader import Table
from storage.sstable.run import SortedRun

_BATCH_ENTRIES = 2000
_BATCH_BYTES = 1 << 20
# Flags of records that need no decision: strings, elements and system records, with or without a
# causal vector, that are alive, never expire and carry no generation.
_PLAIN_FLAGS = bytes((0x00, 0x80, 0x0F, 0x8F))
_flags = itemgetter(0)
_keyspace = itemgetter(slice(2, 6))


class KeyRanges:
    """A set of key ranges, united where they touch; asked whether it covers or meets something."""

    def __init__(self, ranges: Iterable[KeyRange]) -> None:
        self._starts: list[bytes] = []
        self._ends: list[bytes] = []
        for part in sorted(ranges, key=lambda part: part.start):
            if self._ends and part.start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], part.end)
            elif part.start < part.end:
                self._starts.append(part.start)
                self._ends.append(part.end)

    def covers(self, key: bytes) -> bool:
        """Say whether the key lies in one of the ranges."""
        index = bisect_right(self._starts, key) - 1
        return index >= 0 and key < self._ends[index]

    def meets(self, start: bytes, end: bytes) -> bool:
        """Say whether one of the ranges has something in common with `[start, end)`."""
        index = bisect_right(self._ends, start)
        return index < bisect_left(self._starts, end)


def compact(files: FileSystem, job: CompactionJob) -> Generator[int, None, JobResult]:
    """Run a compaction in slices of a few milliseconds; the generator's value is the result.

    Yields the bytes written by each slice. Ended early (or on an error) it leaves no output
    behind. The result's times are left at zero: the caller has the clock.

    Raises:
        CorruptionError: an input is damaged.
        OSError: an output could not be written.
    """
    assert not job.is_move, "a move needs no merge"
    sources, tables = _open_inputs(files, job.inputs)
    ranges = RangeTombstones(part for table in tables for part in table.ranges)
    kept_ranges = _ranges_to_keep(ranges, job)
    records = _RecordFilter(job, ranges)
    outputs = _Outputs(files, job, kept_ranges)
    entries_read = 0
    try:
        for keys, values in _batches(
            merge_chunks(sources), min(_BATCH_BYTES, job.table_bytes // 8)
        ):
            entries_read += len(keys)
            yield from outputs.write(*records.apply(keys, values))
        written = yield from outputs.finish()
        files.sync_dir()
    except BaseException:
        outputs.abandon()
        raise
    return JobResult(
        tables=tuple(written),
        expired=tuple(records.expired),
        entries_read=entries_read,
        entries_written=sum(table.entries for table in written),
        bytes_read=job.input_bytes,
        bytes_written=sum(table.size for table in written),
    )


def _open_inputs(
    files: FileSystem, inputs: Sequence[InputTable]
) -> tuple[list[Iterator[Chunk]], list[Table]]:
    """Return the chunks of each source, newest first, and all tables."""
    sources: list[Iterator[Chunk]] = []
    tables: list[Table] = []
    runs: dict[int, list[Table]] = {}
    for source in inputs:
        table = Table(files, table_name(source.table.number), source.table, None)
        tables.append(table)
        if source.level == 0:
            sources.append(table.chunks(keep=False))
        else:
            runs.setdefault(source.level, []).append(table)
    for level in sorted(runs):
        run = SortedRun(sorted(runs[level], key=lambda table: table.metadata.smallest))
        sources.append(run.chunks(keep=False))
    return sources, tables


def _ranges_to_keep(ranges: RangeTombstones, job: CompactionJob) -> list[RangeTombstone]:
    deeper = KeyRanges(job.deeper)
    return [
        part
        for part in ranges
        if part.version > job.tombstone_version_max or deeper.meets(part.start, part.end)
    ]


def _batches(chunks: Iterable[Chunk], bytes_max: int) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Put chunks together until they are worth the fixed costs of a batch."""
    keys: list[bytes] = []
    records: list[bytes] = []
    size = 0
    for more_keys, more_records in chunks:
        keys += more_keys
        records += more_records
        size += sum(map(len, more_keys)) + sum(map(len, more_records))
        if len(keys) >= _BATCH_ENTRIES or size >= bytes_max:
            yield keys, records
            keys, records, size = [], [], 0
    if keys:
        yield keys, records


class _RecordFilter:
    """Decides which of the merged records stay. Sees every key once, in order."""

    def __init__(self, job: CompactionJob, ranges: RangeTombstones) -> None:
        self.expired: list[ExpiredKey] = []
        self._job = job
        self._ranges = ranges
        self._deeper = KeyRanges(job.deeper)
        self._others = KeyRanges(job.others)
        self._live: frozenset[bytes] | None = None
        if job.live_keyspaces is not None:
            self._live = frozenset(number.to_bytes(4, "big") for number in job.live_keyspaces)
        # The last metadata record with a generation: elements behind it are measured against it.
        self._owner = b""
        self._owner_generation = b""

    def apply(self, keys: list[bytes], records: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return what stays of a batch."""
        if self._is_plain(keys, records):
            return keys, records
        kept = [entry for entry in zip(keys, records, strict=True) if self._stays(*entry)]
        return [key for key, _ in kept], [record for _, record in kept]

    def _is_plain(self, keys: list[bytes], records: list[bytes]) -> bool:
        if self._ranges or (self._owner and keys[0].startswith(self._owner)):
            return False
        if bytes(map(_flags, records)).translate(None, _PLAIN_FLAGS):
            return False
        return self._live is None or self._live.issuperset(map(_keyspace, keys))

    def _stays(self, key: bytes, record: bytes) -> bool:
        if self._ranges and version_of(record) <= self._ranges.version_at(key):
            return False
        is_data = not key.startswith(SYSTEM_PREFIX)
        if is_data and self._live is not None and key[2:6] not in self._live:
            return False
        length = metadata_length(key) if is_data else len(key)
        if length < len(key):
            if self._is_outlived(key):
                return False
            return not record[0] & TOMBSTONE or self._keeps_tombstone(key, record, 0)
        generation = generation_of(record)
        self._owner = key if is_data and generation else b""
        self._owner_generation = generation.to_bytes(8, "big")
        if record[0] & TOMBSTONE:
            return self._keeps_tombstone(key, record, generation)
        if record[0] & HAS_EXPIRY and is_data:
            self._note_expiry(key, record)
        return True

    def _is_outlived(self, element: bytes) -> bool:
        """Say whether an element belongs to a generation that its key has left behind."""
        owner = self._owner
        if not owner or not element.startswith(owner):
            return False
        return element[len(owner) : len(owner) + 8] < self._owner_generation

    def _keeps_tombstone(self, key: bytes, record: bytes, generation: int) -> bool:
        if version_of(record) > self._job.tombstone_version_max or self._deeper.covers(key):
            return True
        return generation > 0 and self._others.meets(key, after_prefix(key))

    def _note_expiry(self, key: bytes, record: bytes) -> None:
        expiry_ms = expiry_of(record)
        if expiry_ms is None or expiry_ms > self._job.now_ms:
            return
        if len(self.expired) < self._job.expired_max:
            self.expired.append(ExpiredKey(key, version_of(record)))


class _Outputs:
    """Writes tables of about the wanted size, each with its share of the range tombstones."""

    def __init__(
        self, files: FileSystem, job: CompactionJob, ranges: Sequence[RangeTombstone]
    ) -> None:
        self._files = files
        self._job = job
        self._ranges = ranges
        self._created = 0
        self._builder: TableBuilder | None = None
        self._lower = b""  # everything before this is in finished tables
        self._finished: list[TableMetadata] = []

    def write(self, keys: list[bytes], records: list[bytes]) -> Generator[int, None, None]:
        """Append a batch."""
        if not keys:
            yield 0
            return
        builder = self._builder
        if builder is not None and self._is_full(builder):
            yield from self._end_table(builder, keys[0])
            builder = None
        if builder is None:
            builder = self._start_table()
        before = builder.bytes_written
        builder.extend(keys, records)
        yield builder.bytes_written - before

    def finish(self) -> Generator[int, None, list[TableMetadata]]:
        """End the last table; return the metadata of all."""
        builder = self._builder
        if builder is None and self._clipped(None):
            builder = self._start_table()
        if builder is not None:
            yield from self._end_table(builder, None)
        return self._finished

    def abandon(self) -> None:
        """Close and unlink whatever was written."""
        if self._builder is not None:
            self._builder.abandon()
        for index in range(self._created):
            with suppress(OSError):  # recovery removes what no manifest names
                self._files.unlink(table_name(self._job.first_output_number + index))

    def _is_full(self, builder: TableBuilder) -> bool:
        is_last = self._created >= self._job.outputs_max
        return not is_last and builder.bytes_written >= self._job.table_bytes

    def _start_table(self) -> TableBuilder:
        job = self._job
        number = job.first_output_number + self._created
        file = self._files.create(table_name(number))
        self._created += 1
        self._builder = TableBuilder(file, job.options, number=number, created_ms=job.now_ms)
        return self._builder

    def _end_table(self, builder: TableBuilder, upper: bytes | None) -> Generator[int, None, None]:
        for part in self._clipped(upper):
            builder.add_range(part.start, part.end, part.version)
        metadata = yield from builder.finish_slices()
        self._finished.append(metadata)
        self._builder = None
        if upper is not None:
            self._lower = upper

    def _clipped(self, upper: bytes | None) -> list[RangeTombstone]:
        """Return the parts of range tombstones from the last boundary to `upper`."""
        parts = (part.clipped(self._lower, upper) for part in self._ranges)
        return [part for part in parts if part is not None]
