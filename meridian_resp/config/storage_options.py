"""The options of the storage engine that settings ask for.

The engine never sees the settings; this is the one place that knows both.
"""

from __future__ import annotations

from meridian_resp.config.choices import AppendFsync, CompactionStyle, Compression
from meridian_resp.config.parameters import Parameters
from storage.options import CompactionStrategy, FsyncPolicy, StorageOptions

#: Parameters of these options that may change at run time: register a hook for each that hands
#: the engine new options.
CHANGEABLE_NAMES = ("appendfsync", "compaction-throughput-mb")

_FSYNC_POLICIES = {
    AppendFsync.ALWAYS: FsyncPolicy.ALWAYS,
    AppendFsync.EVERYSEC: FsyncPolicy.EVERYSEC,
    AppendFsync.NO: FsyncPolicy.NO,
}
_STRATEGIES = {
    CompactionStyle.LEVELED: CompactionStrategy.LEVELED,
    CompactionStyle.TIERED: CompactionStrategy.TIERED,
}


def storage_options(settings: Parameters) -> StorageOptions:
    """Return the engine's options for these settings, within all of its bounds."""
    is_compressed = settings.compression is Compression.ZSTD
    options = StorageOptions(
        directory=settings.dir,
        fsync=_FSYNC_POLICIES[settings.appendfsync],
        memtable_size_mb=settings.memtable_size_mb,
        wal_archive_dir=settings.wal_archive_dir or None,
        wal_archive_days=settings.wal_archive_retention_days,
        sealed_memtables_max=settings.sealed_memtables_max,
        level0_tables_slow=settings.level0_tables_slow,
        level0_tables_stop=settings.level0_tables_stop,
        level0_compaction_tables=settings.level0_compaction_tables,
        table_size_mb=settings.table_size_mb,
        level1_size_mb=settings.level1_size_mb,
        level_ratio=settings.level_ratio,
        bloom_bits_per_level=settings.bloom_bits_per_level,
        compression_level=settings.compression_level if is_compressed else 0,
        block_bytes=settings.block_size_bytes,
        cache_size_mb=settings.block_cache_size_mb,
        compaction=_STRATEGIES[settings.compaction_style],
        compaction_throughput_mb=settings.compaction_throughput_mb,
        workers=settings.compaction_workers,
    )
    options.validate()
    return options
