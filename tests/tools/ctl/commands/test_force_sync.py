"""`meridian-ctl force-sync`."""

from __future__ import annotations

import pytest

from cluster.control.requests import ForceSync
from tests.cluster.map.maps import first_map
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran


def test_tables_are_exchanged_now(capsys: pytest.CaptureFixture[str]) -> None:
    """One request, one line."""
    cluster = told_cluster(first_map(2))
    code, lines, _ = ran(cluster, capsys, "force-sync")
    assert (code, lines) == (0, ["exchanging tables with every live node"])
    assert cluster.asked == [ForceSync()]
