from __future__ import annotations

import attrs
import pytest

from cluster.map.values import ClusterMap, Transition, TransitionStep
from cluster.map.views import SlotView
from cluster.slots import slot_of
from meridian_resp.errors import CommandError
from meridian_resp.server.routing import (
    CLUSTER_DOWN,
    HERE,
    NOT_SERVED,
    Decision,
    Elsewhere,
    Nowhere,
    Routing,
    common_slot,
    slot_frozen,
    slot_held,
)
from tests.harness.fake_cluster import gossip_endpoint, map_of, node_id


def going_by(cluster_map: ClusterMap | None) -> Routing:
    """Node 1's view of a map."""
    routing = Routing()
    view = None if cluster_map is None else SlotView(cluster_map)
    routing.change_map(node_id(1), cluster_map, view)
    return routing


def decide(routing: Routing, slot: int, *, adds_keys: bool = False) -> Decision:
    """Where a request belongs."""
    return routing.decide(slot, adds_keys=adds_keys)


def with_epoch(cluster_map: ClusterMap, slot: int, epoch: int) -> ClusterMap:
    """The next map, in which the partition of a slot has this epoch."""
    number = SlotView(cluster_map).partition_of[slot]
    assert number is not None
    changed = attrs.evolve(cluster_map.partitions[number], epoch=epoch)
    partitions = {**cluster_map.partitions, number: changed}
    return attrs.evolve(cluster_map, epoch=epoch, partitions=partitions)


def handing_over(step: TransitionStep) -> ClusterMap:
    """A map in which node 1 is about to give its slots 0 to 99 to node 2."""
    made = map_of({1: "0-99", 2: "100-199"})
    old, new = (("dc1", (node_id(1),)),), (("dc1", (node_id(2),)),)
    partition = attrs.evolve(made.partitions[1], transition=Transition(step, old, new, 1))
    return attrs.evolve(made, partitions={**made.partitions, 1: partition})


def test_slots_are_here_elsewhere_or_nowhere() -> None:
    """By the leader in the map."""
    routing = going_by(map_of({1: "0-99", 2: "100-199"}, epoch=4))
    assert routing.epoch == 4
    assert [routing.here[slot] for slot in (0, 99, 100, 200)] == [True, True, False, False]
    assert decide(routing, 99) is HERE
    other = Elsewhere(100, node_id(2), gossip_endpoint(2), 7002)
    assert decide(routing, 100) == other
    assert other.moved == "MOVED 100 127.0.0.1:7002"
    assert decide(routing, 200) == Nowhere(NOT_SERVED)
    assert len(routing.own_slots) == 100


def test_without_a_map_nothing_is_served() -> None:
    """Also after there was one; the list that dispatch reads stays the same."""
    routing = going_by(map_of({1: "0-16383"}))
    here = routing.here
    assert all(here)
    routing.change_map(node_id(1), None, None)
    assert routing.here is here and not any(here)
    assert decide(routing, 5, adds_keys=True) == Nowhere(NOT_SERVED)
    assert len(routing.own_slots) == 0
    assert decide(Routing(), 5) == Nowhere(NOT_SERVED)


def test_coverage_can_be_required() -> None:
    """Then gaps stop everything; a slot of nobody's is named as that first."""
    routing = going_by(map_of({1: "0-99", 2: "100-199"}))
    routing.require_coverage(True)
    assert not any(routing.here)
    assert decide(routing, 5) == decide(routing, 100) == Nowhere(CLUSTER_DOWN)
    assert decide(routing, 200) == Nowhere(NOT_SERVED)
    routing.require_coverage(False)
    assert decide(routing, 5) is HERE and routing.here[5]
    whole = going_by(map_of({1: "0-99", 2: "100-16383"}))
    whole.require_coverage(True)
    assert decide(whole, 5) is HERE and whole.here[5]


def test_no_key_is_added_to_a_slot_that_is_handed_over() -> None:
    """Only while the step is STREAM; what adds none goes on."""
    for step in TransitionStep:
        if step >= TransitionStep.READ_NEW:
            continue
        routing = going_by(handing_over(step))
        is_held = step is TransitionStep.STREAM
        expected = Nowhere(slot_held(5)) if is_held else HERE
        assert decide(routing, 5, adds_keys=True) == expected
        assert decide(routing, 5) is HERE
        assert routing.here[5] is not is_held
        assert isinstance(decide(routing, 100, adds_keys=True), Elsewhere)


def test_slots_are_held_back_until_the_map_settles_the_matter() -> None:
    """Whoever asks how many keys there are wants that none is added meanwhile."""
    current = map_of({1: "0-99", 2: "100-199"})
    routing = going_by(current)
    routing.hold([5, 6], current.epoch)
    assert not routing.here[5] and routing.here[7]
    assert decide(routing, 5, adds_keys=True) == Nowhere(slot_held(5))
    assert decide(routing, 5) is HERE and not routing.here[5]
    settled = with_epoch(current, 5, current.epoch + 1)
    routing.change_map(node_id(1), settled, SlotView(settled))
    assert routing.here[5] and decide(routing, 5, adds_keys=True) is HERE


def test_a_slot_that_was_given_away_is_not_held_when_it_comes_back() -> None:
    """The matter was settled when it went."""
    current = map_of({1: "0-99", 2: "100-199"})
    routing = going_by(current)
    routing.hold([6], current.epoch)
    given = map_of({1: "0-5 7-99", 2: "6 100-199"})
    routing.change_map(node_id(1), given, SlotView(given))
    routing.change_map(node_id(1), current, SlotView(current))
    assert routing.here[6] and decide(routing, 6, adds_keys=True) is HERE


def test_a_map_about_something_else_ended_a_hold() -> None:
    """A key came in before the slot was given away, and was acknowledged, and nobody's."""
    current = map_of({1: "0-99", 2: "100-199"})
    routing = going_by(current)
    routing.hold([5], current.epoch)
    newer = attrs.evolve(current, epoch=current.epoch + 1, settings={"a": "b"})
    routing.change_map(node_id(1), newer, SlotView(newer))
    assert decide(routing, 5, adds_keys=True) == Nowhere(slot_held(5))
    routing.change_map(node_id(1), None, None)
    routing.change_map(node_id(1), newer, SlotView(newer))
    assert decide(routing, 5, adds_keys=True) is HERE


def test_a_hold_that_ends_does_not_lift_the_transition() -> None:
    """Each has its own reason."""
    moving = handing_over(TransitionStep.STREAM)
    routing = going_by(moving)
    routing.hold([5], moving.epoch)
    settled = with_epoch(moving, 5, moving.epoch + 1)
    routing.change_map(node_id(1), settled, SlotView(settled))
    assert decide(routing, 5, adds_keys=True) == Nowhere(slot_held(5))
    assert not routing.here[5]


def test_a_frozen_cluster_takes_no_new_keys() -> None:
    """It reads and deletes until it dissolves."""
    routing = going_by(attrs.evolve(map_of({1: "0-99", 2: ""}), is_frozen=True))
    assert not any(routing.here)
    assert decide(routing, 5) is HERE
    assert decide(routing, 5, adds_keys=True) == Nowhere(slot_frozen(5))


def test_keys_have_one_slot_or_are_refused() -> None:
    """Hash tags count; no keys have none."""
    assert common_slot([]) is None
    assert common_slot([b"a"]) == slot_of(b"a")
    assert common_slot([b"{a}1", b"{a}2", b"a"]) == slot_of(b"a")
    with pytest.raises(CommandError, match="CROSSSLOT Keys in request"):
        common_slot([b"a", b"b"])
