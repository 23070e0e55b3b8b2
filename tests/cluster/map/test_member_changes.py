from __future__ import annotations

import attrs

from cluster.identity import NodeId
from cluster.map.commands import (
    AbortTransition,
    AddMember,
    AdvanceTransition,
    BeginTransitions,
    BumpEpoch,
    MoveSlots,
    PlannedChange,
    RemoveMember,
    ReplaceMember,
    SetConfigEpoch,
    SetMemberState,
    SetReplicates,
    SetWeight,
    UnassignSlots,
    UpdateMember,
)
from cluster.map.genesis import genesis_map
from cluster.map.member_changes import MEMBERS_MAX
from cluster.map.values import (
    Claim,
    ClusterMap,
    MemberState,
    TransitionStep,
    nodes_in,
)
from cluster.membership.facts import Role
from cluster.slots import SLOT_COUNT, SlotSet
from tests.cluster.map.maps import first_map, genesis_of, member, node_id, refusal, run

A, B, C, D, E = (node_id(i) for i in range(5))
ALL_SLOTS = SlotSet.span(0, SLOT_COUNT - 1)


def with_newcomers(*numbers: int) -> ClusterMap:
    """Three members with all data, and some that hold nothing."""
    return run(first_map(3), *(AddMember(member(number)) for number in numbers))


def claimed_by_two() -> ClusterMap:
    """A and B lead a half each, C and D lead nothing."""
    halves = SlotSet.span(0, 8191), SlotSet.span(8192, 16383)
    current = first_map(2, Claim(A, halves[0]), Claim(B, halves[1]))
    return run(current, AddMember(member(2)), AddMember(member(3)))


def finished(current: ClusterMap) -> ClusterMap:
    """The map after all its transitions."""
    for number, partition in current.partitions.items():
        if partition.transition is not None:
            for step in TransitionStep:
                current = run(current, AdvanceTransition(number, step))
    return current


def holders(current: ClusterMap) -> set[NodeId]:
    """All nodes that hold a place."""
    return {node for p in current.partitions.values() for node in p.nodes()}


def test_a_new_member_is_active_and_holds_nothing() -> None:
    """Whatever the proposer says of state: a member begins with an empty page."""
    odd = attrs.evolve(
        member(3), state=MemberState.LEAVING, replicates=A, chosen_weight=3.0, config_epoch=7
    )
    current = run(first_map(3), AddMember(odd))
    assert attrs.evolve(member(3), config_epoch=7) == current.members[D]
    assert not current.partitions_with(D)
    assert current.epoch == run(current, AddMember(member(3, "dc7"))).epoch


def test_a_removed_id_does_not_come_back() -> None:
    """Old claims about an id never hold for somebody new."""
    current = run(with_newcomers(3), RemoveMember(D))
    assert {D} == current.removed
    assert "removed" in refusal(current, AddMember(member(3)))


def test_there_is_a_limit_to_members() -> None:
    """Every node keeps the map: it is bounded."""
    current = first_map(1)
    members = {node_id(i): member(i) for i in range(MEMBERS_MAX)}
    full = attrs.evolve(current, members=members)
    assert str(MEMBERS_MAX) in refusal(full, AddMember(member(MEMBERS_MAX)))


def test_facts_change_and_choices_stay() -> None:
    """An update takes endpoint and facts, not what the map has decided."""
    current = run(first_map(2), SetWeight(A, 2.0), SetMemberState(A, MemberState.DRAINING))
    moved = attrs.evolve(member(0), rack="r5", capacity_weight=0.5)
    current = run(current, UpdateMember(moved))
    expected = attrs.evolve(moved, chosen_weight=2.0, state=MemberState.DRAINING)
    assert expected == current.members[A]
    assert current.epoch == run(current, UpdateMember(moved)).epoch
    assert "not a member" in refusal(current, UpdateMember(member(8)))


def test_a_chosen_weight_is_taken_back_by_zero() -> None:
    """Zero leaves the weight to the member again."""
    current = run(first_map(2), SetWeight(A, 2.0))
    assert current.members[A].weight == 2.0
    assert run(current, SetWeight(A, 0.0)).members[A].weight == 1.0


def test_only_members_that_hold_nothing_are_removed() -> None:
    """Places are moved away first; the last member stays."""
    current = with_newcomers(3)
    assert "128 partitions" in refusal(current, RemoveMember(A))
    assert D not in run(current, RemoveMember(D)).members
    assert "not a member" in refusal(current, RemoveMember(E))
    alone = run(first_map(1), UnassignSlots(ALL_SLOTS))
    assert "last" in refusal(alone, RemoveMember(A))


def test_a_member_that_is_about_to_hold_something_is_not_removed() -> None:
    """Both ends of a transition count."""
    current = with_newcomers(3)
    current = run(current, BeginTransitions((PlannedChange(0, (("dc1", (D,)),)),), current.epoch))
    assert "1 partitions" in refusal(current, RemoveMember(D))
    assert D not in run(current, AbortTransition(0), RemoveMember(D)).members


def test_a_replacement_takes_all_places() -> None:
    """Same places, as transitions; the replaced one leaves and is removed when it is empty."""
    current = run(with_newcomers(3), ReplaceMember(A, D))
    assert current.members[A].state == MemberState.LEAVING
    for partition in current.partitions.values():
        places = {node: D if node == A else node for node in nodes_in(partition.placements)}
        assert tuple(places.values()) == nodes_in(partition.target)
    done = finished(current)
    assert {B, C, D} == holders(done)
    assert A not in run(done, RemoveMember(A)).members


def test_a_replacement_that_has_places_keeps_one_each() -> None:
    """In a list that has both, the new one stands where the old one was."""
    current = finished(run(first_map(3), ReplaceMember(A, B)))
    assert {B, C} == holders(current)
    current.check_invariants()


def test_a_replacement_must_fit() -> None:
    """Another active member of the same datacenter that stores data, and nothing moving."""
    current = run(
        with_newcomers(3),
        AddMember(member(4, "dc2")),
        AddMember(member(5, roles=Role.COORDINATOR)),
    )
    assert "its own" in refusal(current, ReplaceMember(A, A))
    assert "in dc2" in refusal(current, ReplaceMember(A, E))
    assert "does not store" in refusal(current, ReplaceMember(A, node_id(5)))
    moving = run(current, BeginTransitions((PlannedChange(0, (("dc1", (B,)),)),), current.epoch))
    assert "moving" in refusal(moving, ReplaceMember(A, D))
    drained = run(current, SetMemberState(D, MemberState.DRAINING))
    assert "draining" in refusal(drained, ReplaceMember(A, D))


def test_followers_follow_the_replacement() -> None:
    """Who replicated the old one replicates the new one; the new one follows nobody."""
    current = run(claimed_by_two(), SetReplicates(C, A), SetReplicates(D, A))
    current = run(current, ReplaceMember(A, D))
    assert tuple(current.members[node].replicates for node in (C, D, A)) == (D, None, None)
    assert {D} == {p.target[0][1][0] for p in current.partitions_led_by(A)}


def test_config_epochs_are_kept_apart() -> None:
    """No two members are given the same one; zero is nobody's."""
    current = run(first_map(2), SetConfigEpoch(A, 3))
    assert "3" in refusal(current, SetConfigEpoch(B, 3))
    assert run(current, SetConfigEpoch(A, 0), SetConfigEpoch(B, 0)).members[B].config_epoch == 0


def test_the_greatest_config_epoch_cannot_be_passed() -> None:
    """A member that claims the greatest number there is does not break the others."""
    current = run(first_map(2), SetConfigEpoch(A, 2**63 - 1))
    assert "no greater" in refusal(current, BumpEpoch(B))


def followed(current: ClusterMap, node: NodeId) -> set[int]:
    """The partitions in which a node is a replica."""
    return {partition.number for partition in current.partitions_with(node)}


def led(current: ClusterMap, node: NodeId) -> set[int]:
    """The partitions that a node leads."""
    return {partition.number for partition in current.partitions_led_by(node)}


def test_a_follower_has_a_place_in_all_that_its_master_leads() -> None:
    """It is the last of each list, and changes sides completely."""
    current = run(claimed_by_two(), SetReplicates(C, A))
    assert current.members[C].replicates == A
    assert led(current, A) == followed(current, C)
    assert all(p.replicas("dc1")[-1] == C for p in current.partitions_led_by(A))
    current = run(current, SetReplicates(C, B))
    assert led(current, B) == followed(current, C)
    current = run(current, SetReplicates(C, None))
    assert not followed(current, C)
    assert current.epoch == run(current, SetReplicates(C, None)).epoch


def test_who_may_follow_whom() -> None:
    """Nobody follows itself, a follower, or anybody while it leads or is followed."""
    current = run(claimed_by_two(), SetReplicates(C, A))
    assert "itself" in refusal(current, SetReplicates(D, D))
    assert "follows another" in refusal(current, SetReplicates(D, C))
    assert "leads" in refusal(current, SetReplicates(B, A))
    emptied = run(current, UnassignSlots(SlotSet.span(0, 8191)))
    assert f"follow {A}" in refusal(emptied, SetReplicates(A, B))
    assert "not a member" in refusal(current, SetReplicates(D, node_id(9)))
    moving = run(
        current,
        BeginTransitions(
            (PlannedChange(min(led(current, B)), (("dc1", (D, B)),)),), current.epoch
        ),
    )
    assert "leads" in refusal(moving, SetReplicates(D, A))
    assert "moving" in refusal(moving, SetReplicates(C, B))


def test_following_never_makes_a_leader() -> None:
    """A follower at home of a partition led elsewhere would be the first at home."""
    claim = Claim(node_id(9), SlotSet.span(0, 99))
    members = [member(0, "dc1"), member(1, "dc1"), member(9, "dc2")]
    current = genesis_map(genesis_of(members, claim))
    assert "would lead" in refusal(current, SetReplicates(A, node_id(9)))


def test_followers_of_a_removed_member_follow_nobody() -> None:
    """The name of a master that is gone stands nowhere."""
    current = run(with_newcomers(3, 4), SetReplicates(E, D), RemoveMember(D))
    assert current.members[E].replicates is None


def test_a_follower_that_is_given_slots_follows_nobody() -> None:
    """Who leads is a master, in the eyes of Redis clients too."""
    current = run(claimed_by_two(), SetReplicates(C, A), MoveSlots(SlotSet.span(0, 9), C))
    assert current.members[C].replicates is None
