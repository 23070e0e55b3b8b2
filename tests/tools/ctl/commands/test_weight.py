"""`meridian-ctl weight`."""

from __future__ import annotations

import pytest

from cluster.control.requests import SetWeight
from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran


def test_a_weight_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    """0 gives the choice back to the node."""
    cluster = told_cluster(first_map(2))
    code, lines, _ = ran(cluster, capsys, "weight", node_id(1), "0.5")
    assert (code, lines) == (0, [f"{node_id(1)} has weight 0.5"])
    ran(cluster, capsys, "weight", node_id(1), "0")
    assert cluster.asked == [SetWeight(node_id(1), 0.5), SetWeight(node_id(1), 0.0)]


def test_a_wrong_weight_is_refused_with_its_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1."""
    code, _, complaint = ran(told_cluster(first_map(2)), capsys, "weight", node_id(1), "2000")
    assert code == 1
    assert "from 0.001 to 1000" in complaint
