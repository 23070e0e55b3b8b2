from __future__ import annotations

import attrs
import pytest

from cluster.identity import NodeId
from cluster.map.commands import AdvanceTransition, BeginTransitions, MoveSlots, PlannedChange
from cluster.map.values import (
    MapMember,
    MapPartition,
    Placements,
    Transition,
    TransitionStep,
    is_write_held,
    leader_in,
    nodes_in,
)
from cluster.slots import SlotSet
from tests.cluster.map.maps import first_map, member, node_id, run

A, B, C = (node_id(i) for i in range(3))


def test_the_home_datacenter_leads() -> None:
    """The first at home leads; with nobody at home the first of the first datacenter by name."""
    placements: Placements = (("dc1", (A,)), ("dc2", (B, C)))
    assert leader_in(placements, "dc2") == B
    assert leader_in(placements, "dc3") == A
    assert leader_in((), "dc1") is None
    assert nodes_in(placements) == (A, B, C)


def test_a_partition_knows_where_it_is_and_where_it_goes() -> None:
    """Nodes of both placements of a transition hold a place; the target is the new one."""
    old: Placements = (("dc1", (A, B)),)
    new: Placements = (("dc1", (C, B)),)
    partition = MapPartition(3, SlotSet.span(0, 5), old, 1)
    assert (old, frozenset({A, B})) == (partition.target, partition.nodes())
    moving = attrs.evolve(partition, transition=Transition(TransitionStep.STREAM, old, new, 1))
    assert (new, frozenset({A, B, C})) == (moving.target, moving.nodes())
    assert (moving.leader("dc1"), moving.replicas("dc1"), moving.replicas("dc2")) == (
        A,
        (A, B),
        (),
    )


def test_only_a_leader_about_to_change_holds_writes_and_only_at_stream() -> None:
    """Keys are counted at STREAM, so that count must not grow there; else nothing is held."""
    current = first_map(3)
    leader = current.leader_of(0)
    assert leader is not None
    replicas = current.partitions[0].replicas("dc1")
    change = PlannedChange(0, (("dc1", tuple(reversed(replicas))),))
    current = run(current, BeginTransitions((change,), current.epoch))
    held = []
    for step in TransitionStep:
        held.append(is_write_held(current.partitions[0], "dc1"))
        current = run(current, AdvanceTransition(0, step))
    assert held == [False, False, True, False, False]
    assert not is_write_held(current.partitions[0], "dc1")
    same = PlannedChange(0, (("dc1", current.partitions[0].replicas("dc1")[:2]),))
    current = run(current, BeginTransitions((same,), current.epoch))
    for step in (TransitionStep.ALLOW_BOTH, TransitionStep.WRITE_BOTH):
        current = run(current, AdvanceTransition(0, step))
    assert not is_write_held(current.partitions[0], "dc1")


def test_a_weight_chosen_by_hand_holds() -> None:
    """A member's own word counts until an operator says otherwise; both in thousandths."""
    light = member(0, weight=0.50049)
    assert 0.5 == light.weight == light.capacity_weight
    assert attrs.evolve(light, chosen_weight=3.0).weight == 3.0
    with pytest.raises(ValueError, match="capacity_weight"):
        attrs.evolve(light, capacity_weight=0.0)


def test_facts_are_taken_over_and_the_rest_stays() -> None:
    """What the map decides about a member is not overwritten by what the member says."""
    known = attrs.evolve(member(0), config_epoch=4, chosen_weight=2.0)
    told = attrs.evolve(member(0), rack="r9", client_port=9999, config_epoch=1)
    merged = known.with_facts_of(told)
    assert (
        merged.rack,
        merged.client_port,
        merged.config_epoch,
        merged.chosen_weight,
    ) == ("r9", 9999, 4, 2.0)


def test_what_a_map_says_of_nodes() -> None:
    """Led partitions and places are found by node; followers hold maps without results."""
    current = run(first_map(2), MoveSlots(SlotSet.span(0, 0), A))
    led = current.partitions_led_by(A)
    assert all(current.leader_of(partition.number) == A for partition in led)
    assert len(current.partitions) == len(current.partitions_with(B))
    assert current.leader_of(16383) is None
    assert not current.published().results


def test_flaws_of_a_map_are_found() -> None:
    """Each field that breaks an invariant is named."""
    current = first_map(2)
    assert list(current.flaws()) == []
    for broken in (
        attrs.evolve(current, epoch=0),
        attrs.evolve(current, members={}, partitions={}),
        attrs.evolve(current, replicas=0),
        attrs.evolve(current, removed=frozenset({A})),
        attrs.evolve(current, dissolved_into=current.cluster),
    ):
        assert list(broken.flaws())


def with_partition(**broken: object) -> list[str]:
    """The flaws of a map with a broken partition 0."""
    current = first_map(2)
    fields = attrs.asdict(current.partitions[0], recurse=False) | broken
    partitions = {**current.partitions, 0: MapPartition(**fields)}
    return list(attrs.evolve(current, partitions=partitions).flaws())


def test_flaws_of_partitions_are_found() -> None:
    """Slots of others, places of strangers, nodes twice, disorder, moves that do not fit."""
    stranger: Placements = (("dc1", (NodeId("stranger"),)),)
    assert with_partition(slots=SlotSet())
    assert with_partition(slots=SlotSet.span(0, 300))
    assert with_partition(placements=())
    assert with_partition(placements=stranger)
    assert with_partition(placements=(("dc1", (A, A)),))
    assert with_partition(placements=(("dc2", (A,)), ("dc1", (B,))))
    assert with_partition(placements=(("dc1", ()),))
    assert with_partition(epoch=9)
    new: Placements = (("dc1", (B,)),)
    assert with_partition(transition=Transition(TransitionStep.STREAM, new, stranger, 1))
    assert with_partition(transition=Transition(TransitionStep.STREAM, new, new, 1))


def test_flaws_of_followers_are_found() -> None:
    """Who follows leads nothing, and nobody follows a follower or a stranger."""
    current = first_map(2)

    def following(**masters: NodeId) -> list[str]:
        members: dict[NodeId, MapMember] = dict(current.members)
        for name, master in masters.items():
            node = {"a": A, "b": B}[name]
            members[node] = attrs.evolve(members[node], replicates=master)
        return list(attrs.evolve(current, members=members, partitions={}).flaws())

    assert not following(a=B)
    assert following(a=B, b=A)
    assert following(a=C)
    members = {**current.members, A: attrs.evolve(current.members[A], replicates=B)}
    assert list(attrs.evolve(current, members=members).flaws())
