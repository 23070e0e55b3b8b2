"""What arrives is sorted by whom it concerns; garbage and uninvited packets are counted."""

from __future__ import annotations

from random import Random

from cluster.control import inputs
from cluster.control.parts import SENT_AWAY
from cluster.identity import Boot, ClusterId, Endpoint, NodeId, new_id
from cluster.membership.codec import encode_packet
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import Alive, Heartbeat, Message, Packet, SyncDigest
from cluster.wire.messages import GossipStream, KeyVersionsRequest
from tests.cluster.control.calm_world import CalmWorld

STRANGER = NodeId(new_id(Random(50)))
HOME = Endpoint("10.9.0.1", 7400)


def packet(*messages: Message, cluster: ClusterId | None = None) -> bytes:
    """A packet of a stranger."""
    return encode_packet(Packet(cluster, STRANGER, 0, messages))


def word() -> Alive:
    """A stranger's word about itself."""
    return Alive(STRANGER, HOME, Boot(1, 1), 0, None, NodeFacts())


def test_a_message_that_nobody_expects_here_is_counted() -> None:
    """Messages about data never come this way."""
    process = CalmWorld(1).machines[0].process
    assert process is not None
    event = inputs.MessageReceived(STRANGER, HOME, KeyVersionsRequest(1, 0, []))
    process.plane.handle(event, 2000.0)
    assert process.plane.statistics().counts == {"messages_unexpected": 1}


def test_a_packet_is_taken_from_datagrams_and_from_links() -> None:
    """Both make the sender known."""
    for is_stream in (False, True):
        process = CalmWorld(1).machines[0].process
        assert process is not None
        data = packet(word())
        event: inputs.Input = inputs.DatagramReceived(HOME, data)
        if is_stream:
            event = inputs.MessageReceived(STRANGER, HOME, GossipStream(data))
        process.plane.handle(event, 2000.0)
        assert STRANGER in {member.node for member in process.plane.members()}


def test_heartbeats_feed_the_detector_unless_they_are_of_another_cluster() -> None:
    """A stranger of another cluster is nobody whose silence would mean anything."""
    world = CalmWorld(3)
    world.meet()
    process = world.machines[0].process
    assert process is not None
    now = world.world.local(world.machines[0])
    process.plane.handle(inputs.DatagramReceived(HOME, packet(word())), now)
    other = ClusterId(new_id(Random(60)))
    process.plane.handle(
        inputs.DatagramReceived(HOME, packet(Heartbeat(), cluster=other)), now + 5
    )
    assert process.plane.phi(now + 5)[STRANGER].age_s == 5.0
    process.plane.handle(inputs.DatagramReceived(HOME, packet(Heartbeat())), now + 6)
    assert process.plane.phi(now + 6)[STRANGER].age_s == 0.0


def test_who_was_sent_away_hears_nobody_but_who_invites_it() -> None:
    """Rumours to the node that was here before are no invitation; a join is one."""
    world = CalmWorld(1)
    machine = world.machines[0]
    world.world._begin_anew(machine, (SENT_AWAY,))
    process = machine.process
    assert process is not None
    process.plane.handle(inputs.DatagramReceived(HOME, packet(word())), 2000.0)
    assert len(process.plane.members()) == 1
    assert process.plane.statistics().counts == {"packets_uninvited": 1}
    join = GossipStream(packet(SyncDigest(()), word()))
    process.plane.handle(inputs.MessageReceived(STRANGER, HOME, join), 2001.0)
    assert len(process.plane.members()) == 2
