"""What the parts of the plane share: outputs in order, counts, and where nodes are."""

from __future__ import annotations

import logging

from cluster.control import outputs
from cluster.control import requests as r
from cluster.control.parts import SENT_AWAY, Parts, was_sent_away
from cluster.identity import Endpoint, NodeId
from cluster.journal.records import Record, RecordKind
from cluster.wire.messages import MapRequest
from tests.cluster.control.calm_world import CalmWorld
from tests.sim.cluster_world import SimulatedMachine


def parts_of(machine: SimulatedMachine) -> Parts:
    """The shared parts of a running plane."""
    assert machine.process is not None
    return machine.process.plane._parts


def test_what_is_said_comes_out_in_order() -> None:
    """Messages, answers and notices share one list."""
    parts = parts_of(CalmWorld(1).machines[0])
    parts.outputs.clear()
    endpoint, message = Endpoint("h", 1), MapRequest(b"", 0)
    parts.send(endpoint, message)
    parts.answer(3, r.Done())
    parts.notice(logging.INFO, "text")
    assert parts.outputs == [
        outputs.SendMessage(endpoint, message),
        outputs.Answered(3, r.Done()),
        outputs.Notice(logging.INFO, "text"),
    ]
    parts.count("a")
    parts.count("a")
    assert parts.counts == {"a": 2}


def test_a_node_is_where_membership_says_or_else_where_the_map_does() -> None:
    """A member that nobody has heard of yet can be reached by the map; a stranger can't."""
    world = CalmWorld(3)
    world.meet()
    asked, other = world.machines[0], world.machines[1]
    parts = parts_of(asked)
    assert other.node is not None
    assert parts.endpoint_of(other.node) == other.port.endpoint
    for machine in world.machines:
        world.world.crash(machine, "dropped")
    world.world.start(asked)
    parts = parts_of(asked)
    assert parts.swim.member(other.node) is None
    assert parts.endpoint_of(other.node) == other.port.endpoint
    assert parts.endpoint_of(NodeId("00000000-0000-4000-8000-000000000000")) is None
    assert [member.node for member in parts.live_members()] == [asked.node]


def test_a_removal_counted_again_after_the_node_was_a_member_elsewhere() -> None:
    """Its record stays in the journal until that is written anew; what follows it decides."""
    adopted = Record(RecordKind.CLUSTER_ADOPTED, bytes(16))
    left = Record(RecordKind.CLUSTER_LEFT, bytes(16))
    assert was_sent_away([adopted, SENT_AWAY])
    assert was_sent_away([SENT_AWAY])
    assert not was_sent_away([SENT_AWAY, adopted, left])
    assert not was_sent_away([adopted, left])


def test_an_invited_node_that_restarted_before_it_was_in_heard_nobody_any_more() -> None:
    """It has accepted a genesis, so somebody has invited it since."""
    accepted = Record(RecordKind.GENESIS_ACCEPTED, b"genesis")
    assert not was_sent_away([SENT_AWAY, accepted])
    assert was_sent_away([accepted, SENT_AWAY])
