"""Changes of the cluster and their outcomes."""

from __future__ import annotations

import pytest

from cluster.control.requests import Done, RequestRefused
from tests.cluster.map.maps import first_map
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran
from tools.ctl.changes import outcome_line
from tools.ctl.cluster import Document


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ('{"text":"","epoch":0}', "done"),
        ('{"text":"","epoch":7}', "done (epoch 7)"),
        ('{"text":"said so","epoch":7}', "said so (epoch 7)"),
    ],
)
def test_an_outcome_is_a_line(document: str, text: str) -> None:
    """What the server says comes first; the epoch is named where there is one."""
    assert outcome_line(Document(document), "done").text == text


def test_what_is_refused_is_said_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, the reason without its code."""
    cluster = told_cluster(first_map(1))
    cluster.answer = lambda request: RequestRefused("the metadata log has no leader")
    code, lines, complaint = ran(cluster, capsys, "form")
    assert (code, lines) == (1, [])
    assert complaint == "meridian-ctl: the metadata log has no leader\n"


def test_waiting_shows_the_moves_after_the_change(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing has to be moved there is one line more."""
    cluster = told_cluster(first_map(2))
    cluster.answer = lambda request: Done("", 5)
    code, lines, _ = ran(cluster, capsys, "weight", f"{cluster.own_id}", "2", "--wait")
    assert code == 0
    assert lines == [
        f"{cluster.own_id} has weight 2 (epoch 5)",
        "nothing is left to move",
    ]
