"""Changes that somebody asked for: answers, inquiries and refusals."""

from __future__ import annotations

from cluster.control import inputs, outputs
from cluster.control import requests as r
from cluster.identity import Endpoint, NodeId
from cluster.slots import SLOT_COUNT, SlotSet
from cluster.wire.messages import SlotKeysReply, SlotKeysRequest
from tests.cluster.control.calm_world import CalmWorld, map_of


def test_any_member_can_be_asked_and_answers_with_the_epoch() -> None:
    """When the answer comes, the map of whoever was asked has the change."""
    world = CalmWorld(4)
    world.meet()
    for number, machine in enumerate(world.machines):
        done = world.must(machine, r.SetSetting("color", str(number)))
        assert map_of(machine).epoch >= done.epoch
        assert map_of(machine).settings["color"] == str(number)


def test_what_the_map_rejects_is_refused_with_its_text() -> None:
    """As an error reply, ready to be shown."""
    world = CalmWorld(2)
    world.meet()
    node = world.machines[1].node
    assert node is not None
    text = world.refused(world.machines[0], r.Replicate(world.machines[0].node))
    assert text.startswith("ERR ")
    assert "already" in world.refused(world.machines[0], r.Form())


def test_a_question_for_keys_is_answered_to_members_only() -> None:
    """Neither to strangers nor about slots that do not exist."""
    world = CalmWorld(2)
    world.meet()
    asked, other = world.machines
    assert asked.process is not None and other.node is not None
    asked.data.keys[5] = 3
    plane, now = asked.process.plane, world.world.local(asked)
    stranger = NodeId("00000000-0000-4000-8000-000000000000")

    def replies(node: NodeId, ranges: list[tuple[int, int]]) -> list[SlotKeysReply]:
        message = SlotKeysRequest(9, ranges)
        plane.handle(inputs.MessageReceived(node, Endpoint("h", 1), message), now)
        sent = [o.message for o in plane.take() if isinstance(o, outputs.SendMessage)]
        return [message for message in sent if isinstance(message, SlotKeysReply)]

    assert replies(other.node, [(0, 9)]) == [SlotKeysReply(9, 3, map_of(asked).epoch)]
    assert replies(stranger, [(0, 9)]) == []
    assert replies(other.node, [(0, SLOT_COUNT)]) == []
    assert replies(other.node, [(9, 0)]) == []


def test_slots_of_nobody_can_be_given_up_and_assigned_again() -> None:
    """CLUSTER DELSLOTS takes them from their leader, ADDSLOTS gives them to who is asked."""
    world = CalmWorld(2)
    world.meet()
    slots = SlotSet.span(0, 9)
    world.must(world.machines[0], r.DelSlots(slots))
    world.must(world.machines[1], r.AddSlots(slots))
    process = world.machines[1].process
    assert process is not None and process.plane.slot_view is not None
    led = process.plane.slot_view.ranges_of(process.plane.own_id)
    assert all(slot in led for slot in slots)
