"""`meridian-ctl form`."""

from __future__ import annotations

import pytest

from cluster.control.requests import Done, Form
from tests.harness.told_cluster import ToldCluster
from tests.tools.ctl.told_server import ran


def test_a_cluster_is_formed(capsys: pytest.CaptureFixture[str]) -> None:
    """The epoch of its first map is told."""
    cluster = ToldCluster(answer=lambda request: Done("", 1))
    code, lines, _ = ran(cluster, capsys, "form")
    assert (code, lines) == (0, ["the cluster is formed (epoch 1)"])
    assert cluster.asked == [Form()]
