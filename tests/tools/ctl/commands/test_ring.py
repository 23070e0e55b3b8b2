"""`meridian-ctl ring`."""

from __future__ import annotations

import json

import pytest

from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran


def test_shares_stand_beside_what_is(capsys: pytest.CaptureFixture[str]) -> None:
    """One row per member, and how far off the busiest one is."""
    current = first_map(4)
    code, lines, _ = ran(told_cluster(current), capsys, "ring")
    assert code == 0
    assert lines[0].startswith("NODE")
    for number in range(4):
        words = lines[1 + number].split()
        leads = len(current.partitions_led_by(node_id(number)))
        assert words[1:] == ["dc1", "1", "128", "25.0%", "32", str(leads), str(words[-1])]
    assert lines[-1].startswith("128 partitions at epoch 1; the busiest node leads 1")


def test_json_has_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """Shares as fractions."""
    _, lines, _ = ran(told_cluster(first_map(4)), capsys, "--json", "ring")
    document = json.loads("\n".join(lines))
    assert [row["share"] for row in document["nodes"]] == [0.25] * 4


def test_a_node_without_a_map_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and the ways to a cluster."""
    cluster = told_cluster(first_map(1))
    cluster.current = None
    code, _, complaint = ran(cluster, capsys, "ring")
    assert code == 1
    assert "meridian-ctl form" in complaint
