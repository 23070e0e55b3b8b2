"""The document at /status."""

from __future__ import annotations

import json

import attrs

from meridian_resp.server.cluster_report import report_of
from meridian_resp.server.statistics import DatabaseStatistics, ServerStatistics
from meridian_resp.server.status import HttpSources, status_document
from storage import StorageStatistics
from storage.statistics import LevelStatistics
from tests.cluster.map.maps import first_map
from tests.harness.told_cluster import told_cluster

SERVER = ServerStatistics(
    version="1.2.3",
    run_id="a" * 40,
    process_id=7,
    started_at_s=1_700_000_000.25,
    uptime_s=12.34567,
    connected_clients=3,
    resident_bytes=1000,
    databases=(DatabaseStatistics(index=0, keys=9, expiring=4),),
)
STORAGE = StorageStatistics(wal_size_bytes=5, levels=(LevelStatistics(level=0, tables=2),))


def document(*reasons: str) -> dict[str, object]:
    """The document of a node that is unhealthy for the reasons, after a trip through JSON."""
    sources = HttpSources(
        server=lambda: SERVER,
        storage=lambda: STORAGE,
        health=lambda: reasons,
        ports=lambda: {"client": 7401, "gossip": 7400, "http": 7402},
    )
    result: dict[str, object] = json.loads(json.dumps(status_document(sources)))
    return result


def test_says_who_and_how_the_node_is() -> None:
    """Version, node, uptime, ports, clients, memory and keyspace are there."""
    found = document()
    assert found["version"] == "1.2.3"
    assert found["node"] == {
        "run_id": "a" * 40,
        "process_id": 7,
        "started_at": "2023-11-14T22:13:20+00:00",
        "uptime_s": 12.346,
    }
    assert found["ports"] == {"client": 7401, "gossip": 7400, "http": 7402}
    assert found["health"] == {"is_healthy": True, "reasons": []}
    assert '"connected": 3' in json.dumps(found["clients"])
    assert '"resident_bytes": 1000' in json.dumps(found["memory"])
    assert '[{"index": 0, "keys": 9, "expiring": 4}]' in json.dumps(found["keyspace"])


def test_a_server_without_a_cluster_says_so() -> None:
    """The member is there, and null."""
    assert document()["cluster"] is None


def test_a_node_of_a_cluster_shows_it() -> None:
    """The same objects that MERIDIAN answers."""
    report = report_of(told_cluster(first_map(3)))
    sources = HttpSources(
        server=lambda: SERVER,
        storage=lambda: STORAGE,
        health=lambda: (),
        ports=dict,
        cluster=lambda: report,
    )
    shown = json.loads(json.dumps(status_document(sources)))["cluster"]
    assert shown == json.loads(json.dumps(report.describe()))


def test_carries_every_number_of_the_engine() -> None:
    """Whatever the engine counts is in the document, under its own name."""
    storage = document()["storage"]
    assert storage == json.loads(json.dumps(attrs.asdict(STORAGE)))


def test_gives_the_reasons_of_ill_health() -> None:
    """A node that is loading or refuses writes says so."""
    assert document("the disk is full")["health"] == {
        "is_healthy": False,
        "reasons": ["the disk is full"],
    }
