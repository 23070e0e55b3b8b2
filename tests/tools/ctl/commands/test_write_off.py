"""`meridian-ctl write-off`."""

from __future__ import annotations

import pytest

from cluster.control.requests import WriteOff
from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran


def test_the_loss_has_to_be_accepted_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the option the command is not understood; with it the node is given up."""
    cluster = told_cluster(first_map(2))
    with pytest.raises(SystemExit, match="2"):
        ran(cluster, capsys, "write-off", node_id(1))
    assert "--lose-its-keys" in capsys.readouterr().err
    code, lines, _ = ran(cluster, capsys, "write-off", node_id(1), "--lose-its-keys")
    assert (code, lines) == (0, [f"{node_id(1)} is given up; others take its places"])
    assert cluster.asked == [WriteOff(node_id(1))]
