from __future__ import annotations

from meridian_resp.commands.slot_marks import SlotMarks
from tests.harness.fake_cluster import node_id


def test_marks_are_forgotten_by_slot_or_altogether() -> None:
    """A slot has at most one of each kind."""
    marks = SlotMarks()
    marks.migrating = {1: node_id(2), 2: node_id(2)}
    marks.importing = {1: node_id(3), 4: node_id(3)}
    marks.clear([1, 9])
    assert (marks.migrating, marks.importing) == ({2: node_id(2)}, {4: node_id(3)})
    marks.clear()
    assert (marks.migrating, marks.importing) == ({}, {})
