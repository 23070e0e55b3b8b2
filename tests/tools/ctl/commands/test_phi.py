"""`meridian-ctl phi`."""

from __future__ import annotations

import json

import pytest

from cluster.control.heartbeats import PhiReading
from cluster.membership.phi import Level
from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import ToldCluster, told_cluster
from tests.tools.ctl.told_server import ran


def readings() -> ToldCluster:
    """A node that watches two others."""
    cluster = told_cluster(first_map(3))
    cluster.readings = {
        node_id(1): PhiReading(0.5, Level.ALIVE, 1.25),
        node_id(2): PhiReading(float("inf"), Level.DEAD, 60.0),
    }
    return cluster


def test_phi_of_each_watched_node(capsys: pytest.CaptureFixture[str]) -> None:
    """With what it means, and since when nothing was heard."""
    code, lines, _ = ran(readings(), capsys, "phi")
    assert code == 0
    assert [line.split() for line in lines] == [
        ["NODE", "LEVEL", "PHI", "LAST", "HEARTBEAT"],
        [node_id(1), "alive", "0.5", "1.25", "s"],
        [node_id(2), "dead", "inf", "60.00", "s"],
    ]


def test_infinity_is_null_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has no infinity."""
    _, lines, _ = ran(readings(), capsys, "phi", "--json")
    assert [row["phi"] for row in json.loads("\n".join(lines))["items"]] == [0.5, None]


def test_a_node_alone_watches_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty table would look like a fault."""
    _, lines, _ = ran(told_cluster(first_map(1)), capsys, "phi")
    assert lines == ["watches nobody"]
