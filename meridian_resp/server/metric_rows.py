"""The metrics without labels: one row each, with its name, kind, text and where it is read."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from attrs import frozen
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from meridian_resp.server.statistics import ServerStatistics
from storage import StorageStatistics

Source = TypeVar("Source")


class MetricKind(enum.Enum):
    """How Prometheus reads a number."""

    COUNTER = "counter"
    GAUGE = "gauge"


@frozen
class MetricRow(Generic[Source]):
    """One metric. A counter's name ends in `_total`; units are seconds and bytes."""

    name: str
    kind: MetricKind
    documentation: str
    read: Callable[[Source], float]

    def family(self, source: Source) -> Metric:
        """The metric with its value now."""
        value = self.read(source)
        if self.kind is MetricKind.COUNTER:
            return CounterMetricFamily(self.name, self.documentation, value=value)
        return GaugeMetricFamily(self.name, self.documentation, value=value)


_COUNTER: Final = MetricKind.COUNTER
_GAUGE: Final = MetricKind.GAUGE
_Server = MetricRow[ServerStatistics]
_Storage = MetricRow[StorageStatistics]

SERVER_ROWS: Final[tuple[MetricRow[ServerStatistics], ...]] = (
    _Server(
        "meridian_replicas_stale_total",
        _COUNTER,
        "Replicas found behind at a read, and repaired.",
        lambda server: server.replicas_stale,
    ),
    _Server(
        "meridian_uptime_seconds",
        _GAUGE,
        "Time since the start.",
        lambda server: server.uptime_s,
    ),
    _Server(
        "meridian_connected_clients",
        _GAUGE,
        "Client connections open now.",
        lambda server: server.connected_clients,
    ),
    _Server(
        "meridian_clients_max",
        _GAUGE,
        "Most client connections allowed (maxclients).",
        lambda server: server.clients_max,
    ),
    _Server(
        "meridian_blocked_clients",
        _GAUGE,
        "Clients whose command waits for something.",
        lambda server: server.blocked_clients,
    ),
    _Server(
        "meridian_monitor_clients",
        _GAUGE,
        "Clients that are sent every command (MONITOR).",
        lambda server: server.monitor_clients,
    ),
    _Server(
        "meridian_connections_accepted_total",
        _COUNTER,
        "Client connections ever accepted.",
        lambda server: server.connections_accepted,
    ),
    _Server(
        "meridian_connections_rejected_total",
        _COUNTER,
        "Client connections turned away because there were too many.",
        lambda server: server.connections_rejected,
    ),
    _Server(
        "meridian_received_bytes_total",
        _COUNTER,
        "Bytes read from clients.",
        lambda server: server.input_bytes,
    ),
    _Server(
        "meridian_sent_bytes_total",
        _COUNTER,
        "Bytes sent to clients.",
        lambda server: server.output_bytes,
    ),
    _Server(
        "meridian_ticks_total",
        _COUNTER,
        "Rounds of the reactor; requests per tick tell how well the log and sends are shared.",
        lambda server: server.ticks,
    ),
    _Server(
        "meridian_keyspace_hits_total",
        _COUNTER,
        "Look-ups of keys that existed.",
        lambda server: server.keyspace_hits,
    ),
    _Server(
        "meridian_keyspace_misses_total",
        _COUNTER,
        "Look-ups of keys that did not exist.",
        lambda server: server.keyspace_misses,
    ),
    _Server(
        "meridian_expired_keys_total",
        _COUNTER,
        "Keys deleted because their time was over.",
        lambda server: server.keys_expired,
    ),
    _Server(
        "meridian_expiry_seconds_total",
        _COUNTER,
        "Time spent looking for expired keys.",
        lambda server: server.expiry_seconds,
    ),
    _Server(
        "meridian_changes_total",
        _COUNTER,
        "Effects of commands on keys.",
        lambda server: server.changes,
    ),
    _Server(
        "meridian_value_cache_bytes",
        _GAUGE,
        "Estimated memory of live values.",
        lambda server: server.cache_bytes,
    ),
    _Server(
        "meridian_value_cache_bytes_max",
        _GAUGE,
        "Bound of that memory (cache-size-mb).",
        lambda server: server.cache_bytes_max,
    ),
    _Server(
        "meridian_value_cache_evictions_total",
        _COUNTER,
        "Live values dropped from memory; they stay in storage.",
        lambda server: server.keys_evicted,
    ),
    _Server(
        "meridian_slow_commands_total",
        _COUNTER,
        "Commands slow enough for SLOWLOG.",
        lambda server: server.slow_commands,
    ),
)

STORAGE_ROWS: Final[tuple[MetricRow[StorageStatistics], ...]] = (
    _Storage(
        "meridian_wal_size_bytes",
        _GAUGE,
        "Bytes in use of the open segment of the write-ahead log.",
        lambda storage: storage.wal_size_bytes,
    ),
    _Storage(
        "meridian_wal_segments",
        _GAUGE,
        "Segments of the write-ahead log not yet flushed, the open one included.",
        lambda storage: storage.wal_segments,
    ),
    _Storage(
        "meridian_wal_appended_bytes_total",
        _COUNTER,
        "Bytes appended to the write-ahead log.",
        lambda storage: storage.appended_offset,
    ),
    _Storage(
        "meridian_wal_unsynced_bytes",
        _GAUGE,
        "Bytes appended that are not yet known to be durable.",
        lambda storage: storage.appended_offset - storage.synced_offset,
    ),
    _Storage(
        "meridian_wal_syncs_total",
        _COUNTER,
        "Syncs of the write-ahead log.",
        lambda storage: storage.syncs,
    ),
    _Storage(
        "meridian_wal_sync_failures_total",
        _COUNTER,
        "Syncs of the write-ahead log that failed.",
        lambda storage: storage.sync_failures,
    ),
    _Storage(
        "meridian_memtable_bytes",
        _GAUGE,
        "Estimated memory of the open memtable.",
        lambda storage: storage.memtable_bytes,
    ),
    _Storage(
        "meridian_memtable_entries",
        _GAUGE,
        "Records in the open memtable.",
        lambda storage: storage.memtable_entries,
    ),
    _Storage(
        "meridian_sealed_memtables",
        _GAUGE,
        "Memtables that wait for their flush; two may do so on purpose.",
        lambda storage: storage.sealed_memtables,
    ),
    _Storage(
        "meridian_sealed_memtable_bytes",
        _GAUGE,
        "Estimated memory of the memtables that wait for their flush.",
        lambda storage: storage.sealed_bytes,
    ),
    _Storage(
        "meridian_flushes_total",
        _COUNTER,
        "Memtables turned into tables.",
        lambda storage: storage.flushes,
    ),
    _Storage(
        "meridian_flush_failures_total",
        _COUNTER,
        "Attempts to flush a memtable that failed.",
        lambda storage: storage.flush_failures,
    ),
    _Storage(
        "meridian_last_flush_duration_seconds",
        _GAUGE,
        "Duration of the last flush.",
        lambda storage: storage.last_flush_seconds,
    ),
    _Storage(
        "meridian_last_flush_timestamp_seconds",
        _GAUGE,
        "Unix time of the end of the last flush; of the start if there was none.",
        lambda storage: storage.last_flush_unix_ms / 1000,
    ),
    _Storage(
        "meridian_compactions_total",
        _COUNTER,
        "Compactions done.",
        lambda storage: storage.compactions,
    ),
    _Storage(
        "meridian_compaction_failures_total",
        _COUNTER,
        "Attempts to compact that failed.",
        lambda storage: storage.compaction_failures,
    ),
    _Storage(
        "meridian_background_jobs",
        _GAUGE,
        "Flushes and compactions that run now.",
        lambda storage: storage.background_jobs,
    ),
    _Storage(
        "meridian_block_cache_bytes",
        _GAUGE,
        "Memory of cached table blocks.",
        lambda storage: storage.cache_bytes,
    ),
    _Storage(
        "meridian_block_cache_misses_total",
        _COUNTER,
        "Table blocks that had to be read and parsed.",
        lambda storage: storage.cache_misses,
    ),
    _Storage(
        "meridian_writes_refused",
        _GAUGE,
        "1 while writes are refused (disk full, input/output error), else 0.",
        lambda storage: storage.refusal is not None,
    ),
    _Storage(
        "meridian_write_delay_seconds",
        _GAUGE,
        "Pause per tick while flushes are behind.",
        lambda storage: storage.delay_s,
    ),
    _Storage(
        "meridian_recovery_seconds",
        _GAUGE,
        "How long the store took to open.",
        lambda storage: storage.recovery_seconds,
    ),
    _Storage(
        "meridian_recovered_batches",
        _GAUGE,
        "Batches replayed from the write-ahead log at the start.",
        lambda storage: storage.recovered_batches,
    ),
)
