"""`meridian-ctl map`."""

from __future__ import annotations

import json

import pytest

from cluster.map.commands import BeginTransitions, PlannedChange, UnassignSlots
from cluster.map.values import ClusterMap
from cluster.slots import SlotSet
from tests.cluster.map.maps import CLUSTER, first_map, node_id, run
from tests.harness.told_cluster import told_cluster
from tests.tools.ctl.told_server import ran
from tools.ctl.commands.cluster_map import has_slot


def moving() -> ClusterMap:
    """A map of which partition 5 is moved and slots 0 to 9 belong to nobody."""
    current = run(first_map(4), UnassignSlots(SlotSet.span(0, 9)))
    ((name, replicas),) = current.partitions[5].placements
    (spare,) = {node_id(number) for number in range(4)} - set(replicas)
    change = PlannedChange(5, ((name, (*replicas[:2], spare)),))
    return run(current, BeginTransitions((change,), current.epoch))


def test_the_whole_map_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """One row per partition, and what belongs to nobody."""
    code, lines, _ = ran(told_cluster(moving()), capsys, "map")
    assert code == 0
    assert lines[0] == f"cluster {CLUSTER}, epoch 3, 3 replicas"
    assert lines[1].split() == [
        "PARTITION",
        "SLOTS",
        "LEADER",
        "REPLICAS",
        "EPOCH",
        "PINNED",
        "MOVE",
    ]
    assert len(lines) == 2 + 128 + 2
    assert lines[2].split()[1] == "10-127"
    assert lines[-2] == "128 partitions"
    assert lines[-1] == "slots that belong to nobody: 0-9"


def test_only_what_moves(capsys: pytest.CaptureFixture[str]) -> None:
    """With its step and where it goes."""
    _, lines, _ = ran(told_cluster(moving()), capsys, "map", "--moves")
    assert lines[2].split()[0] == "5"
    assert "allow_both, to " in lines[2]
    assert lines[3] == "128 partitions, 1 shown"


def test_one_slot_and_one_node(capsys: pytest.CaptureFixture[str]) -> None:
    """The partition of a slot; the partitions that a node holds, by the beginning of its id."""
    current = moving()
    _, lines, _ = ran(told_cluster(current), capsys, "map", "--slot", "200")
    assert lines[2].split()[:2] == ["1", "128-255"]
    node = node_id(2)
    _, lines, _ = ran(told_cluster(current), capsys, "map", "--node", node)
    assert lines[-2] == f"128 partitions, {len(current.partitions_with(node))} shown"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--slot", "3"), "slot 3 belongs to nobody"),
        (("--node", "f"), "no partition is held by a node whose id begins with f"),
    ],
)
def test_what_is_not_there_is_said(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1."""
    code, lines, error = ran(told_cluster(moving()), capsys, "map", *words)
    assert (code, lines) == (1, [])
    assert error == f"meridian-ctl: {complaint}\n"


def test_json_has_the_whole_map(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the table shows."""
    _, lines, _ = ran(told_cluster(moving()), capsys, "--json", "map", "--moves")
    document = json.loads("\n".join(lines))
    assert len(document["partitions"]) == 128
    assert document["unowned"] == "0-9"


@pytest.mark.parametrize(("slot", "is_there"), [(0, True), (9, True), (10, False), (12, True)])
def test_slots_are_found_in_ranges(slot: int, is_there: bool) -> None:
    """Ends included."""
    assert has_slot("0-9 12", slot) is is_there
