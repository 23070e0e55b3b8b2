from __future__ import annotations

import pytest

from cluster.raft.configuration import Configuration


def test_members_are_sorted_and_complete() -> None:
    """Everybody who gets messages is a member once, in one order on all machines."""
    joint = Configuration(
        voters=frozenset("ba"),
        outgoing=frozenset("bc"),
        learners=frozenset("d"),
        learners_next=frozenset("c"),
    )
    joint.check_invariants()
    assert joint.members() == ["a", "b", "c", "d"]
    assert [joint.is_voter(node) for node in "abcd"] == [True, True, True, False]
    assert str(joint) == "a,b & b,c learners d next c"


@pytest.mark.parametrize(
    "wrong",
    [
        Configuration(voters=frozenset("a"), learners=frozenset("a")),
        Configuration(voters=frozenset("a"), learners_next=frozenset("b")),
        Configuration(voters=frozenset("a"), is_auto_leave=True),
        Configuration(outgoing=frozenset("a")),
    ],
)
def test_contradictions_are_noticed(wrong: Configuration) -> None:
    """A configuration that no change can lead to fails its own check."""
    with pytest.raises(AssertionError):
        wrong.check_invariants()
