"""Changes of the cluster and their outcomes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.control.requests import Done, RequestRefused
from tests.cluster.map.maps import first_map
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran
from tools.ctl.changes import outcome_line
from tools.ctl.cluster import Cluster, Document
from tools.ctl.output import Failure, Line
from tools.ctl.progress import Pace


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
    line = outcome_line(Document(document), "done")
    assert line.text == text
    # Programs were told nothing where the server had said nothing.
    assert line.data["text"] in ("done", "said so")


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


def test_moves_of_other_nodes_that_are_stuck_looked_like_a_change_that_failed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait ends with an error, and it says that the change itself is made."""

    def stuck(cluster: Cluster, pace: Pace) -> Iterator[Line]:
        raise Failure("3 moves cannot go on now", code=1)
        yield

    monkeypatch.setattr("tools.ctl.changes.watch_settling", stuck)
    cluster = told_cluster(first_map(2))
    cluster.answer = lambda request: Done("", 5)
    code, lines, complaint = ran(cluster, capsys, "drain", f"{cluster.own_id}", "--wait")
    assert code == 1 and len(lines) == 1
    assert complaint == (
        "meridian-ctl: the change is made and holds, but of all moves of the cluster: 3 moves"
        " cannot go on now\n"
    )
