"""`meridian-ctl replace`."""

from __future__ import annotations

import pytest

from cluster.control.requests import Replace
from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran


def test_one_node_takes_the_places_of_another(capsys: pytest.CaptureFixture[str]) -> None:
    """The one that goes first, the one that takes over second."""
    cluster = told_cluster(first_map(2))
    code, lines, _ = ran(cluster, capsys, "replace", node_id(0), node_id(1))
    assert (code, lines) == (0, [f"{node_id(1)} takes the places of {node_id(0)}"])
    assert cluster.asked == [Replace(node_id(0), node_id(1))]
