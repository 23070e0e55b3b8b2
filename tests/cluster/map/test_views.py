from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.map.commands import MoveSlots, UnassignSlots
from cluster.map.genesis import genesis_map
from cluster.map.values import Claim
from cluster.map.views import RangeEntry, SlotView, replicas_behind
from cluster.slots import SLOT_COUNT, SlotSet
from tests.cluster.map.maps import (
    apply,
    first_map,
    genesis_of,
    member,
    node_id,
    run,
    some_command,
    some_map,
)

A, B = node_id(0), node_id(1)


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_a_view_says_what_the_map_says(seed: int) -> None:
    """Slot by slot: partition, leader, ranges, coverage; entries are in order and merged."""
    rng = Random(seed)
    current = some_map(rng)
    for _ in range(20):
        current, _ = apply(current, some_command(rng, current))
    view = SlotView(current)
    owner = {slot: n for n, p in current.partitions.items() for slot in p.slots}
    assert [owner.get(slot) for slot in range(SLOT_COUNT)] == view.partition_of
    leaders = [None if n is None else current.leader_of(n) for n in view.partition_of]
    assert leaders == view.leaders
    assert view.is_covered == (len(owner) == SLOT_COUNT)
    for node in current.members:
        slots = SlotSet.of(slot for slot, leader in enumerate(leaders) if leader == node)
        assert slots == view.ranges_of(node)
    told = [(e.leader, slot) for e in view.ranges for slot in range(e.first, e.last + 1)]
    assert [(leader, s) for s, leader in enumerate(leaders) if leader is not None] == told
    for one, other in zip(view.ranges, view.ranges[1:], strict=False):
        is_alike = (one.leader, one.replicas) == (other.leader, other.replicas)
        assert one.last + 1 < other.first or not is_alike


def test_neighbours_that_are_served_alike_are_one_entry() -> None:
    """A client is told a third as one range, of however many partitions it consists."""
    halves = SlotSet.span(0, 8191), SlotSet.span(8192, 16383)
    current = first_map(2, Claim(A, halves[0]), Claim(B, halves[1]))
    assert len(current.partitions) == 128
    view = SlotView(current)
    assert (RangeEntry(0, 8191, A, (B,)), RangeEntry(8192, 16383, B, (A,))) == view.ranges
    assert (current.epoch, True) == (view.epoch, view.is_covered)


def test_a_gap_is_nobodys() -> None:
    """Slots that were taken away have neither leader nor partition nor entry."""
    view = SlotView(run(first_map(1), UnassignSlots(SlotSet.span(10, 19))))
    assert (view.leaders[15], view.partition_of[15]) == (None, None)
    assert [(entry.first, entry.last) for entry in view.ranges] == [(0, 9), (20, 16383)]
    assert not view.is_covered
    assert SlotSet() == view.ranges_of(B)


def test_replicas_of_all_datacenters_are_told() -> None:
    """The leader's own datacenter first, then the others."""
    members = [member(0, "dc2"), member(1, "dc2"), member(2, "dc1")]
    current = genesis_map(genesis_of(members))
    assert current.home_datacenter == "dc2"
    leader = current.leader_of(0)
    (other,) = {A, B} - {leader}
    assert (other, node_id(2)) == replicas_behind(current, 0)


def test_moved_slots_are_ranges_of_their_own() -> None:
    """A slot in the middle of another one's range cuts it in three."""
    current = run(
        first_map(1, Claim(A, SlotSet.span(0, 16383))),
    )
    assert len(SlotView(current).ranges) == 1
    two = first_map(2, Claim(A, SlotSet.span(0, 16382)), Claim(B, SlotSet.of([16383])))
    moved = run(two, MoveSlots(SlotSet.of([500]), B))
    assert str(SlotView(moved).ranges_of(B)) == "500 16383"
