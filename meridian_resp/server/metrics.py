"""Prometheus metrics, made from statistics objects when somebody asks.

The hot path counts in plain integers. This collector reads the frozen statistics of the server
and of the storage engine once per request and lays them out as metric families; nothing in the
server knows prometheus_client. `docs/metrics.md` lists every name. Metrics without labels are
rows of a table in `metric_rows`, those with labels are functions here; those of a cluster are in
`cluster_metrics`.

Writing a page takes about 8 us per line, so a busy node's page of a thousand lines would stop all
clients for 8 ms: `render_metrics` writes it in slices and lets other tasks run in between. The
numbers are of one moment all the same, since they are taken before the first slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

import trio
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from meridian_resp.server.cluster_metrics import cluster_families
from meridian_resp.server.cluster_report import ClusterReport
from meridian_resp.server.metric_rows import SERVER_ROWS, STORAGE_ROWS
from meridian_resp.server.runnable import DURATION_BOUNDS_S
from meridian_resp.server.statistics import CommandStatistics, ServerStatistics
from storage import StorageStatistics
from storage.statistics import COMPACTION_BUCKETS_S, LevelStatistics

_SLICE_SAMPLES: Final = 100
_END_OF_OPENMETRICS: Final = b"# EOF\n"


class MeridianCollector(Collector):
    """All metrics of one node; the sources are called anew for each collection."""

    def __init__(
        self,
        server: Callable[[], ServerStatistics],
        storage: Callable[[], StorageStatistics],
        cluster: Callable[[], ClusterReport | None] = lambda: None,
    ) -> None:
        self._server = server
        self._storage = storage
        self._cluster = cluster

    def collect(self) -> Iterator[Metric]:
        """Every family once, all from the same moment."""
        return self._families(self._server(), self._storage(), self._cluster())

    def _families(
        self, server: ServerStatistics, storage: StorageStatistics, cluster: ClusterReport | None
    ) -> Iterator[Metric]:
        yield _requests(server)
        yield _durations(server.commands)
        yield _compactions(storage.levels)
        yield from _bloom_filters(storage.levels)
        yield from _tables(storage.levels)
        yield from _databases(server)
        yield _error_replies(server)
        yield _build(server)
        for row in SERVER_ROWS:
            yield row.family(server)
        for stored in STORAGE_ROWS:
            yield stored.family(storage)
        if cluster is not None:
            yield from cluster_families(cluster)


async def render_metrics(collector: Collector, accept: str) -> tuple[bytes, str]:
    """The page of a collector and of the process, and its content type.

    `accept` is the request's header, which chooses between Prometheus' text format and
    OpenMetrics. Other tasks run in between; a cancellation leaves nothing behind.
    """
    encode, content_type = choose_encoder(accept)
    families = iter(collector.collect())
    parts = []
    for family in families:
        for part in _encoded_slices(encode, family):
            parts.append(part)
            await trio.lowlevel.checkpoint()
    # The process collector lists a directory with an entry per client.
    parts.append(await trio.to_thread.run_sync(_encoded_process, encode))
    return b"".join(parts), content_type


class _Families(Collector):
    """What the encoders take, around families that are already there."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _encoded_slices(encode: Callable[[Collector], bytes], family: Metric) -> Iterator[bytes]:
    """The family's lines in slices; only the first has the comments about it."""
    for start in range(0, max(len(family.samples), 1), _SLICE_SAMPLES):
        part = Metric(family.name, family.documentation, family.type)
        part.samples = family.samples[start : start + _SLICE_SAMPLES]
        text = encode(_Families([part])).removesuffix(_END_OF_OPENMETRICS)
        if start:
            lines = text.splitlines(keepends=True)
            text = b"".join(line for line in lines if not line.startswith(b"#"))
        yield text


def _encoded_process(encode: Callable[[Collector], bytes]) -> bytes:
    """Metrics of the process and its interpreter; reads files of the operating system."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return encode(registry)


def _requests(server: ServerStatistics) -> Metric:
    """Calls by outcome. Errors and rejections of unknown level count at the default level."""
    family = CounterMetricFamily(
        "meridian_requests_total",
        "Requests by command, consistency level and outcome (ok, error, rejected).",
        labels=("method", "consistency", "status"),
    )
    default = server.consistency_default
    for command in server.commands:
        calls = {default: 0, **command.calls_by_consistency}
        errors = {
            level: min(count, calls.get(level, 0))
            for level, count in command.errors_by_consistency.items()
        }
        unknown = command.errors - sum(errors.values())
        for level, count in calls.items():
            known = errors.get(level, 0)
            here = max(min(unknown, count - known), 0)
            unknown -= here
            family.add_metric((command.name, level, "ok"), count - known - here)
            family.add_metric((command.name, level, "error"), known + here)
        family.add_metric((command.name, default, "rejected"), command.rejected)
    return family


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Cumulated buckets with their bounds as Prometheus writes them."""
    names = [str(bound) for bound in bounds] + ["+Inf"]
    return list(zip(names, accumulate(counts), strict=True))


def _durations(commands: Sequence[CommandStatistics]) -> Metric:
    family = HistogramMetricFamily(
        "meridian_request_duration_seconds",
        "Time from the start of a request's tick, or of the request when it is timed by itself, "
        "to its end.",
        labels=("method",),
    )
    for command in commands:
        if command.duration_buckets:
            buckets = _buckets(DURATION_BOUNDS_S, command.duration_buckets)
            family.add_metric((command.name,), buckets, sum_value=command.duration_sum)
    return family


def _compactions(levels: Sequence[LevelStatistics]) -> Metric:
    family = HistogramMetricFamily(
        "meridian_compaction_duration_seconds",
        "Duration of compactions by the level they write to; level 0 is flushes of memtables.",
        labels=("level",),
    )
    for level in levels:
        buckets = _buckets(COMPACTION_BUCKETS_S, level.compaction_buckets)
        family.add_metric((str(level.level),), buckets, sum_value=level.compaction_seconds)
    return family


def _bloom_filters(levels: Sequence[LevelStatistics]) -> Iterator[Metric]:
    """The rate has a sample only where a key was asked for that a table did not hold."""
    rate = GaugeMetricFamily(
        "meridian_bloom_false_positive_rate",
        "Share of look-ups of absent keys that a bloom filter let through, since the start.",
        labels=("level",),
    )
    probes = CounterMetricFamily(
        "meridian_bloom_probes_total",
        "Look-ups that asked a bloom filter, by result (negative, positive, false_positive).",
        labels=("level", "result"),
    )
    for level in levels:
        label = str(level.level)
        false = level.bloom_false_positives
        absent = false + level.bloom_negatives
        if absent:
            rate.add_metric((label,), false / absent)
        probes.add_metric((label, "negative"), level.bloom_negatives)
        probes.add_metric((label, "positive"), level.bloom_probes - absent)
        probes.add_metric((label, "false_positive"), false)
    yield rate
    yield probes


def _tables(levels: Sequence[LevelStatistics]) -> Iterator[Metric]:
    rows: tuple[tuple[str, str, Callable[[LevelStatistics], int]], ...] = (
        ("meridian_tables", "Tables on disk by level.", lambda level: level.tables),
        ("meridian_table_bytes", "Size of the tables by level.", lambda level: level.bytes),
        (
            "meridian_table_entries",
            "Records in the tables by level, deleted and overwritten ones included.",
            lambda level: level.entries,
        ),
    )
    for name, documentation, read in rows:
        family = GaugeMetricFamily(name, documentation, labels=("level",))
        for level in levels:
            family.add_metric((str(level.level),), read(level))
        yield family


def _databases(server: ServerStatistics) -> Iterator[Metric]:
    keys = GaugeMetricFamily(
        "meridian_keys",
        "Keys by database, expired ones included until their deletion is logged.",
        labels=("database",),
    )
    expiring = GaugeMetricFamily(
        "meridian_expiring_keys", "Keys that have an expiry, by database.", labels=("database",)
    )
    for database in server.databases:
        label = (str(database.index),)
        keys.add_metric(label, database.keys)
        expiring.add_metric(label, database.expiring)
    yield keys
    yield expiring


def _error_replies(server: ServerStatistics) -> Metric:
    family = CounterMetricFamily(
        "meridian_error_replies_total",
        "Error replies by code, the first word of the reply.",
        labels=("code",),
    )
    for code, count in server.errors_by_code.items():
        family.add_metric((code,), count)
    return family


def _build(server: ServerStatistics) -> Metric:
    family = GaugeMetricFamily(
        "meridian_build_info",
        "Always 1; the labels say which version runs, and as which Redis it answers.",
        labels=("version", "redis_version"),
    )
    family.add_metric((server.version, server.redis_version), 1)
    return family
