from __future__ import annotations

from collections import Counter
from random import Random

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.identity import Boot, ClusterId, NodeId
from cluster.map.commands import (
    AddMember,
    AdvanceTransition,
    Freeze,
    MoveSlots,
    ReplaceMember,
    SetMemberState,
    SetReplicates,
    SetWeight,
    UnassignSlots,
    Unfreeze,
    Unpin,
)
from cluster.map.values import Claim, ClusterMap, MemberState, TransitionStep, nodes_in
from cluster.map.views import SlotView
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import MemberStatus
from cluster.placement.partitions import partitions_wanted
from cluster.plans.plan import ClusterPlan
from cluster.plans.planning import live_members, make_cluster_plan, taking_members
from cluster.slots import SLOT_COUNT, SlotSet
from tests.cluster.map.maps import apply, first_map, member, node_id, run, some_command, some_map
from tests.cluster.plans.driving import carry_out, commit_plan, settle

A, B, C, D = (node_id(i) for i in range(4))
RNG = Random(7)


def plan_of(current: ClusterMap) -> ClusterPlan:
    """The plan with everybody live."""
    return make_cluster_plan(current, current.members)


def grown_map(rng: Random, commands: int = 40) -> ClusterMap:
    """A map that random commands made, not frozen."""
    current = some_map(rng)
    for _ in range(commands):
        after, _ = apply(current, some_command(rng, current))
        if after.dissolved_into is None:
            current = after.published()
    return run(current, Unfreeze())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_every_map_settles(seed: int) -> None:
    """From any map, with no keys in the way, plans end where they should, whatever is lost.

    Nothing is left to do, nothing moves, members that are to be emptied are empty, pinned leaders
    that may stay have stayed, and slots that were owned are owned.
    """
    rng = Random(seed)
    before = grown_map(rng)
    after = settle(before, rng)
    after.check_invariants()
    assert not any(partition.transition for partition in after.partitions.values())
    takers = {m.node for m in taking_members(before, before.members)}
    # A follower whose master left is one of them only afterwards.
    allowed = {m.node for m in taking_members(after, after.members)}
    allowed |= {node for node, m in after.members.items() if m.replicates is not None}
    old, new = SlotView(before), SlotView(after)
    assert [n is None for n in old.partition_of] == [n is None for n in new.partition_of]
    if takers:
        for partition in after.partitions.values():
            assert set(nodes_in(partition.placements)) <= allowed
        for number, partition in before.partitions.items():
            leader = partition.leader(before.home_datacenter)
            if partition.is_pinned and partition.transition is None and leader in takers:
                assert new.leaders[partition.slots.ranges[0][0]] == leader, number
        leaving = [n for n, m in after.members.items() if m.state == MemberState.LEAVING]
        assert len(leaving) == 0 or len(after.members) == 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_a_plan_is_what_the_map_becomes(seed: int) -> None:
    """What was shown for a map without moves is what stands after they are done."""
    rng = Random(seed)
    before = carry_out(grown_map(rng), rng)
    plan = plan_of(before)
    assert plan == plan_of(before)
    after = carry_out(commit_plan(before), rng)
    shown = {change.partition: change.new for change in plan.changes}
    for number, placements in shown.items():
        assert placements == after.partitions[number].placements
    assert len(before.partitions) + len(plan.splits) == len(after.partitions)


def test_nothing_to_do_is_an_empty_plan() -> None:
    """First maps are as the planner wants them, with and without claims."""
    thirds = (SlotSet.span(0, 5460), SlotSet.span(5461, 10922), SlotSet.span(10923, 16383))
    claims = [Claim(node_id(i), slots, i + 1) for i, slots in enumerate(thirds)]
    for current in (first_map(1), first_map(5), first_map(9), first_map(5, *claims)):
        plan = plan_of(current)
        assert plan.is_empty and plan.loads_before == plan.loads_after
        assert (plan.aborts, plan.splits, plan.changes) == ((), (), ())


def test_a_new_member_gets_its_share_and_nothing_else_moves() -> None:
    """One of four has a quarter, in places and in leads."""
    before = run(first_map(3), AddMember(member(3)))
    plan = plan_of(before)
    assert 128 * 3 / 4 * 0.9 <= plan.moved_replicas <= 128 * 3 / 4 * 1.1
    assert abs(plan.loads_after[D].leads - 32) <= 4
    assert plan.loads_before[D].replicas == 0
    after = settle(before, RNG)
    assert plan.loads_after[D].leads == len(after.partitions_led_by(D))


def test_more_members_than_partitions_can_serve_are_split_for_first() -> None:
    """The ninth node: 128 partitions become 256, and only then they move."""
    current = run(first_map(8), AddMember(member(8)))
    plan = plan_of(current)
    assert len(plan.splits) == 128
    assert {"SplitPartitions", "BeginTransitions"} == {type(c).__name__ for c in plan.commands}
    after = settle(current, RNG)
    assert partitions_wanted(9) == len(after.partitions)
    led = Counter(after.leader_of(number) for number in after.partitions)
    assert all(256 / 9 / 1.2 <= count <= 256 / 9 * 1.2 for count in led.values())


def test_a_few_slots_are_not_split_to_dust() -> None:
    """Where slots are nobody's, partitions are no smaller than in a whole map."""
    current = run(first_map(1), UnassignSlots(SlotSet.span(100, SLOT_COUNT - 1)))
    plan = plan_of(current)
    assert plan.is_empty
    assert "16284 slots are nobody's" in plan.lines()[-1]


def test_drained_members_are_emptied_and_leaving_ones_removed() -> None:
    """Draining empties; leaving is removed after that; weights change shares."""
    drained = settle(run(first_map(4), SetMemberState(A, MemberState.DRAINING)), RNG)
    assert not drained.partitions_with(A)
    assert A in drained.members
    left = settle(run(first_map(4), SetMemberState(A, MemberState.LEAVING)), RNG)
    assert A not in left.members
    light = plan_of(run(first_map(4), SetWeight(A, 0.25)))
    assert light.loads_after[A].leads < light.loads_before[A].leads / 2


def test_a_replaced_member_is_removed_by_itself() -> None:
    """Its successor leads what it led."""
    before = run(first_map(3), AddMember(member(3)))
    led = {partition.number for partition in before.partitions_led_by(A)}
    after = settle(run(before, ReplaceMember(A, D)), RNG)
    assert A not in after.members
    assert led == {partition.number for partition in after.partitions_led_by(D)}


def test_nobody_to_give_data_to_is_said() -> None:
    """The last member that stores data cannot be drained; it keeps what it has."""
    current = run(first_map(1), SetMemberState(A, MemberState.DRAINING))
    plan = plan_of(current)
    assert plan.is_empty
    assert any("No member may be given data" in line for line in plan.lines())


def test_slots_placed_by_hand_stay_until_unpinned() -> None:
    """Two thirds on one node by hand are not levelled; after `Unpin` they are."""
    claims = Claim(A, SlotSet.span(0, 12000)), Claim(B, SlotSet.span(12001, 16383))
    current = run(first_map(2, *claims), AddMember(member(2)))
    assert SlotView(current).ranges_of(A) == SlotView(settle(current, RNG)).ranges_of(A)
    unpinned = settle(run(current, Unpin(SlotSet.span(0, SLOT_COUNT - 1))), RNG)
    led = [len(unpinned.partitions_led_by(node)) for node in (A, B, C)]
    assert max(led) - min(led) <= 5


def test_followers_by_hand_stay_with_their_master() -> None:
    """The planner gives them nothing else, and moves their places along."""
    halves = SlotSet.span(0, 8191), SlotSet.span(8192, 16383)
    current = first_map(2, Claim(A, halves[0]), Claim(B, halves[1]))
    current = run(current, AddMember(member(2)), SetReplicates(C, A))
    assert plan_of(current).is_empty
    current = settle(run(current, MoveSlots(SlotSet.span(8192, 8999), A)), RNG)
    places = {partition.number for partition in current.partitions_with(C)}
    assert places == {partition.number for partition in current.partitions_led_by(A)}


def live_without(current: ClusterMap, *dead: NodeId) -> set[NodeId]:
    """All members but some."""
    return set(current.members) - set(dead)


def test_a_member_that_is_not_live_keeps_what_it_has_and_gets_nothing() -> None:
    """It may come back; a new one that is silent is as good as absent."""
    current = first_map(4)
    assert make_cluster_plan(current, live_without(current, A)).is_empty
    joined = run(first_map(3), AddMember(member(3)))
    assert make_cluster_plan(joined, live_without(joined, D)).is_empty
    heavier = run(current, SetWeight(A, 4.0))
    plan = make_cluster_plan(heavier, live_without(current, A))
    assert f"{A} is not live and is given nothing." in plan.notes
    gains = [c for c in plan.changes if A in nodes_in(c.new)]
    assert all(A in nodes_in(heavier.partitions[c.partition].placements) for c in gains)


def test_a_dead_leader_is_waited_for_by_name() -> None:
    """Its keys cannot be counted: what it leads does not move, and the plan says so."""
    current = run(first_map(4), SetMemberState(A, MemberState.DRAINING))
    plan = make_cluster_plan(current, live_without(current, A))
    assert any(line.startswith(f"{A} is not live: what it leads") for line in plan.lines())


def test_moves_to_who_must_be_emptied_are_given_up() -> None:
    """A target that is drained during the move: back, and somewhere else."""
    current = commit_plan(run(first_map(3), AddMember(member(3))))
    number = next(n for n, p in current.partitions.items() if p.transition is not None)
    current = run(current, AdvanceTransition(number, TransitionStep.ALLOW_BOTH))
    current = run(current, SetMemberState(D, MemberState.DRAINING))
    plan = plan_of(current)
    moving = {n for n, p in current.partitions.items() if p.transition is not None}
    assert moving == set(plan.aborts)
    after = settle(current, RNG)
    assert not after.partitions_with(D)


def test_a_move_under_way_counts_as_done() -> None:
    """Planning again while a plan is carried out changes nothing, however far it has come."""
    current = commit_plan(run(first_map(3), AddMember(member(3))))
    assert plan_of(current).is_empty
    number = next(n for n, p in current.partitions.items() if p.transition is not None)
    for step in TransitionStep:
        current = run(current, AdvanceTransition(number, step))
        assert plan_of(current).is_empty


def test_a_frozen_cluster_plans_nothing() -> None:
    """It is about to become part of another one."""
    frozen = run(first_map(3), AddMember(member(3)), Freeze())
    assert plan_of(frozen).is_empty
    assert "frozen" in plan_of(frozen).lines()[-1]


def test_a_member_in_another_datacenter_is_planned_there() -> None:
    """A node that says that it moved keeps its places until they are planned anew."""
    current = first_map(4)
    moved = attrs.evolve(current.members[D], datacenter="dc2")
    current = attrs.evolve(current, members={**current.members, D: moved})
    after = settle(current, RNG)
    for partition in after.partitions.values():
        assert D not in partition.replicas("dc1")
        assert partition.replicas("dc2") == (D,)


def test_who_has_not_become_part_of_the_cluster_is_given_nothing() -> None:
    """The map names it, but it may hold data of its own; the dead are given nothing either."""
    current = first_map(3)

    def view(number: int, cluster: ClusterId | None, status: MemberStatus) -> MemberView:
        member = current.members[node_id(number)]
        return MemberView(
            member.node, member.endpoint, Boot(1, 1), 0, cluster, NodeFacts(), status, 0.0
        )

    views = [
        view(0, current.cluster, MemberStatus.SUSPECTED),
        view(1, None, MemberStatus.ALIVE),
        view(2, current.cluster, MemberStatus.DEAD),
    ]
    assert live_members(current, views) == {node_id(0)}
