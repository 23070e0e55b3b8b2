"""Rejection: why a command cannot be carried out on the map as it is.

Handlers raise it, and only `state_machine.apply_command` catches it: to its callers a rejection is
a result and not an exception. The look-ups that all handlers share are here, since each of them
ends in a rejection when there is nothing to be found.
"""

from __future__ import annotations

from cluster.errors import ClusterError
from cluster.identity import NodeId
from cluster.map.values import ClusterMap, MapMember, MapPartition, MemberState
from cluster.slots import SlotSet


class CommandRejected(ClusterError):
    """The map stays as it is; `text` says why, for people."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return self.text


def require(is_met: bool, text: str) -> None:
    """Go on only when a condition is met.

    Raises:
        CommandRejected: it is not.
    """
    if not is_met:
        raise CommandRejected(text)


def known_member(current: ClusterMap, node: NodeId) -> MapMember:
    """Return a member.

    Raises:
        CommandRejected: there is no such member.
    """
    member = current.members.get(node)
    if member is None:
        raise CommandRejected(f"{node} is not a member")
    return member


def taking_member(current: ClusterMap, node: NodeId) -> MapMember:
    """Return a member that may be given data.

    Raises:
        CommandRejected: there is no such member, it stores no data, or it is to be emptied.
    """
    member = known_member(current, node)
    require(member.is_storage, f"{node} does not store data")
    require(member.state == MemberState.ACTIVE, f"{node} is {member.state.name.lower()}")
    return member


def still_partition(current: ClusterMap, number: int) -> MapPartition:
    """Return a partition that is not moving.

    Raises:
        CommandRejected: there is no such partition, or it is moving.
    """
    partition = current.partitions.get(number)
    if partition is None:
        raise CommandRejected(f"there is no partition {number}")
    require_still(partition)
    return partition


def require_still(partition: MapPartition) -> None:
    """Go on only when a partition is not moving.

    Raises:
        CommandRejected: it is.
    """
    require(
        partition.transition is None,
        f"partition {partition.number} is moving; wait for that, or abort it",
    )


def some_slots(slots: SlotSet) -> SlotSet:
    """Return a set of slots that is not empty.

    Raises:
        CommandRejected: it is empty.
    """
    require(bool(slots.ranges), "no slots are named")
    return slots
