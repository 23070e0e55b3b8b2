from __future__ import annotations

from cluster.identity import NodeId
from cluster.placement.plan import Change, Plan, difference, moved_replicas

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
OLD = Plan({1: {"x": (A, B)}, 2: {"x": (B, A)}, 3: {"x": (A, B)}})
NEW = Plan({1: {"x": (A, B)}, 2: {"x": (A, B)}, 3: {"x": (C, B), "y": (C,)}})


def test_loads_and_leads_are_counted() -> None:
    """Every place in a list is load, the first one is a lead."""
    assert OLD.loads() == {A: 3, B: 3}
    assert OLD.leads() == {A: 2, B: 1}


def test_a_difference_names_what_changes() -> None:
    """Equal lists are left out; another order moves nothing but the lead."""
    changes = difference(OLD, NEW)
    assert (
        Change(2, "x", (B, A), (A, B)),
        Change(3, "x", (A, B), (C, B)),
        Change(3, "y", (), (C,)),
    ) == changes
    assert [change.is_leader_change for change in changes] == [True, True, True]
    assert [change.added for change in changes] == [(), (C,), (C,)]
    assert [change.removed for change in changes] == [(), (A,), ()]
    assert moved_replicas(changes) == 2
    assert difference(OLD, OLD) == ()
