"""`meridian-ctl metadata`."""

from __future__ import annotations

import json

import pytest

from cluster.metadata.status import MetadataStatus
from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import ToldCluster, told_cluster
from tests.tools.ctl.told_server import ran
from tools.ctl.commands.metadata import shown
from tools.ctl.output import Value


def told() -> ToldCluster:
    """A node that is a voter of the metadata log."""
    cluster = told_cluster(first_map(3))
    cluster.metadata_status = MetadataStatus(
        role="follower", term=4, leader=node_id(1), voters=(node_id(0), node_id(1)), commit=12
    )
    return cluster


def test_every_field_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    """In words."""
    code, lines, _ = ran(told(), capsys, "metadata")
    assert code == 0
    rows = [line.split() for line in lines]
    assert ["role", "follower"] in rows
    assert ["term", "4"] in rows
    assert ["voters", node_id(0), node_id(1)] in rows
    assert ["learners", "none"] in rows


def test_json_is_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    """As the server answered."""
    _, lines, _ = ran(told(), capsys, "metadata", "--json")
    assert json.loads("\n".join(lines))["leader"] == node_id(1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ([], "none"),
        (["a", 1], "a 1"),
        ({"a": 1, "b": []}, "a 1, b none"),
    ],
)
def test_values_in_words(value: Value, text: str) -> None:
    """Whatever a later version adds."""
    assert shown(value) == text
