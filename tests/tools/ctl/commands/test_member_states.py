"""`meridian-ctl drain`, `decommission` and `activate`."""

from __future__ import annotations

import pytest

from cluster.control.requests import Activate, Decommission, Drain, Request
from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran


@pytest.mark.parametrize(
    ("verb", "asked", "text"),
    [
        ("drain", Drain(node_id(1)), "is drained"),
        ("decommission", Decommission(node_id(1)), "is removed once it is empty"),
        ("activate", Activate(node_id(1)), "takes its share again"),
    ],
)
def test_each_verb_is_a_request(
    verb: str, asked: Request, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The node by its id; what it means is said."""
    cluster = told_cluster(first_map(2))
    code, lines, _ = ran(cluster, capsys, verb, node_id(1))
    assert (code, lines) == (0, [f"{node_id(1)} {text}"])
    assert cluster.asked == [asked]


def test_a_node_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and nothing is asked."""
    cluster = told_cluster(first_map(2))
    code, _, complaint = ran(cluster, capsys, "drain", "f")
    assert code == 1
    assert "no node has an id that begins with 'f'" in complaint
    assert cluster.asked == []
