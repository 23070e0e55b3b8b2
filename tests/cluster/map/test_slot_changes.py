from __future__ import annotations

import attrs

from cluster.map.commands import (
    AddMember,
    AssignSlots,
    BeginTransitions,
    Fence,
    MoveSlots,
    PlannedChange,
    SetMemberState,
    SetReplicates,
    SplitPair,
    SplitPartitions,
    UnassignSlots,
    Unpin,
)
from cluster.map.genesis import genesis_map
from cluster.map.slot_changes import free_number, touched
from cluster.map.values import Claim, ClusterMap, MemberState
from cluster.map.views import SlotView
from cluster.membership.facts import Role
from cluster.slots import SLOT_COUNT, SlotSet
from tests.cluster.map.maps import first_map, genesis_of, member, node_id, refusal, run

A, B, C, D = (node_id(i) for i in range(4))
ALL_SLOTS = SlotSet.span(0, SLOT_COUNT - 1)
FEW = SlotSet.span(100, 102)


def with_newcomer() -> ClusterMap:
    """Three members with all data, and D with nothing."""
    return run(first_map(3), AddMember(member(3)))


def moving(number: int) -> ClusterMap:
    """The map above with one partition on its way to D."""
    current = with_newcomer()
    change = PlannedChange(number, (("dc1", (D,)),))
    return run(current, BeginTransitions((change,), current.epoch))


def with_pinned() -> ClusterMap:
    """Three members, one of which was given slots of another one by hand."""
    current = first_map(3)
    taker = B if current.leader_of(0) == A else A
    moved = run(current, MoveSlots(FEW, taker))
    assert any(partition.is_pinned for partition in moved.partitions.values())
    return moved


def test_slots_are_assigned_when_they_are_nobodys() -> None:
    """A gap becomes a pinned partition of the member; what somebody has stays with it."""
    current = first_map(3)
    assert "100-102" in refusal(current, AssignSlots(A, FEW))
    gap = run(current, UnassignSlots(SlotSet.span(100, 104)))
    assert SlotView(gap).leaders[99:106].count(None) == 5
    assert "99" in refusal(gap, AssignSlots(A, SlotSet.span(99, 102)))
    filled = run(gap, AddMember(member(3)), AssignSlots(D, FEW))
    (partition,) = filled.partitions_led_by(D)
    assert (FEW, True, filled.epoch) == (partition.slots, partition.is_pinned, partition.epoch)
    assert "no slots" in refusal(gap, AssignSlots(A, SlotSet()))


def test_only_assigned_slots_are_taken() -> None:
    """CLUSTER DELSLOTS of a slot that is nobody's is an error; emptied partitions are gone."""
    current = run(first_map(3), UnassignSlots(SlotSet.span(0, 127)))
    assert len(current.partitions) == 127
    assert "not assigned: 0-127" in refusal(current, UnassignSlots(SlotSet.span(0, 200)))
    assert not run(current, UnassignSlots(SlotSet.span(128, SLOT_COUNT - 1))).partitions


def test_moved_slots_make_a_partition_for_who_leads_none() -> None:
    """It has the lowest free number, its leader first, and former replicas behind."""
    before = with_newcomer()
    current = run(before, MoveSlots(FEW, D))
    (partition,) = current.partitions_led_by(D)
    assert (partition.number, partition.slots, partition.is_pinned) == (128, FEW, True)
    former = before.partitions[0].replicas("dc1")
    assert (D, *former[:2]) == partition.replicas("dc1")
    assert current.epoch == current.partitions[0].epoch == partition.epoch
    assert not current.partitions[0].is_pinned


def test_moved_slots_join_the_smallest_partition_of_their_leader() -> None:
    """A hundred SETSLOT commands do not make a hundred partitions, and emptied ones are gone."""
    current = run(with_newcomer(), MoveSlots(SlotSet.of([0]), D))
    for slot in range(1, 200):
        current = run(current, MoveSlots(SlotSet.of([slot]), D))
    (partition,) = current.partitions_led_by(D)
    assert SlotSet.span(0, 199) == partition.slots
    assert 0 not in current.partitions
    assert free_number(current) == 0


def test_slots_that_are_there_stay_and_cost_nothing() -> None:
    """redis-cli tells every master of every moved slot: repeats answer at once."""
    current = run(with_newcomer(), MoveSlots(FEW, D))
    again = run(current, MoveSlots(FEW, D))
    assert current.epoch == again.epoch
    more = run(current, MoveSlots(SlotSet.span(101, 110), D))
    assert SlotSet.span(100, 110) == SlotView(more).ranges_of(D)


def test_unassigned_slots_can_be_moved_to_somebody() -> None:
    """SETSLOT NODE of a slot that nobody has assigns it."""
    current = run(first_map(1), UnassignSlots(ALL_SLOTS), MoveSlots(FEW, A))
    assert current.partitions[0].placements == (("dc1", (A,)),)


def test_moving_partitions_keep_their_slots() -> None:
    """Slots are neither taken from nor put into a partition on its way, and it is not split."""
    current = moving(0)
    number_of = f"partition {0} is moving"
    assert number_of in refusal(current, MoveSlots(FEW, D))
    assert number_of in refusal(current, UnassignSlots(FEW))
    assert number_of in refusal(current, SplitPartitions((SplitPair(0, 500),)))
    leader = current.leader_of(0)
    assert leader is not None
    others = [p for p in current.partitions.values() if current.leader_of(p.number) != leader]
    taken = run(current, MoveSlots(SlotSet.of([others[0].slots.ranges[0][0]]), leader))
    assert current.partitions[0] == taken.partitions[0]


def test_who_leads_only_moving_partitions_gets_a_new_one() -> None:
    """There is always a partition that can take slots."""
    claims = Claim(A, SlotSet.span(0, 0)), Claim(B, SlotSet.span(1, SLOT_COUNT - 1))
    current = first_map(2, *claims)
    current = run(current, BeginTransitions((PlannedChange(0, (("dc1", (B,)),)),), current.epoch))
    current = run(current, MoveSlots(SlotSet.of([77]), A))
    assert {"0", "77"} == {str(p.slots) for p in current.partitions_led_by(A)}


def test_members_that_are_to_be_emptied_are_given_nothing() -> None:
    """Nor are those that store no data."""
    current = run(with_newcomer(), SetMemberState(D, MemberState.LEAVING))
    assert "leaving" in refusal(current, MoveSlots(FEW, D))
    diskless = run(current, AddMember(member(4, roles=Role.COORDINATOR)))
    assert "does not store" in refusal(diskless, MoveSlots(FEW, node_id(4)))


def test_a_leader_far_from_home_leads() -> None:
    """Replicas at home would lead before it, so a partition moved away has none there."""
    members = [member(0, "dc1"), member(1, "dc1"), member(2, "dc2"), member(3, "dc3")]
    current = run(genesis_map(genesis_of(members)), MoveSlots(FEW, C))
    (partition,) = current.partitions_led_by(C)
    assert partition.placements == (("dc2", (C,)), ("dc3", (D,)))
    further = run(current, MoveSlots(FEW, D))
    (partition,) = further.partitions_led_by(D)
    assert partition.placements == (("dc3", (D,)),)


def test_followers_come_along() -> None:
    """A new partition has a place for whoever replicates its leader by hand."""
    current = run(
        with_newcomer(), AddMember(member(4)), SetReplicates(node_id(4), D), MoveSlots(FEW, D)
    )
    (partition,) = current.partitions_led_by(D)
    assert node_id(4) == partition.replicas("dc1")[-1]


def test_a_split_moves_nothing() -> None:
    """The upper half has a new number, and the same replicas, leader and pin."""
    pinned = with_pinned()
    number = min(p.number for p in pinned.partitions.values() if p.is_pinned)
    before = SlotView(pinned)
    current = run(pinned, SplitPartitions((SplitPair(number, 128), SplitPair(number + 1, 129))))
    lower, upper = current.partitions[number], current.partitions[128]
    assert pinned.partitions[number].slots == lower.slots | upper.slots
    assert attrs.evolve(lower, number=128, slots=upper.slots) == upper
    assert (before.leaders, before.ranges) == (
        SlotView(current).leaders,
        SlotView(current).ranges,
    )


def test_splits_that_make_no_sense() -> None:
    """Numbers must be free and named once, partitions must be there and have two slots."""
    current = first_map(1, Claim(A, SlotSet.of([5])))
    assert "single slot" in refusal(current, SplitPartitions((SplitPair(0, 1),)))
    assert "no partitions" in refusal(current, SplitPartitions(()))
    full = first_map(1)
    assert "not a free number" in refusal(full, SplitPartitions((SplitPair(0, 1),)))
    assert "not a free number" in refusal(full, SplitPartitions((SplitPair(0, SLOT_COUNT),)))
    assert "no partition" in refusal(full, SplitPartitions((SplitPair(200, 201),)))
    twice = SplitPartitions((SplitPair(0, 201), SplitPair(0, 202)))
    assert "twice" in refusal(full, twice)


def test_unpinned_partitions_are_the_planners_again() -> None:
    """Those of the named slots; it costs an epoch only where a pin was."""
    current = with_pinned()
    again = run(current, Unpin(FEW))
    assert not any(partition.is_pinned for partition in again.partitions.values())
    assert again.epoch == run(again, Unpin(FEW)).epoch
    assert current.epoch == run(current, Unpin(SlotSet.span(16000, 16001))).epoch


def test_touched_partitions_are_found() -> None:
    """Which of the slots are in which partition."""
    current = first_map(1)
    parts = touched(current, SlotSet.parse("127-128 16383"))
    assert {n: str(part) for n, part in parts.items()} == {0: "127", 1: "128", 127: "16383"}


def test_a_move_is_refused_when_the_partition_has_changed_since_its_keys_were_counted() -> None:
    """A fence is such a change, and changes nothing else; later counts are believed again."""
    current = with_newcomer()
    counted_at = current.epoch
    number = SlotView(current).partition_of[FEW.ranges[0][0]]
    assert number is not None
    before = current.partitions[number]
    fenced = run(current, Fence((number, 9999)))
    assert fenced.partitions[number] == attrs.evolve(before, epoch=fenced.epoch)
    assert "has changed since" in refusal(fenced, MoveSlots(FEW, D, counted_at))
    assert "has changed since" in refusal(fenced, UnassignSlots(FEW, counted_at))
    moved = run(fenced, MoveSlots(FEW, D, fenced.epoch))
    assert SlotView(moved).leaders[FEW.ranges[0][0]] == D
    assert "that there are" in refusal(current, Fence((9999,)))


def test_other_partitions_may_change_meanwhile() -> None:
    """A move is about the slots it names; the map may have moved on for others."""
    current = with_newcomer()
    counted_at = current.epoch
    other = next(n for n, p in current.partitions.items() if FEW.ranges[0][0] not in p.slots)
    later = run(current, Fence((other,)))
    assert run(later, MoveSlots(FEW, D, counted_at)).epoch == later.epoch + 1
