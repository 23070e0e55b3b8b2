"""What a node knows of its cluster at one moment."""

from __future__ import annotations

import json

from cluster.control.heartbeats import PhiReading
from cluster.membership.phi import Level
from meridian_resp.server.cluster_report import report_of
from tests.cluster.map.maps import CLUSTER, first_map, node_id
from tests.harness.told_cluster import METADATA, STATISTICS, ToldCluster, told_cluster


def test_the_document_has_everything() -> None:
    """Status, nodes, phi and all counters, as JSON."""
    cluster = told_cluster(first_map(3))
    cluster.readings = {node_id(1): PhiReading(float("inf"), Level.DEAD, 9.0)}
    report = report_of(cluster)
    document = json.loads(json.dumps(report.describe()))
    assert document["cluster"] == CLUSTER
    assert [node["node"] for node in document["nodes"]] == [node_id(n) for n in range(3)]
    assert document["phi"][0]["phi"] is None
    assert document["statistics"]["peers"]["bytes_in"] == 1000
    assert document["statistics"]["control"]["swim"]["members"] == {"alive": 3, "dead": 1}
    assert (report.statistics, report.metadata, report.troubles) == (STATISTICS, METADATA, ())
    assert report.phi == cluster.readings


def test_an_unformed_node_has_a_report_too() -> None:
    """Without a map."""
    document = report_of(ToldCluster()).describe()
    assert document["is_formed"] is False
    assert document["nodes"] == []
