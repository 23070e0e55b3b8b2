"""Slots are kept free of new keys from a count of 0 until the map settles the matter."""

from __future__ import annotations

import pytest
from attrs import evolve

from cluster.control import inputs, outputs
from cluster.control import requests as r
from cluster.control.holds import Holds
from cluster.control.options import ControlOptions
from cluster.identity import NodeId
from cluster.journal.records import Record, RecordKind
from cluster.map.views import SlotView
from cluster.slots import SlotSet
from cluster.wire.messages import SlotKeysReply, SlotKeysRequest
from storage.errors import CorruptionError
from tests.cluster.control.calm_world import CalmWorld, map_of
from tests.cluster.control.test_parts import parts_of
from tests.sim.cluster_world import SimulatedMachine

BY_HAND = ControlOptions(is_auto_rebalance=False)


def formed() -> CalmWorld:
    """Three nodes that agree and move nothing by themselves."""
    world = CalmWorld(3, options=BY_HAND)
    world.meet()
    return world


def some_slot(asked: SimulatedMachine, leader: SimulatedMachine) -> int:
    """A slot that a machine leads."""
    assert leader.node is not None
    return next(iter(SlotView(map_of(asked)).ranges_of(leader.node)))


def asked_for(
    world: CalmWorld, machine: SimulatedMachine, node: NodeId, slot: int
) -> list[SlotKeysReply]:
    """What a machine answers to a question for keys, with a hold."""
    assert machine.process is not None
    event = inputs.MessageReceived(
        node, world.machines[0].port.endpoint, SlotKeysRequest(9, [(slot, slot)], is_hold=True)
    )
    machine.process.plane.handle(event, world.world.local(machine))
    taken = machine.process.plane.take()
    for output in taken:
        machine.process.plane._parts.put(output)
    sent = [o.message for o in taken if isinstance(o, outputs.SendMessage)]
    return [message for message in sent if isinstance(message, SlotKeysReply)]


def test_a_count_of_nothing_is_told_when_the_hold_is_durable() -> None:
    """Before that a crash would end the hold, and the asker would go by it."""
    world = formed()
    asker, leader = world.machines[:2]
    slot = some_slot(asker, leader)
    assert asker.node is not None
    assert asked_for(world, leader, asker.node, slot) == []
    assert slot in leader.data.held
    world.run(0.2)
    world.world.crash(leader, "dropped")
    leader.data.held.clear()
    world.world.start(leader)
    assert slot in leader.data.held


def test_slots_with_keys_are_not_held() -> None:
    """They stay where they are, so nothing has to be kept out."""
    world = formed()
    asker, leader = world.machines[:2]
    slot = some_slot(asker, leader)
    leader.data.keys[slot] = 2
    assert asker.node is not None
    replies = asked_for(world, leader, asker.node, slot)
    assert [reply.keys for reply in replies] == [2]
    assert not leader.data.held


def test_who_does_not_lead_a_slot_says_so() -> None:
    """A count of nothing of a former leader says nothing about the present one's keys."""
    world = formed()
    asker, leader, other = world.machines
    slot = some_slot(asker, leader)
    assert asker.node is not None
    assert [reply.keys for reply in asked_for(world, other, asker.node, slot)] == [-1]


def test_a_move_ends_the_hold_and_so_does_a_fence_when_nothing_comes() -> None:
    """Until then new keys are refused, however long it takes."""
    world = formed()
    asker, leader, target = world.machines
    slot = some_slot(asker, leader)
    assert target.node is not None and asker.node is not None
    world.must(asker, r.MoveSlots(SlotSet.of([slot]), target.node))
    world.run(1.0)
    assert parts_of(leader).options.write_hold_s > 5
    assert not leader.data.held_now(map_of(leader), leader.node)
    second = some_slot(asker, leader)
    asked_for(world, leader, asker.node, second)
    epoch = map_of(leader).epoch
    world.run(parts_of(leader).options.write_hold_s - 1)
    assert map_of(leader).epoch == epoch
    assert leader.data.held_now(map_of(leader), leader.node) == {second}
    world.run(3.0)
    assert map_of(leader).epoch == epoch + 1
    assert not leader.data.held_now(map_of(leader), leader.node)


def test_a_leader_that_is_cut_off_goes_on_holding() -> None:
    """It can't know whether the move was committed, so no time may end it."""
    world = formed()
    asker, leader, target = world.machines
    slot = some_slot(asker, leader)
    assert asker.node is not None and target.node is not None
    asked_for(world, leader, asker.node, slot)
    world.run(0.2)
    world.network.divide({leader.port.number})
    world.run(60.0)
    assert leader.data.held_now(map_of(leader), leader.node) == {slot}
    world.network.heal()
    world.run_until(lambda: not leader.data.held_now(map_of(leader), leader.node), 120.0)


def test_a_damaged_record_is_not_taken_for_a_hold() -> None:
    """The journal is checksummed: this can only be a defect, and is named as one."""
    parts = parts_of(CalmWorld(1).machines[0])
    for payload in (b"\xc1", b"\x93\x01\x91\x92\x05\x04\x01"):
        with pytest.raises(CorruptionError, match="held"):
            Holds(parts, [Record(RecordKind.SLOTS_HELD, payload)], 0.0)


def test_holds_outlive_a_rewritten_journal() -> None:
    """They are among the records that the plane keeps."""
    world = CalmWorld(3, options=evolve(BY_HAND, journal_rewrite_bytes=1000))
    world.meet()
    asker, leader = world.machines[:2]
    slot = some_slot(asker, leader)
    assert asker.node is not None
    asked_for(world, leader, asker.node, slot)
    for number in range(20):
        world.must(asker, r.SetSetting("color", "x" * 200 + str(number)))
    world.world.crash(leader, "dropped")
    leader.data.held.clear()
    world.world.start(leader)
    assert slot in leader.data.held
