"""What commands about slots and partitions do to the map.

Slots that are given by hand go to the partition with the fewest slots among those that the member
leads, which is pinned by that; a member that leads nothing gets a new partition. So a hundred
SETSLOT commands in a row do not make a hundred partitions. Numbers are given out from the lowest
free one. A partition without slots does not exist, and one that moves is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from cluster.map.commands import (
    AssignSlots,
    Fence,
    MoveSlots,
    SplitPartitions,
    UnassignSlots,
    Unpin,
)
from cluster.map.member_changes import with_partitions
from cluster.map.rejection import (
    require,
    require_still,
    some_slots,
    still_partition,
    taking_member,
)
from cluster.map.spreading import with_followers, would_lead
from cluster.map.values import ClusterMap, MapMember, MapPartition, Placements, Replicas
from cluster.slots import SLOT_COUNT, SlotSet


def assign_slots(current: ClusterMap, command: AssignSlots) -> ClusterMap:
    """Give slots that nobody has to a member."""
    slots = some_slots(command.slots)
    member = taking_member(current, command.node)
    owned = SlotSet.of(slot for p in touched(current, slots).values() for slot in p)
    require(not owned.ranges, f"slots are assigned already: {owned}")
    return _given(current, slots, member, ())


def unassign_slots(current: ClusterMap, command: UnassignSlots) -> ClusterMap:
    """Take slots from their partitions; all of them must be somebody's."""
    slots = some_slots(command.slots)
    parts = touched(current, slots)
    owned = {slot for part in parts.values() for slot in part}
    missing = SlotSet.of(slot for slot in slots if slot not in owned)
    require(not missing.ranges, f"slots are not assigned: {missing}")
    _require_unchanged(current, parts, command.at_epoch)
    return _taken(current, parts)


def move_slots(current: ClusterMap, command: MoveSlots) -> ClusterMap:
    """Let a member lead slots; those that it leads already stay where they are."""
    slots = some_slots(command.slots)
    member = taking_member(current, command.node)
    parts = touched(current, slots)
    for number in list(parts):
        if current.leader_of(number) == member.node:
            slots = slots - parts.pop(number)
    if not slots.ranges:
        return current
    _require_unchanged(current, parts, command.at_epoch)
    placements: Placements = ()
    if parts:
        greatest = min(parts, key=lambda number: (-len(parts[number]), number))
        placements = current.partitions[greatest].placements
    return _given(_taken(current, parts), slots, member, placements)


def split_partitions(current: ClusterMap, command: SplitPartitions) -> ClusterMap:
    """Give the upper half of partitions to new numbers, all else equal."""
    numbers = [number for pair in command.pairs for number in (pair.number, pair.new_number)]
    require(bool(numbers), "no partitions are named")
    require(len(numbers) == len(set(numbers)), "a number is named twice")
    epoch = current.epoch + 1
    halves = []
    for pair in command.pairs:
        partition = still_partition(current, pair.number)
        require(len(partition.slots) >= 2, f"partition {pair.number} has a single slot")
        require(
            0 <= pair.new_number < SLOT_COUNT and pair.new_number not in current.partitions,
            f"{pair.new_number} is not a free number",
        )
        lower, upper = partition.slots.halves()
        halves.append(attrs.evolve(partition, slots=lower, epoch=epoch))
        halves.append(attrs.evolve(partition, number=pair.new_number, slots=upper, epoch=epoch))
    return with_partitions(current, *halves)


def unpin(current: ClusterMap, command: Unpin) -> ClusterMap:
    """Leave the partitions of these slots to the planner. That moves nothing by itself."""
    numbers = touched(current, some_slots(command.slots))
    pinned = [p for n, p in current.partitions.items() if n in numbers and p.is_pinned]
    return with_partitions(current, *(attrs.evolve(p, is_pinned=False) for p in pinned))


def fence(current: ClusterMap, command: Fence) -> ClusterMap:
    """Give partitions a new epoch and leave all else as it is; those that are gone are skipped."""
    known = [current.partitions[n] for n in command.partitions if n in current.partitions]
    require(bool(known), "no partitions are named that there are")
    epoch = current.epoch + 1
    return with_partitions(current, *(attrs.evolve(p, epoch=epoch) for p in known))


def touched(current: ClusterMap, slots: SlotSet) -> dict[int, SlotSet]:
    """Return which of the slots are in which partition, by number, without empty ones."""
    common = {n: current.partitions[n].slots & slots for n in sorted(current.partitions)}
    return {number: part for number, part in common.items() if part.ranges}


def free_number(current: ClusterMap) -> int:
    """Return the lowest number that no partition has."""
    number = 0
    while number in current.partitions:
        number += 1
    assert number < SLOT_COUNT, number
    return number


def _require_unchanged(
    current: ClusterMap, parts: Mapping[int, SlotSet], at_epoch: int | None
) -> None:
    """Reject what was decided about partitions that have changed since."""
    for number in parts:
        epoch = current.partitions[number].epoch
        require(
            at_epoch is None or epoch <= at_epoch,
            f"partition {number} has changed since its keys were counted; try again",
        )


def _taken(current: ClusterMap, parts: Mapping[int, SlotSet]) -> ClusterMap:
    """Take slots out of their partitions; emptied ones are gone."""
    partitions = dict(current.partitions)
    for number, part in parts.items():
        partition = partitions[number]
        require_still(partition)
        rest = partition.slots - part
        if rest.ranges:
            partitions[number] = attrs.evolve(partition, slots=rest, epoch=current.epoch + 1)
        else:
            del partitions[number]
    return attrs.evolve(current, partitions=partitions)


def _given(
    current: ClusterMap, slots: SlotSet, member: MapMember, placements: Placements
) -> ClusterMap:
    """Put slots that are in no partition under a member, who follows nobody from then on.

    `placements` are those that the slots had, from which a new partition takes its replicas.
    """
    epoch = current.epoch + 1
    led = [p for p in current.partitions_led_by(member.node) if p.transition is None]
    if led:
        least = min(led, key=lambda partition: (len(partition.slots), partition.number))
        grown = attrs.evolve(least, slots=least.slots | slots, epoch=epoch, is_pinned=True)
        return with_partitions(current, grown)
    members = dict(current.members)
    members[member.node] = attrs.evolve(member, replicates=None)
    followers = [m for m in current.members.values() if m.replicates == member.node]
    lists = with_followers(
        _led_by(current, member, placements),
        member.node,
        home_datacenter=current.home_datacenter,
        followers=followers,
    )
    fresh = MapPartition(free_number(current), slots, lists, epoch, is_pinned=True)
    return with_partitions(attrs.evolve(current, members=members), fresh)


def _led_by(current: ClusterMap, member: MapMember, placements: Placements) -> Placements:
    """Return placements that a member leads, with as many of the former replicas as fit."""
    home, own = current.home_datacenter, member.datacenter
    lists: dict[str, Replicas] = {own: (member.node,)}
    for datacenter, replicas in placements:
        others = tuple(node for node in replicas if node != member.node)
        if datacenter == own:
            lists[own] = (member.node, *others)[: current.replicas]
        elif others and not would_lead(datacenter, own, home):
            lists[datacenter] = others
    return tuple(sorted(lists.items()))
