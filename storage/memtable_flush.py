"""Flush memtables without reading the log: for segments whose file was damaged after writing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from storage.compaction.job import FlushJob, JobResult
from storage.filenames import table_name
from storage.memtable import SHARDS, Memtable
from storage.read_view import with_ranges
from storage.records import version_of
from storage.sstable.builder import TableBuilder
from storage.sstable.range_tombstones import RangeTombstones

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from storage.files import FileSystem

_SLICE_ENTRIES = 2000


def flush_memtables(
    files: FileSystem, job: FlushJob, memtables: Sequence[Memtable]
) -> Generator[int, None, JobResult]:
    """Write sealed memtables, oldest first, into the job's output table, in slices.

    Yields the bytes of each slice; the generator's value is the result. Ended early, or on an
    error, it leaves no output behind.

    Raises:
        OSError: the output could not be written.
    """
    ranges = RangeTombstones()
    for memtable in memtables:
        ranges = with_ranges(ranges, memtable.ranges)
    if not ranges and not any(memtable.count() for memtable in memtables):
        return JobResult()
    name = table_name(job.output_number)
    file = files.create(name)
    builder = TableBuilder(file, job.options, number=job.output_number, created_ms=job.now_ms)
    try:
        for part in ranges:
            builder.add_range(part.start, part.end, part.version)
        for number in range(SHARDS):
            shard: dict[bytes, bytes] = {}
            for memtable in memtables:
                shard.update(memtable.shards[number])
            keys = sorted(key for key in shard if version_of(shard[key]) > ranges.version_at(key))
            for start in range(0, len(keys), _SLICE_ENTRIES):
                part_keys = keys[start : start + _SLICE_ENTRIES]
                builder.extend(part_keys, [shard[key] for key in part_keys])
                yield builder.bytes_written
        metadata = builder.finish()
        files.sync_dir()
    except BaseException:
        builder.abandon()
        with suppress(OSError):
            files.unlink(name)
        raise
    return JobResult(
        tables=(metadata,), entries_written=metadata.entries, bytes_written=metadata.size
    )
