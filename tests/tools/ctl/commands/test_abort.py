"""`meridian-ctl abort`."""

from __future__ import annotations

import pytest

from cluster.control.requests import AbortTransition, RequestRefused
from tests.cluster.map.maps import first_map
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran


def test_a_move_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    """By the number of the partition."""
    cluster = told_cluster(first_map(2))
    code, lines, _ = ran(cluster, capsys, "abort", "7")
    assert (code, lines) == (0, ["partition 7 stays where it was"])
    assert cluster.asked == [AbortTransition(7)]


def test_a_move_without_a_way_back_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is the server's."""
    cluster = told_cluster(first_map(2))
    cluster.answer = lambda request: RequestRefused("reads are at the new place")
    code, _, complaint = ran(cluster, capsys, "abort", "7")
    assert (code, complaint) == (1, "meridian-ctl: reads are at the new place\n")
