from __future__ import annotations

import attrs
import pytest

from cluster.map.commands import BeginTransitions, PlannedChange
from cluster.map.rejection import (
    CommandRejected,
    known_member,
    require,
    some_slots,
    still_partition,
    taking_member,
)
from cluster.map.values import MemberState
from cluster.membership.facts import Role
from cluster.slots import SlotSet
from tests.cluster.map.maps import first_map, node_id, run


def test_rejections_say_why() -> None:
    """The text of a rejection is what people read."""
    with pytest.raises(CommandRejected, match="because") as caught:
        require(False, "because")
    assert "because" == str(caught.value) == caught.value.text
    require(True, "never seen")


def test_what_is_missing_is_rejected() -> None:
    """Unknown members and partitions, and no slots at all."""
    current = first_map(1)
    assert node_id(0) == known_member(current, node_id(0)).node
    with pytest.raises(CommandRejected, match="not a member"):
        known_member(current, node_id(1))
    with pytest.raises(CommandRejected, match="no partition"):
        still_partition(current, 999)
    with pytest.raises(CommandRejected, match="no slots"):
        some_slots(SlotSet())


def test_only_active_members_that_store_data_are_given_any() -> None:
    """A drained one is being emptied, and a coordinator has no place for data."""
    current = first_map(1)
    own = current.members[node_id(0)]
    assert own == taking_member(current, own.node)
    drained = {own.node: attrs.evolve(own, state=MemberState.DRAINING)}
    with pytest.raises(CommandRejected, match="draining"):
        taking_member(attrs.evolve(current, members=drained), own.node)
    diskless = {own.node: attrs.evolve(own, roles=Role.COORDINATOR)}
    with pytest.raises(CommandRejected, match="does not store"):
        taking_member(attrs.evolve(current, members=diskless), own.node)


def test_a_moving_partition_is_left_alone() -> None:
    """Whatever would change it waits for the move, or for its abort."""
    current = first_map(2)
    new = (("dc1", current.partitions[0].replicas("dc1")[:1]),)
    moving = run(current, BeginTransitions((PlannedChange(0, new),), current.epoch))
    assert moving.partitions[1] == still_partition(moving, 1)
    with pytest.raises(CommandRejected, match="moving"):
        still_partition(moving, 0)
