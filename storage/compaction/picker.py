"""Decide which compaction is due: a pure function of the layout, the options and what is busy.

*Leveled.* Level 0 is scored by its number of tables against `level0_compaction_tables`, every
deeper level by its bytes against its bound (640 MB, ten times more per level). The highest score
of at least 1 is served. From level 0 all tables go, with what they overlap in level 1. From a
deeper level one table goes, the first behind the level's compaction pointer, so that all get
their turn, with what it overlaps one level down. The worst cost of moving a table down is thus
itself plus about `level_ratio` tables. A table that overlaps nothing below only changes its
level, unless it holds tombstones that could be dropped there.

*Tiered.* Level 0 tables and every deeper level are runs, newest to oldest. When level 0 is due,
all its tables are merged, with the next runs as long as each is at most as large as all before it
together. The result takes the deepest place that is free above the runs left alone. So every byte
is rewritten about log2(total / flushed) times instead of ten times per level; reads look into more
runs, and up to half of the space may be outdated.

Tables in `busy` belong to running jobs: a job that would need one of them is not started. Two jobs
never write the same level at the same keys, because inputs include everything that overlaps there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from attrs import evolve, frozen

from storage.codec import U64_MAX
from storage.compaction.job import CompactionJob, InputTable, KeyRange
from storage.errors import CorruptionError
from storage.keys import SYSTEM_PREFIX, after_prefix, metadata_length
from storage.manifest.version import Version
from storage.options import MEGABYTE, CompactionStrategy, StorageOptions
from storage.sstable.metadata import TableMetadata

# A table is not moved down unmerged onto more than this many tables' worth of the level below
# its target: merging it there later would cost that much.
_GRANDPARENT_TABLES_MAX = 20


@frozen
class LevelScore:
    """How urgent a level is: 1 or more means that a compaction is due."""

    level: int
    score: float


def pick(
    version: Version,
    options: StorageOptions,
    live_keyspaces: frozenset[int] | None,
    *,
    pointers: Mapping[int, bytes] | None = None,
    busy: Collection[int] = (),
    tombstone_version_max: int = U64_MAX,
) -> CompactionJob | None:
    """Return the most urgent compaction, or None if none is due or possible now.

    Args:
        version: the newest layout.
        options: sizes, ratio, strategy.
        live_keyspaces: ids whose records are kept; None keeps all.
        pointers: where each level goes on (`ManifestState.pointers`).
        busy: file numbers of the tables that running jobs read.
        tombstone_version_max: tombstones newer than this must stay (grace for repair).

    The job still lacks its output numbers and the time: `CompactionJob.started`.
    """
    planner = _Planner(version, options, frozenset(busy))
    if options.compaction is CompactionStrategy.TIERED:
        job = planner.tiered()
    else:
        job = planner.leveled(pointers or {})
    if job is None:
        return None
    return evolve(job, live_keyspaces=live_keyspaces, tombstone_version_max=tombstone_version_max)


def scores(version: Version, options: StorageOptions) -> list[LevelScore]:
    """Return the score of every level that could be compacted, most urgent first."""
    found = [LevelScore(0, len(version.level(0)) / options.level0_compaction_tables)]
    if options.compaction is CompactionStrategy.LEVELED:
        for level in range(1, options.levels_max - 1):
            bound = options.level_bytes_max(level)
            found.append(LevelScore(level, version.level_bytes(level) / bound))
    return sorted(found, key=lambda part: -part.score)


class _Planner:
    """The layout and what may be touched in it."""

    def __init__(self, version: Version, options: StorageOptions, busy: frozenset[int]) -> None:
        self._version = version
        self._options = options
        self._busy = busy

    def leveled(self, pointers: Mapping[int, bytes]) -> CompactionJob | None:
        """Return the job of the most urgent level that can be served."""
        for part in scores(self._version, self._options):
            if part.score < 1:
                return None
            if part.level == 0:
                job = self._from_level0()
            else:
                job = self._from_level(part.level, pointers.get(part.level, b""))
            if job is not None:
                return job
        return None

    def tiered(self) -> CompactionJob | None:
        """Return the job that merges level 0 with the runs that are not larger."""
        level0 = self._version.level(0)
        if len(level0) < self._options.level0_compaction_tables:
            return None
        inputs = [InputTable(0, table) for table in level0]
        total = sum(table.size for table in level0)
        output_level = self._options.levels_max - 1
        for level in range(1, self._options.levels_max):
            tables = self._version.level(level)
            size = self._version.level_bytes(level)
            # Level 1 has no free place above it, so it is always taken along.
            if tables and size > total and level > 1:
                output_level = level - 1
                break
            inputs += [InputTable(level, table) for table in tables]
            total += size
        return self._job(inputs, output_level, pointer=None)

    def _from_level0(self) -> CompactionJob | None:
        tables = self._version.level(0)
        start, end = _bounds(tables)
        below = self._version.overlapping(1, start, end)
        inputs = [InputTable(0, table) for table in tables]
        inputs += [InputTable(1, table) for table in below]
        return self._job(inputs, 1, pointer=None)

    def _from_level(self, level: int, pointer: bytes) -> CompactionJob | None:
        tables = self._version.level(level)
        behind = [table for table in tables if table.smallest >= pointer]
        before = [table for table in tables if table.smallest < pointer]
        for table in behind + before:
            below = self._version.overlapping(level + 1, table.smallest, table.end)
            inputs = [InputTable(level, table)]
            inputs += [InputTable(level + 1, other) for other in below]
            job = self._job(inputs, level + 1, pointer=table.end)
            if job is not None:
                return job
        return None

    def _job(
        self, inputs: Sequence[InputTable], output_level: int, *, pointer: bytes | None
    ) -> CompactionJob | None:
        numbers = {source.table.number for source in inputs}
        if numbers & self._busy:
            return None
        options = self._options
        size = sum(source.table.size for source in inputs)
        return CompactionJob(
            directory=options.directory,
            inputs=tuple(inputs),
            output_level=output_level,
            options=options.table_options(output_level),
            table_bytes=options.table_bytes,
            is_move=self._is_move(inputs, output_level),
            pointer=pointer,
            deeper=self._elsewhere(numbers, inputs, output_level + 1),
            others=self._elsewhere(numbers, inputs, 0),
            expired_max=options.expired_reports_max,
            throughput_bytes=options.compaction_throughput_mb * MEGABYTE,
            # Compressed inputs may come out larger, so this is generous; numbers cost nothing.
            outputs_max=4 * (size // options.table_bytes + 1),
        )

    def _is_move(self, inputs: Sequence[InputTable], output_level: int) -> bool:
        """Say whether the inputs can change their level as they are."""
        if any(source.level == output_level for source in inputs):
            return False
        tables = sorted((source.table for source in inputs), key=lambda table: table.smallest)
        for index in range(len(tables) - 1):
            if tables[index].end > tables[index + 1].smallest:
                return False
        options, version = self._options, self._version
        has_tombstones = any(table.tombstones or table.range_tombstones for table in tables)
        start, end = _bounds(tables)
        is_bottom = all(
            not version.overlapping(level, start, end)
            for level in range(output_level + 1, len(version.levels))
        )
        if has_tombstones and is_bottom:
            return False
        below = sum(table.size for table in version.overlapping(output_level + 1, start, end))
        return below <= _GRANDPARENT_TABLES_MAX * options.table_bytes

    def _elsewhere(
        self, numbers: Collection[int], inputs: Sequence[InputTable], first_level: int
    ) -> tuple[KeyRange, ...]:
        """Return where tables outside the job lie, from a level on, near the job's keys."""
        start, end = _bounds([source.table for source in inputs])
        end = max(end, _after_key(max(source.table.largest for source in inputs)))
        return tuple(
            KeyRange(table.smallest, table.end)
            for level in range(first_level, len(self._version.levels))
            for table in self._version.overlapping(level, start, end)
            if table.number not in numbers
        )


def _bounds(tables: Sequence[TableMetadata]) -> tuple[bytes, bytes]:
    return min(table.smallest for table in tables), max(table.end for table in tables)


def _after_key(largest: bytes) -> bytes:
    """Return the end of all elements of the user key that a storage key belongs to."""
    if largest.startswith(SYSTEM_PREFIX):
        return largest
    try:
        return after_prefix(largest[: metadata_length(largest)])
    except CorruptionError:
        return largest  # the end of a range tombstone is no storage key
