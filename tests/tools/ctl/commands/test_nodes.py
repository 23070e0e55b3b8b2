"""`meridian-ctl nodes`."""

from __future__ import annotations

import json

import attrs
import pytest

from cluster.control.heartbeats import PhiReading
from cluster.membership.phi import Level
from tests.cluster.map.maps import first_map, member, node_id
from tests.harness.told_cluster import told_cluster, view_of
from tests.tools.ctl.told_server import ran


def test_all_nodes_are_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The one that was asked has a star; one that is not in the map yet says so."""
    cluster = told_cluster(first_map(2), node_id(1))
    cluster.views.append(view_of(attrs.evolve(member(9), rack="r1", machine="m1")))
    cluster.readings = {
        node_id(1): PhiReading(float("inf"), Level.DEAD, 9.0),
        node_id(9): PhiReading(0.126, Level.ALIVE, 0.5),
    }
    code, lines, _ = ran(cluster, capsys, "nodes")
    assert code == 0
    heading, first, second, third = lines
    assert heading.split()[:2] == ["NODE", "GOSSIP"]
    assert first.split()[:6] == [
        f"{node_id(0)}*",
        "127.0.0.1:17401",
        "7401",
        "alive",
        "-",
        "active",
    ]
    assert first.split()[-1] == "1.2.3"
    assert second.split()[3:6] == ["dead", "inf", "active"]
    assert third.split()[3:8] == ["alive", "0.13", "no", "dc1/r1/m1", "1"]


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    """As the server answered, in one object."""
    code, lines, _ = ran(told_cluster(first_map(2)), capsys, "nodes", "--json")
    assert code == 0
    (first, _) = json.loads("\n".join(lines))["items"]
    assert first["node"] == node_id(0)
    assert first["generation"] == 2
