"""What Prometheus reads: names and labels of the specification, right numbers, complete docs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import trio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from cluster.control.heartbeats import PhiReading
from cluster.membership.phi import Level
from meridian_resp.server.cluster_report import ClusterReport, report_of
from meridian_resp.server.metrics import MeridianCollector, render_metrics
from meridian_resp.server.runnable import DURATION_BOUNDS_S
from meridian_resp.server.statistics import (
    CommandStatistics,
    DatabaseStatistics,
    ServerStatistics,
)
from storage import StorageStatistics
from storage.statistics import COMPACTION_BUCKETS_S, LevelStatistics
from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import FORWARDING, told_cluster

ROOT = Path(__file__).parents[3]
BUCKETS = [3, 2, *[0] * (len(DURATION_BOUNDS_S) - 2), 1]
COMMANDS = (
    CommandStatistics(
        name="get",
        calls_by_consistency={"QUORUM": 4, "ONE": 2},
        errors=3,
        errors_by_consistency={"ONE": 1},
        rejected=5,
        duration_buckets=BUCKETS,
        duration_sum=0.25,
    ),
    CommandStatistics(name="config|get", calls_by_consistency={"QUORUM": 1}),
)
SERVER = ServerStatistics(
    version="1.2.3",
    redis_version="7.0.15",
    commands=COMMANDS,
    databases=(DatabaseStatistics(index=0, keys=9, expiring=4),),
    errors_by_code={"WRONGTYPE": 3},
    replicas_stale=2,
)
STORAGE = StorageStatistics(
    wal_size_bytes=123,
    levels=(
        LevelStatistics(
            level=0,
            tables=2,
            bytes=10,
            entries=5,
            compactions=3,
            compaction_seconds=1.5,
            compaction_buckets=(1, 2, *[0] * (len(COMPACTION_BUCKETS_S) - 1)),
            bloom_probes=100,
            bloom_negatives=30,
            bloom_false_positives=10,
        ),
        LevelStatistics(level=1),
    ),
)


def collector(
    server: ServerStatistics = SERVER,
    storage: StorageStatistics = STORAGE,
    cluster: ClusterReport | None = None,
) -> MeridianCollector:
    """A collector over fixed statistics."""
    return MeridianCollector(lambda: server, lambda: storage, lambda: cluster)


def cluster_report() -> ClusterReport:
    """What a node knows that watches another one."""
    cluster = told_cluster(first_map(3))
    cluster.readings = {node_id(1): PhiReading(0.5, Level.ALIVE, 1.0)}
    return report_of(cluster, FORWARDING)


def samples(server: ServerStatistics = SERVER) -> dict[tuple[str, ...], float]:
    """Value of each sample, by its name and its labels' values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in collector(server).collect()
        for sample in family.samples
    }


def label_names(family: Metric) -> set[tuple[str, ...]]:
    """The label names used by a family's samples, a histogram's `le` left out."""
    return {tuple(label for label in sample.labels if label != "le") for sample in family.samples}


@pytest.mark.parametrize(
    ("name", "kind", "labels"),
    [
        ("meridian_requests_total", "counter", ("method", "consistency", "status")),
        ("meridian_request_duration_seconds", "histogram", ("method",)),
        ("meridian_replicas_stale_total", "counter", ()),
        ("meridian_compaction_duration_seconds", "histogram", ("level",)),
        ("meridian_wal_size_bytes", "gauge", ()),
        ("meridian_bloom_false_positive_rate", "gauge", ("level",)),
    ],
)
def test_metrics_of_the_specification(name: str, kind: str, labels: tuple[str, ...]) -> None:
    """The six names of the specification are there, with its labels."""
    families = {family.name: family for family in collector().collect()}
    family = families[name.removesuffix("_total") if kind == "counter" else name]
    assert family.type == kind
    assert label_names(family) == {labels}
    if kind != "histogram":
        assert {sample.name for sample in family.samples} == {name}


def test_requests_are_counted_once() -> None:
    """Outcomes of a command add up; errors of unknown level count at the default level."""
    found = samples()
    requests = "meridian_requests_total"
    assert found[requests, "get", "ONE", "ok"] == 1
    assert found[requests, "get", "ONE", "error"] == 1
    assert found[requests, "get", "QUORUM", "ok"] == 2
    assert found[requests, "get", "QUORUM", "error"] == 2
    assert found[requests, "get", "QUORUM", "rejected"] == 5
    assert found[requests, "config|get", "QUORUM", "ok"] == 1


def test_errors_beyond_the_default_level_go_to_the_others() -> None:
    """No outcome is ever negative or lost, even when no call was made at the default level."""
    command = CommandStatistics(name="get", calls_by_consistency={"ONE": 4}, errors=3)
    found = samples(ServerStatistics(version="1", commands=(command,)))
    requests = "meridian_requests_total"
    assert found[requests, "get", "ONE", "error"] == 3
    assert found[requests, "get", "ONE", "ok"] == 1
    assert found[requests, "get", "QUORUM", "ok"] == 0


def test_histograms_are_cumulated() -> None:
    """Each bucket counts all that took at most its bound; the last counts all."""
    found = samples()
    bucket = "meridian_request_duration_seconds_bucket"
    assert found[bucket, "get", "1e-05"] == 3
    assert found[bucket, "get", "2.5e-05"] == 5
    assert found[bucket, "get", "10.0"] == 5
    assert found[bucket, "get", "+Inf"] == 6
    assert found["meridian_request_duration_seconds_count", "get"] == 6
    assert found["meridian_request_duration_seconds_sum", "get"] == 0.25
    assert found["meridian_compaction_duration_seconds_bucket", "0", "0.25"] == 3
    assert found["meridian_compaction_duration_seconds_sum", "0"] == 1.5


def test_false_positive_rate_is_that_of_absent_keys() -> None:
    """10 of 40 absent keys were let through; a level without such look-ups has no rate."""
    found = samples()
    assert found["meridian_bloom_false_positive_rate", "0"] == 0.25
    assert ("meridian_bloom_false_positive_rate", "1") not in found
    assert found["meridian_bloom_probes_total", "0", "positive"] == 60


def test_sources_are_read_once_per_collection() -> None:
    """A page is of one moment: each source is called exactly once."""
    calls = []

    def server() -> ServerStatistics:
        calls.append("server")
        return SERVER

    def storage() -> StorageStatistics:
        calls.append("storage")
        return STORAGE

    list(MeridianCollector(server, storage).collect())
    assert calls == ["server", "storage"]


def busy_server() -> ServerStatistics:
    """Statistics with so many commands that their families take several slices."""
    commands = tuple(
        CommandStatistics(
            name=f"command{number}",
            calls_by_consistency={"QUORUM": number, "ONE": 1},
            duration_buckets=BUCKETS,
        )
        for number in range(60)
    )
    return ServerStatistics(version="1", commands=commands)


async def test_sliced_page_is_the_whole_page() -> None:
    """The page written in slices equals what prometheus_client writes in one go."""
    registry = CollectorRegistry()
    registry.register(collector(busy_server()))
    body, content_type = await render_metrics(collector(busy_server()), "")
    assert body.startswith(generate_latest(registry))
    assert content_type.startswith("text/plain; version=0.0.4")
    names = {family.name for family in parse_text(body.decode())}
    assert {"meridian_requests", "process_cpu_seconds", "python_info"} <= names


async def test_openmetrics_page_is_valid() -> None:
    """Asked for OpenMetrics, the page parses as that, with one end mark."""
    body, content_type = await render_metrics(
        collector(busy_server()), "application/openmetrics-text;version=1.0.0"
    )
    assert content_type.startswith("application/openmetrics-text")
    parse: Callable[[str], Iterable[Metric]] = parse_openmetrics
    names = {family.name for family in parse(body.decode())}
    assert {"meridian_request_duration_seconds", "meridian_requests"} <= names
    assert body.count(b"# EOF\n") == 1
    assert body.endswith(b"# EOF\n")


async def test_other_tasks_run_while_a_page_is_written() -> None:
    """A long page lets the reactor run many times."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        await render_metrics(collector(busy_server()), "")
        nursery.cancel_scope.cancel()
    assert turns > 40


def test_documentation_lists_every_metric_with_its_labels() -> None:
    """docs/metrics.md has a row for each metric, and none for one that is gone."""
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = set(
        re.findall(r"^\| `(meridian_\w+)(?:\{([\w,]*)\})?` \| (\w+) \|", text, re.MULTILINE)
    )
    expected = {
        (
            family.name + ("_total" if family.type == "counter" else ""),
            ",".join(next(iter(label_names(family)))),
            family.type,
        )
        for family in collector(cluster=cluster_report()).collect()
    }
    assert rows == expected
