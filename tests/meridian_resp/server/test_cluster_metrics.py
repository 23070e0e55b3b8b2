"""Metrics of a node of a cluster."""

from __future__ import annotations

import math

from cluster.control.heartbeats import PhiReading
from cluster.membership.phi import Level
from meridian_resp.server.cluster_metrics import (
    CLUSTER_ROWS,
    FORWARDING_ROWS,
    LABELLED_ROWS,
    cluster_families,
)
from meridian_resp.server.cluster_report import ClusterReport, report_of
from meridian_resp.server.metric_rows import SERVER_ROWS, STORAGE_ROWS, MetricKind
from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import FORWARDING, ToldCluster, told_cluster


def told() -> ClusterReport:
    """A node that knows of a dead one."""
    cluster = told_cluster(first_map(3), node_id(2))
    cluster.readings = {
        node_id(1): PhiReading(0.5, Level.ALIVE, 1.0),
        node_id(2): PhiReading(math.inf, Level.DEAD, 60.0),
    }
    return report_of(cluster, FORWARDING)


def samples(report: ClusterReport) -> dict[tuple[str, ...], float]:
    """Value of each sample, by its name and its labels' values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in cluster_families(report)
        for sample in family.samples
    }


def test_names_are_unique_and_say_their_kind() -> None:
    """Among the rows of the server and of storage too."""
    rows = [(row.name, row.kind, row.documentation) for row in CLUSTER_ROWS]
    rows += [(row.name, row.kind, row.documentation) for row in SERVER_ROWS]
    rows += [(row.name, row.kind, row.documentation) for row in STORAGE_ROWS]
    rows += [(row.name, row.kind, row.documentation) for row in FORWARDING_ROWS]
    rows += [(row.name, row.kind, row.documentation) for row in LABELLED_ROWS]
    assert len({name for name, _, _ in rows}) == len(rows)
    for name, kind, documentation in rows:
        assert name.endswith("_total") == (kind is MetricKind.COUNTER)
        assert documentation.endswith(".")


def test_phi_is_exported_by_node() -> None:
    """With infinity where nothing was heard for very long."""
    found = samples(told())
    assert found["meridian_phi", node_id(1)] == 0.5
    assert found["meridian_phi", node_id(2)] == math.inf
    assert ("meridian_phi", node_id(0)) not in found


def test_every_count_is_exported() -> None:
    """Membership, links, datagrams, control plane and metadata log."""
    found = samples(told())
    expected = {
        ("meridian_cluster_members", "alive"): 3,
        ("meridian_cluster_members", "dead"): 1,
        ("meridian_cluster_links", "in"): 2,
        ("meridian_cluster_links", "out"): 3,
        ("meridian_peer_bytes_total", "in"): 1000,
        ("meridian_peer_bytes_total", "out"): 2000,
        ("meridian_peer_messages_total", "in", "raft_message"): 5,
        ("meridian_peer_messages_total", "out", "forward"): 1,
        ("meridian_peer_refused_total", "secret"): 4,
        ("meridian_datagrams_total", "in"): 12,
        ("meridian_datagrams_total", "out"): 11,
        ("meridian_datagram_bytes_total", "out"): 1100,
        ("meridian_datagrams_refused_total", "tag"): 2,
        ("meridian_gossip_events_total", "probes"): 9,
        ("meridian_cluster_refused_total", "packet"): 2,
        ("meridian_cluster_requests_total", "done"): 14,
        ("meridian_cluster_requests_total", "refused"): 3,
        ("meridian_cluster_requests_total", "timed_out"): 2,
        ("meridian_cluster_map_epoch",): 14,
        ("meridian_cluster_transitions_open",): 6,
        ("meridian_cluster_troubles",): 1,
        ("meridian_metadata_term",): 3,
        ("meridian_metadata_commit_index",): 41,
        ("meridian_metadata_applied_index",): 40,
        ("meridian_metadata_is_leader",): 1,
        ("meridian_gossip_rumours",): 4,
        ("meridian_gossip_paused_seconds_total",): 1.5,
        ("meridian_peer_queue_bytes",): 100,
        ("meridian_cluster_journal_bytes",): 4096,
        ("meridian_forwarded_requests_total", "answered"): 20,
        ("meridian_forwarded_requests_total", "unreachable"): 3,
        ("meridian_forwarded_requests_total", "moved"): 1,
        ("meridian_forwarded_requests_total", "lost"): 4,
        ("meridian_forwarded_retries_total",): 2,
        ("meridian_forwarded_waiting",): 5,
        ("meridian_forwarded_waiting_bytes",): 500,
        ("meridian_forwarding_stopped_clients",): 6,
    }
    assert {key: found[key] for key in expected} == expected


def test_a_node_alone_has_all_families() -> None:
    """Those without labels have their sample, the others may have none."""
    found = samples(report_of(ToldCluster()))
    for row in CLUSTER_ROWS:
        assert (row.name,) in found
    assert ("meridian_forwarded_waiting",) not in found
