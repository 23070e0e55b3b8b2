"""Frozen numbers about an engine, for INFO, metrics and the command-line tools."""

from __future__ import annotations

from attrs import field, frozen

# Upper bounds in seconds of the compaction histogram's buckets; one more counts the rest.
COMPACTION_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@frozen
class LevelStatistics:
    """One level of tables.

    Attributes:
        level: its number.
        tables: number of tables.
        bytes: their size on disk.
        entries: their records, tombstones included.
        compactions: jobs that wrote into this level (level 0: flushes).
        compaction_seconds: their total duration.
        compaction_buckets: how many took at most each of `COMPACTION_BUCKETS_S`, not cumulated;
            the last place counts those that took longer.
        bloom_probes: lookups of keys absent from their table that asked a bloom filter.
        bloom_negatives: those it answered with "not here".
        bloom_false_positives: those it let through although the key was not there.
    """

    level: int
    tables: int = 0
    bytes: int = 0
    entries: int = 0
    compactions: int = 0
    compaction_seconds: float = 0.0
    compaction_buckets: tuple[int, ...] = (0,) * (len(COMPACTION_BUCKETS_S) + 1)
    bloom_probes: int = 0
    bloom_negatives: int = 0
    bloom_false_positives: int = 0


@frozen
class StorageStatistics:
    """An engine at one moment.

    Attributes:
        wal_size_bytes: bytes in use of the open segment.
        wal_segments: segments not yet flushed, the open one included.
        wal_segment_number: number of the open segment, 0 if there is none.
        appended_offset: bytes ever appended.
        synced_offset: those known to be durable.
        syncs: syncs of the log done; `sync_failures` those that failed.
        memtable_bytes: estimated memory of the open memtable.
        memtable_entries: its records.
        sealed_memtables: memtables that wait for their flush.
        sealed_bytes: their estimated memory.
        levels: tables per level.
        flushes: memtables turned into tables since the start.
        flush_failures: attempts that failed.
        last_flush_seconds: duration of the last one.
        last_flush_unix_ms: wall clock at its end; at the start of the engine if there was none.
        compactions: compactions done since the start.
        compaction_failures: attempts that failed.
        background_jobs: flushes and compactions running now.
        cache_bytes, cache_misses: the block cache.
        refusal: why writes are refused, None if they are not.
        delay_s: pause that back-pressure asks for.
        recovered_batches: batches replayed at the start.
        recovery_seconds: how long opening took.
    """

    wal_size_bytes: int = 0
    wal_segments: int = 0
    wal_segment_number: int = 0
    appended_offset: int = 0
    synced_offset: int = 0
    syncs: int = 0
    sync_failures: int = 0
    memtable_bytes: int = 0
    memtable_entries: int = 0
    sealed_memtables: int = 0
    sealed_bytes: int = 0
    levels: tuple[LevelStatistics, ...] = field(factory=tuple)
    flushes: int = 0
    flush_failures: int = 0
    last_flush_seconds: float = 0.0
    last_flush_unix_ms: int = 0
    compactions: int = 0
    compaction_failures: int = 0
    background_jobs: int = 0
    cache_bytes: int = 0
    cache_misses: int = 0
    refusal: str | None = None
    delay_s: float = 0.0
    recovered_batches: int = 0
    recovery_seconds: float = 0.0
