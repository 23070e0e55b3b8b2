"""`meridian-ctl commit`."""

from __future__ import annotations

import pytest

from cluster.control.requests import CommitPlan, Done, RequestRefused
from tests.cluster.map.maps import first_map
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran


def test_the_plan_of_an_epoch_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    """The one that was shown."""
    cluster = told_cluster(first_map(3))
    cluster.answer = lambda request: Done("", 15)
    code, lines, _ = ran(cluster, capsys, "commit", "14")
    assert (code, lines) == (0, ["committed the plan of 14 (epoch 15)"])
    assert cluster.asked == [CommitPlan(14)]


def test_without_an_epoch_it_is_the_plan_of_now(capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for first; with --wait the moves are followed."""
    cluster = told_cluster(first_map(3))
    code, lines, _ = ran(cluster, capsys, "commit", "--wait")
    assert (code, lines) == (0, ["committed the plan of 1", "epoch 1: no moves under way"])
    assert cluster.asked == [CommitPlan(1)]


def test_a_map_that_moved_on_refuses_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """What was shown is not what would happen."""
    cluster = told_cluster(first_map(3))
    cluster.answer = lambda request: RequestRefused("the map has moved on to epoch 16")
    code, lines, complaint = ran(cluster, capsys, "commit", "14", "--wait")
    assert (code, lines) == (1, [])
    assert "moved on to epoch 16" in complaint
