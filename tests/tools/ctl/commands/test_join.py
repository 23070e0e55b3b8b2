"""`meridian-ctl join`."""

from __future__ import annotations

import pytest

from cluster.control.requests import Meet
from cluster.identity import Endpoint
from tests.harness.told_cluster import ToldCluster
from tests.tools.ctl.told_server import ran


def test_contact_is_made_with_all_that_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is left out is the server's own."""
    cluster = ToldCluster()
    code, lines, _ = ran(cluster, capsys, "join", "10.0.0.2:7400", "db3")
    assert (code, lines) == (
        0,
        ["making contact with 10.0.0.2:7400, db3; nodes shows who has answered"],
    )
    assert cluster.asked == [Meet((Endpoint("10.0.0.2", 7400), Endpoint("db3", 17400)))]
