"""Options of the storage engine: every limit by name, with its unit and its bounds.

Levels, sizes, the ratio of 10 and the bloom bits per level are the specification's (section 4).
`StorageOptions` is frozen; the few values that may change while running are changed by handing
the engine a new object (`Engine.reconfigure`).
"""

from __future__ import annotations

import enum

from attrs import field, frozen

from storage.errors import OptionError

MEGABYTE = 1 << 20


class FsyncPolicy(enum.Enum):
    """When logged bytes are made durable. The values are Redis' words for `appendfsync`."""

    ALWAYS = "always"  # replies wait for the sync that covers them
    EVERYSEC = "everysec"  # a power cut loses at most about a second
    NO = "no"  # the operating system decides


class CompactionStrategy(enum.Enum):
    """How tables are merged."""

    LEVELED = "leveled"
    TIERED = "tiered"


@frozen
class TableOptions:
    """How one table file is written.

    Attributes:
        block_bytes: target size of a data block before compression.
        bloom_bits_per_key: bits of the bloom filter per key; 0 writes no filter.
        compression_level: zstd level of the data blocks; 0 stores them as they are.
    """

    block_bytes: int = 4096
    bloom_bits_per_key: int = 10
    compression_level: int = 0


@frozen
class StorageOptions:
    """Options of one engine; `validate` checks every bound and relation.

    Attributes:
        directory: data directory; created if missing.
        fsync: when logged bytes become durable.
        memtable_size_mb: WAL segment size, and the bound of a memtable's estimated memory.
        wal_reserve_bytes: writes are refused when no next segment could be reserved and the
            current one has less room than this left.
        wal_record_bytes_max: a batch greater than this is refused.
        wal_archive_dir: directory for gzip'ed sealed segments; None archives nothing.
        wal_archive_days: how long archived segments are kept.
        sealed_memtables_max: back-pressure is full when this many memtables wait for a flush.
        level0_tables_slow: back-pressure begins at this many level-0 tables.
        level0_tables_stop: back-pressure is full at this many level-0 tables.
        level0_compaction_tables: level-0 tables that make a compaction into level 1 due.
        table_size_mb: target size of the tables that compaction writes.
        level1_size_mb: bound of level 1; every further level is `level_ratio` times greater.
        level_ratio: growth from level to level.
        levels_max: number of levels.
        bloom_bits_per_level: bloom bits per key of level 0, 1, 2 and deeper.
        compression_level: zstd level of tables at level 2 and deeper; 0 is none.
        block_bytes: target size of a data block.
        cache_size_mb: bound of the block cache.
        compaction: leveled or tiered.
        compaction_throughput_mb: bound of what compaction writes per second; 0 is no bound.
        workers: worker processes for compaction, one more flushes; 0 does both in slices in the
            serving process.
        background_delay_s_max: greatest pause that back-pressure asks of the reactor per tick.
        expired_reports_max: expired keys that one compaction reports.
    """

    directory: str
    fsync: FsyncPolicy = FsyncPolicy.EVERYSEC
    memtable_size_mb: int = 64
    wal_reserve_bytes: int = 4 * MEGABYTE
    wal_record_bytes_max: int = 1 << 30
    wal_archive_dir: str | None = None
    wal_archive_days: int = 7
    sealed_memtables_max: int = 6
    level0_tables_slow: int = 16
    level0_tables_stop: int = 40
    level0_compaction_tables: int = 4
    table_size_mb: int = 64
    level1_size_mb: int = 640
    level_ratio: int = 10
    levels_max: int = 7
    bloom_bits_per_level: tuple[int, ...] = (10, 14, 20)
    compression_level: int = 0
    block_bytes: int = 4096
    cache_size_mb: int = 256
    compaction: CompactionStrategy = CompactionStrategy.LEVELED
    compaction_throughput_mb: int = 50
    workers: int = 1
    background_delay_s_max: float = 0.05
    expired_reports_max: int = 1000
    # Finer than whole megabytes, for tests that must see a rotation after a few records.
    segment_bytes_override: int | None = field(default=None, kw_only=True)
    table_bytes_override: int | None = field(default=None, kw_only=True)
    level1_bytes_override: int | None = field(default=None, kw_only=True)

    @property
    def segment_bytes(self) -> int:
        """Size of a WAL segment in bytes."""
        return self.segment_bytes_override or self.memtable_size_mb * MEGABYTE

    @property
    def memtable_bytes_max(self) -> int:
        """Estimated memory at which a memtable is sealed, in bytes.

        Twice the segment size: 64 MB of WAL is 77 MB of Python objects at values of 1 KB, and
        292 MB at 10 bytes, which this bound cuts off.
        """
        return 2 * self.segment_bytes

    @property
    def table_bytes(self) -> int:
        """Target size of a compaction's output tables in bytes."""
        return self.table_bytes_override or self.table_size_mb * MEGABYTE

    def level_bytes_max(self, level: int) -> int:
        """Return the bound of a level's total size in bytes; level 0 counts tables, not bytes."""
        assert level >= 1, level
        base = self.level1_bytes_override or self.level1_size_mb * MEGABYTE
        growth: int = self.level_ratio ** (level - 1)
        return base * growth

    def table_options(self, level: int) -> TableOptions:
        """Return how tables of a level are written."""
        bits = self.bloom_bits_per_level[min(level, len(self.bloom_bits_per_level) - 1)]
        compression = self.compression_level if level >= 2 else 0
        return TableOptions(self.block_bytes, bits, compression)

    def validate(self) -> None:
        """Check every bound.

        Raises:
            OptionError: names the option, its bounds and what was given.
        """
        for name, low, high in _BOUNDS:
            value = getattr(self, name)
            if not low <= value <= high:
                raise OptionError(name, value, f"between {low} and {high}")
        if not self.directory:
            raise OptionError("directory", self.directory, "the path of a directory")
        if self.level0_tables_stop <= self.level0_tables_slow:
            raise OptionError(
                "level0_tables_stop", self.level0_tables_stop, "greater than level0_tables_slow"
            )
        if not self.bloom_bits_per_level:
            raise OptionError("bloom_bits_per_level", (), "at least one number")


_BOUNDS: tuple[tuple[str, float, float], ...] = (
    ("memtable_size_mb", 1, 2048),
    ("wal_reserve_bytes", 0, 1 << 30),
    ("wal_record_bytes_max", 1 << 10, (1 << 32) - 1),
    ("wal_archive_days", 1, 36500),
    ("sealed_memtables_max", 1, 1000),
    ("level0_tables_slow", 2, 10000),
    ("level0_tables_stop", 3, 10000),
    ("level0_compaction_tables", 2, 1000),
    ("table_size_mb", 1, 4096),
    ("level1_size_mb", 1, 1 << 20),
    ("level_ratio", 2, 100),
    ("levels_max", 2, 16),
    ("compression_level", 0, 22),
    ("block_bytes", 512, 1 << 20),
    ("cache_size_mb", 0, 1 << 20),
    ("compaction_throughput_mb", 0, 1 << 20),
    ("workers", 0, 64),
    ("background_delay_s_max", 0, 10),
    ("expired_reports_max", 1, 1_000_000),
)
