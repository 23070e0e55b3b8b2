"""Jobs and their results: what the serving process asks of a worker, and what it gets back.

A worker reads immutable files and writes new ones; it never touches the manifest. So a job holds
everything there is to know (names, numbers, options, what lies elsewhere) and a result is metadata
of the tables written. Whoever asked makes the edit (`FlushJob.edit`, `CompactionJob.edit`).

    job     := kind u8 (1 flush, 2 compaction) | fields, in the order of the classes
    result  := fields, in the order of the class

The bytes live only between processes of one build, so they carry no version of their own; the
handshake line does (compaction/worker.py).
"""

from __future__ import annotations

import struct
from collections.abc import Collection

from attrs import evolve, frozen

from storage.codec import U64_MAX, decode_blob, decode_varint, encode_blob, encode_varint
from storage.errors import CorruptionError
from storage.filenames import segment_name, temporary_name
from storage.manifest.edit import AddedTable, CompactionPointer, RemovedTable, VersionEdit
from storage.options import TableOptions
from storage.sstable.metadata import TableMetadata, decode_metadata, encode_metadata

_FLUSH = 1
_COMPACTION = 2
_DOUBLE = struct.Struct(">d")


@frozen
class SegmentInput:
    """One sealed WAL segment.

    Attributes:
        number: segment number.
        limit_offset: offset in the whole log up to which its records count; None reads to its end.
        is_condensed: read the condensed copy instead (condensed.py); `limit_offset` is its size.
    """

    number: int
    limit_offset: int | None = None
    is_condensed: bool = False

    @property
    def name(self) -> str:
        """The name of the file to read."""
        name = segment_name(self.number)
        return temporary_name(name) if self.is_condensed else name


@frozen
class FlushJob:
    """Turn sealed WAL segments into one level-0 table.

    Attributes:
        directory: where the files are.
        segments: oldest first; they are neighbours in the log.
        output_number: file number of the table.
        options: how it is written.
        now_ms: wall clock, ms since 1970.
    """

    directory: str
    segments: tuple[SegmentInput, ...]
    output_number: int
    options: TableOptions
    now_ms: int = 0

    def edit(self, result: JobResult) -> VersionEdit:
        """Return the edit that installs the result.

        Flushes must be installed in the order of their segments.
        """
        return VersionEdit(
            added=tuple(AddedTable(0, table) for table in result.tables),
            obsolete_segments=tuple(segment.number for segment in self.segments),
            next_file_number=self.output_number + 1,
        )


@frozen
class KeyRange:
    """Keys from `start` to `end`, `end` excluded."""

    start: bytes
    end: bytes


@frozen
class InputTable:
    """A table that a compaction reads and replaces, and the level it leaves."""

    level: int
    table: TableMetadata


@frozen
class CompactionJob:
    """Merge tables into one sorted run of a level.

    Attributes:
        directory: where the files are.
        inputs: newest first: level 0 tables as their level has them, then level by level.
        output_level: where the outputs go.
        options: how they are written.
        table_bytes: size at which an output is ended and the next begun.
        is_move: the inputs need no rewriting, they only change their level; no worker needed.
        pointer: compaction pointer of the inputs' first level after this job; None leaves it.
        live_keyspaces: records of other keyspaces are dropped; None drops none.
        deeper: where tables of levels deeper than the output lie; a tombstone may only be
            dropped outside of them.
        others: where any table outside the job lies; a tombstone that carries a generation may
            only be dropped if no element of its key can be in them.
        tombstone_version_max: tombstones newer than this are kept (grace for repair).
        expired_max: how many expired keys to report.
        throughput_bytes: bytes written per second at most; 0 is no bound.
        first_output_number: outputs take file numbers from here on.
        outputs_max: and at most this many; the last one then grows beyond `table_bytes`.
        now_ms: wall clock, ms since 1970: what has expired by then is reported.
    """

    directory: str
    inputs: tuple[InputTable, ...]
    output_level: int
    options: TableOptions
    table_bytes: int
    is_move: bool = False
    pointer: bytes | None = None
    live_keyspaces: frozenset[int] | None = None
    deeper: tuple[KeyRange, ...] = ()
    others: tuple[KeyRange, ...] = ()
    tombstone_version_max: int = U64_MAX
    expired_max: int = 1000
    throughput_bytes: int = 0
    first_output_number: int = 0
    outputs_max: int = 1
    now_ms: int = 0

    def started(self, first_output_number: int, now_ms: int) -> CompactionJob:
        """Return the job with what is known only when it starts.

        The caller reserves `outputs_max` file numbers from `first_output_number` on.
        """
        return evolve(self, first_output_number=first_output_number, now_ms=now_ms)

    @property
    def first_level(self) -> int:
        """The shallowest level that is read."""
        return min(source.level for source in self.inputs)

    @property
    def input_bytes(self) -> int:
        """Bytes of all inputs."""
        return sum(source.table.size for source in self.inputs)

    @property
    def numbers(self) -> frozenset[int]:
        """File numbers of the inputs: not to be given to another job meanwhile."""
        return frozenset(source.table.number for source in self.inputs)

    def edit(self, result: JobResult | None = None) -> VersionEdit:
        """Return the edit that installs the result; a move needs no result."""
        if self.is_move:
            tables: Collection[TableMetadata] = [source.table for source in self.inputs]
        else:
            assert result is not None, "only a move needs no result"
            tables = result.tables
        pointers: tuple[CompactionPointer, ...] = ()
        if self.pointer is not None:
            pointers = (CompactionPointer(self.first_level, self.pointer),)
        return VersionEdit(
            added=tuple(AddedTable(self.output_level, table) for table in tables),
            removed=tuple(
                RemovedTable(source.level, source.table.number) for source in self.inputs
            ),
            pointers=pointers,
        )


Job = FlushJob | CompactionJob


@frozen
class ExpiredKey:
    """A key whose metadata record had expired: to be deleted if that is still its version."""

    key: bytes
    version: int


@frozen
class JobResult:
    """What a job did.

    Attributes:
        tables: written, in order of keys; synced, directory included.
        expired: some of the expired metadata records met, all of them kept.
        entries_read: records read (of a flush: effects).
        entries_written: records written.
        bytes_read: of the inputs.
        bytes_written: of the outputs.
        duration_s: from the first to the last byte, throttling included.
        cpu_s: processor time of it.
    """

    tables: tuple[TableMetadata, ...] = ()
    expired: tuple[ExpiredKey, ...] = ()
    entries_read: int = 0
    entries_written: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    duration_s: float = 0.0
    cpu_s: float = 0.0


def encode_job(job: Job) -> bytes:
    """Return the bytes of a job."""
    out = _Writer()
    if isinstance(job, FlushJob):
        out.number(_FLUSH)
        out.blob(job.directory.encode())
        out.number(len(job.segments))
        for segment in job.segments:
            out.number(segment.number)
            out.optional_number(segment.limit_offset)
            out.number(segment.is_condensed)
        out.number(job.output_number)
        out.options(job.options)
        out.number(job.now_ms)
        return out.data()
    out.number(_COMPACTION)
    out.blob(job.directory.encode())
    out.number(len(job.inputs))
    for source in job.inputs:
        out.number(source.level)
        out.blob(encode_metadata(source.table))
    out.number(job.output_level)
    out.options(job.options)
    out.number(job.table_bytes)
    out.number(job.is_move)
    out.optional_blob(job.pointer)
    out.number(job.live_keyspaces is not None)
    out.numbers(sorted(job.live_keyspaces or ()))
    out.key_ranges(job.deeper)
    out.key_ranges(job.others)
    out.numbers((job.tombstone_version_max, job.expired_max, job.throughput_bytes))
    out.numbers((job.first_output_number, job.outputs_max, job.now_ms))
    return out.data()


def decode_job(data: bytes) -> Job:
    """Read a job.

    Raises:
        CorruptionError: the bytes are no job.
    """
    read = _Reader(data)
    kind = read.number()
    if kind not in (_FLUSH, _COMPACTION):
        raise CorruptionError("", 0, f"no job has the kind {kind}")
    job = _decode_flush(read) if kind == _FLUSH else _decode_compaction(read)
    read.end()
    return job


def _decode_flush(read: _Reader) -> FlushJob:
    return FlushJob(
        directory=read.blob().decode(),
        segments=tuple(
            SegmentInput(read.number(), read.optional_number(), bool(read.number()))
            for _ in range(read.number())
        ),
        output_number=read.number(),
        options=read.options(),
        now_ms=read.number(),
    )


def _decode_compaction(read: _Reader) -> CompactionJob:
    directory = read.blob().decode()
    inputs = tuple(
        InputTable(read.number(), decode_metadata(read.blob())) for _ in range(read.number())
    )
    output_level, options, table_bytes = read.number(), read.options(), read.number()
    is_move, pointer = bool(read.number()), read.optional_blob()
    has_keyspaces, keyspaces = bool(read.number()), frozenset(read.numbers())
    deeper, others = read.key_ranges(), read.key_ranges()
    tombstone_version_max, expired_max, throughput_bytes = read.numbers()
    first_output_number, outputs_max, now_ms = read.numbers()
    return CompactionJob(
        directory=directory,
        inputs=inputs,
        output_level=output_level,
        options=options,
        table_bytes=table_bytes,
        is_move=is_move,
        pointer=pointer,
        live_keyspaces=keyspaces if has_keyspaces else None,
        deeper=deeper,
        others=others,
        tombstone_version_max=tombstone_version_max,
        expired_max=expired_max,
        throughput_bytes=throughput_bytes,
        first_output_number=first_output_number,
        outputs_max=outputs_max,
        now_ms=now_ms,
    )


def encode_result(result: JobResult) -> bytes:
    """Return the bytes of a result."""
    out = _Writer()
    out.number(len(result.tables))
    for table in result.tables:
        out.blob(encode_metadata(table))
    out.number(len(result.expired))
    for expired in result.expired:
        out.blob(expired.key)
        out.number(expired.version)
    counts = result.entries_read, result.entries_written, result.bytes_read, result.bytes_written
    out.numbers(counts)
    out.blob(_DOUBLE.pack(result.duration_s) + _DOUBLE.pack(result.cpu_s))
    return out.data()


def decode_result(data: bytes) -> JobResult:
    """Read a result.

    Raises:
        CorruptionError: the bytes are no result.
    """
    read = _Reader(data)
    tables = tuple(decode_metadata(read.blob()) for _ in range(read.number()))
    expired = tuple(ExpiredKey(read.blob(), read.number()) for _ in range(read.number()))
    entries_read, entries_written, bytes_read, bytes_written = read.numbers()
    times = read.blob()
    read.end()
    return JobResult(
        tables=tables,
        expired=expired,
        entries_read=entries_read,
        entries_written=entries_written,
        bytes_read=bytes_read,
        bytes_written=bytes_written,
        duration_s=_DOUBLE.unpack_from(times)[0],
        cpu_s=_DOUBLE.unpack_from(times, 8)[0],
    )


class _Writer:
    """Collects fields."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def number(self, value: int) -> None:
        self._parts.append(encode_varint(value))

    def blob(self, value: bytes) -> None:
        self._parts.append(encode_blob(value))

    def optional_number(self, value: int | None) -> None:
        self.number(value is not None)
        self.number(value or 0)

    def optional_blob(self, value: bytes | None) -> None:
        self.number(value is not None)
        self.blob(value or b"")

    def numbers(self, values: Collection[int]) -> None:
        self.number(len(values))
        self._parts.extend(map(encode_varint, values))

    def key_ranges(self, ranges: Collection[KeyRange]) -> None:
        self.number(len(ranges))
        for part in ranges:
            self.blob(part.start)
            self.blob(part.end)

    def options(self, options: TableOptions) -> None:
        self.number(options.block_bytes)
        self.number(options.bloom_bits_per_key)
        self.number(options.compression_level)

    def data(self) -> bytes:
        return b"".join(self._parts)


class _Reader:
    """Takes fields off in the order in which `_Writer` put them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    def number(self) -> int:
        value, self._offset = decode_varint(self._data, self._offset)
        return value

    def blob(self) -> bytes:
        value, self._offset = decode_blob(self._data, self._offset)
        return value

    def optional_number(self) -> int | None:
        present, value = self.number(), self.number()
        return value if present else None

    def optional_blob(self) -> bytes | None:
        present, value = self.number(), self.blob()
        return value if present else None

    def numbers(self) -> list[int]:
        return [self.number() for _ in range(self.number())]

    def key_ranges(self) -> tuple[KeyRange, ...]:
        return tuple(KeyRange(self.blob(), self.blob()) for _ in range(self.number()))

    def options(self) -> TableOptions:
        return TableOptions(self.number(), self.number(), self.number())

    def end(self) -> None:
        if self._offset != len(self._data):
            raise CorruptionError("", self._offset, "bytes follow a job or result")
