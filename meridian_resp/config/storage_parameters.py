"""Second part of the table: where data lies and how the storage engine keeps it."""

# A row is read like a line of a table, so it is set by hand.
# fmt: off

from __future__ import annotations

import attrs

from meridian_resp.config.choices import (
    AppendFsync,
    CompactionStyle,
    Compression,
    ConsistencyLevel,
    EvictionPolicy,
)
from meridian_resp.config.parameter import (
    Change,
    Section,
    choice,
    integer,
    memory,
    path,
    row,
    switch,
)
from meridian_resp.config.redis_values import SavePoint, SavePointsType
from meridian_resp.config.server_parameters import ServerParameters
from meridian_resp.config.values import INT32_MAX, UINT64_MAX, IntegersType

_NO_EVICTION = (
    "data lies on disk, so keys are never evicted; memory is bounded by cache-size-mb,"
    " block-cache-size-mb and memtable-size-mb"
)
_ALWAYS_LOGGED = "every write is logged; appendfsync says when the log is forced to the disk"


@attrs.define(eq=False, kw_only=True)
class StorageParameters(ServerParameters):
    """Parameters of durability, the storage engine, memory and consistency."""

    dir: str = path(
        "dir", "./data", Section.DURABILITY,
        "Data directory, made when missing. One process at a time may use it.",
    )
    appendonly: bool = switch(
        "appendonly", True, Section.DURABILITY,
        "Log every write before it is answered. Always on.",
        no_effect=_ALWAYS_LOGGED, ignored={"no": _ALWAYS_LOGGED},
    )
    appendfsync: AppendFsync = choice(
        "appendfsync", AppendFsync.EVERYSEC, Section.DURABILITY,
        "When the log is forced to the disk: always (before replies leave; a power cut loses"
        " nothing that was answered), everysec (it loses about a second), no (it loses what the"
        " kernel had not written). A killed process loses nothing in any of them.",
        change=Change.HOOK,
    )
    save: tuple[SavePoint, ...] = row(
        "save", SavePointsType(), (), Section.DURABILITY,
        "Redis' snapshots by time and number of changes.",
        no_effect="every write is in the log already, so no snapshot has to be taken",
    )
    wal_archive_dir: str = path(
        "wal-archive-dir", "", Section.DURABILITY,
        "Directory that closed segments of the log are copied to, compressed with gzip; none"
        " are when empty.",
    )
    wal_archive_retention_days: int = integer(
        "wal-archive-retention-days", 7, 1, 36500, Section.DURABILITY,
        "Age at which archived segments are deleted.", unit="days", change=Change.NEVER,
    )

    memtable_size_mb: int = integer(
        "memtable-size-mb", 64, 1, 2048, Section.STORAGE,
        "Size of a segment of the log, and with it of the memtable that is written to disk as"
        " one table.", unit="MB", change=Change.NEVER,
    )
    sealed_memtables_max: int = integer(
        "sealed-memtables-max", 6, 1, 1000, Section.STORAGE,
        "Memtables that may wait to be written before writers are slowed down fully.",
        change=Change.NEVER,
    )
    block_cache_size_mb: int = integer(
        "block-cache-size-mb", 256, 0, 1 << 20, Section.STORAGE,
        "Memory for blocks of tables that were read.", unit="MB", change=Change.NEVER,
    )
    compaction_style: CompactionStyle = choice(
        "compaction-style", CompactionStyle.LEVELED, Section.STORAGE,
        "How tables are merged: leveled (reads look into few tables) or tiered (data is"
        " rewritten less often, for loads of mostly writes).", change=Change.NEVER,
    )
    compaction_throughput_mb: int = integer(
        "compaction-throughput-mb", 0, 0, 1 << 20, Section.STORAGE,
        "Bound of what compaction writes, against read latency that rises while it runs; 0 is"
        " no bound.", unit="MB/s", change=Change.HOOK,
    )
    compaction_workers: int = integer(
        "compaction-workers", 1, 0, 64, Section.STORAGE,
        "Processes that write and merge tables; with 0 the server does it in slices.",
        change=Change.NEVER,
    )
    compression: Compression = choice(
        "compression", Compression.NONE, Section.STORAGE,
        "Compression of tables at level 2 and deeper.", change=Change.NEVER,
    )
    compression_level: int = integer(
        "compression-level", 3, 1, 22, Section.STORAGE,
        "Level of zstd: 1 is fastest, 22 smallest.", change=Change.NEVER,
    )
    table_size_mb: int = integer(
        "table-size-mb", 64, 1, 4096, Section.STORAGE,
        "Size of the tables that compaction writes.", unit="MB", change=Change.NEVER,
    )
    block_size_bytes: int = memory(
        "block-size-bytes", 4096, 512, Section.STORAGE,
        "Size of a block of a table, the unit of reading, before compression.",
        maximum=1 << 20, change=Change.NEVER,
    )
    level1_size_mb: int = integer(
        "level1-size-mb", 640, 1, 1 << 20, Section.STORAGE,
        "Total size of level 1.", unit="MB", change=Change.NEVER,
    )
    level_ratio: int = integer(
        "level-ratio", 10, 2, 100, Section.STORAGE,
        "How many times larger each level is than the one above it.", change=Change.NEVER,
    )
    level0_compaction_tables: int = integer(
        "level0-compaction-tables", 4, 2, 1000, Section.STORAGE,
        "Tables of level 0 that are merged into level 1.", change=Change.NEVER,
    )
    level0_tables_slow: int = integer(
        "level0-tables-slow", 16, 2, 10000, Section.STORAGE,
        "Tables of level 0 at which writers begin to be slowed down.", change=Change.NEVER,
    )
    level0_tables_stop: int = integer(
        "level0-tables-stop", 40, 3, 10000, Section.STORAGE,
        "Tables of level 0 at which writers are slowed down fully; more than"
        " level0-tables-slow.", change=Change.NEVER,
    )
    bloom_bits_per_level: tuple[int, ...] = row(
        "bloom-bits-per-level", IntegersType(0, 64, count_max=16), (10, 14, 20),
        Section.STORAGE,
        "Bits per key of the Bloom filters of level 0, 1, 2 and so on; the last number holds for"
        " all deeper levels. 10 bits let 1% of needless reads through, 14 bits 0.1%, 20 bits"
        " 0.01%.", change=Change.NEVER,
    )

    cache_size_mb: int = integer(
        "cache-size-mb", 256, 1, 1 << 20, Section.MEMORY,
        "Memory for keys kept as live objects, from which reads are answered without the"
        " storage engine.", unit="MB",
    )
    maxmemory_bytes: int = memory(
        "maxmemory", 0, 0, Section.MEMORY, "Redis' bound of memory.",
        maximum=UINT64_MAX, no_effect=_NO_EVICTION,
    )
    maxmemory_policy: EvictionPolicy = choice(
        "maxmemory-policy", EvictionPolicy.NOEVICTION, Section.MEMORY,
        "Redis' choice of the keys to evict.", no_effect=_NO_EVICTION,
    )
    maxmemory_samples: int = integer(
        "maxmemory-samples", 5, 1, INT32_MAX, Section.MEMORY,
        "Keys that Redis looks at to choose one to evict.", no_effect=_NO_EVICTION,
    )
    lfu_log_factor: int = integer(
        "lfu-log-factor", 10, 0, INT32_MAX, Section.MEMORY,
        "How slowly Redis' counter of uses grows.", no_effect=_NO_EVICTION,
    )
    lfu_decay_time_minutes: int = integer(
        "lfu-decay-time", 1, 0, INT32_MAX, Section.MEMORY,
        "How fast Redis' counter of uses falls.", unit="minutes", no_effect=_NO_EVICTION,
    )

    consistency_default: ConsistencyLevel = choice(
        "consistency-default", ConsistencyLevel.QUORUM, Section.CONSISTENCY,
        "Consistency level of new connections; CONSISTENCY changes it for one. A single node"
        " meets every level.",
    )
