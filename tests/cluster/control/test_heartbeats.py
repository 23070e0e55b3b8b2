"""Heartbeats: who is sent one, who is watched, and what silence and pauses do to phi."""

from __future__ import annotations

from random import Random

from attrs import evolve

from cluster.control.heartbeats import Heartbeats
from cluster.identity import Boot, Endpoint, NodeId, new_id
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import MemberStatus
from cluster.membership.phi import Level, PhiOptions

NODES = sorted(NodeId(new_id(Random(seed))) for seed in range(4))
OWN = NODES[0]


def view(node: NodeId, status: MemberStatus = MemberStatus.ALIVE) -> MemberView:
    """A member as membership shows it."""
    endpoint = Endpoint(f"10.0.0.{NODES.index(node) + 1}", 7400)
    return MemberView(node, endpoint, Boot(1, 7), 0, None, NodeFacts(), status, 0.0)


def started(*statuses: MemberStatus) -> Heartbeats:
    """Heartbeats of the first node, which sees the others in these states."""
    made = Heartbeats(OWN, PhiOptions(), 0.0)
    others = [view(node, status) for node, status in zip(NODES[1:], statuses, strict=False)]
    made.set_members([view(OWN), *others], (), 0.0)
    return made


def run(heartbeats: Heartbeats, start: float, end: float, *heard: NodeId) -> int:
    """Let time pass, with a heartbeat of these nodes each second; how many were sent."""
    sent, now, second = 0, start, start
    while now < end:
        now = min(heartbeats.deadline(), end)
        if now - second >= 1.0:
            second += 1.0
            for node in heard:
                heartbeats.heard(node, second)
        sent += len(heartbeats.on_deadline(now))
    return sent


def test_everybody_but_who_left_gets_one_each_second() -> None:
    """Dead nodes are sent to as well: they may be back. Who left is not."""
    heartbeats = started(MemberStatus.ALIVE, MemberStatus.DEAD, MemberStatus.LEFT)
    assert 20 <= run(heartbeats, 0.0, 10.0) <= 22
    assert set(heartbeats.readings(10.0)) == {NODES[1], NODES[2]}


def test_silence_raises_phi_of_the_silent_node_only() -> None:
    """Eight seconds without a heartbeat are death, while the other one goes on."""
    heartbeats = started(MemberStatus.ALIVE, MemberStatus.ALIVE)
    run(heartbeats, 0.0, 20.0, NODES[1], NODES[2])
    run(heartbeats, 20.0, 28.0, NODES[1])
    readings = heartbeats.readings(28.0)
    assert readings[NODES[1]].level is Level.ALIVE
    assert readings[NODES[2]].level is Level.DEAD
    assert readings[NODES[2]].age_s >= 7.9


def test_nobody_is_dead_right_after_a_pause_of_this_process() -> None:
    """Who slept for a minute has heard from nobody, which proves nothing."""
    heartbeats = started(MemberStatus.ALIVE)
    run(heartbeats, 0.0, 20.0, NODES[1])
    heartbeats.on_deadline(80.0)
    assert heartbeats.readings(80.0)[NODES[1]].level is Level.SUSPECTED


def test_who_is_forgotten_is_not_watched_and_begins_anew_when_back() -> None:
    """An old silence is not held against a node that returns."""
    heartbeats = started(MemberStatus.ALIVE)
    heartbeats.set_members([view(OWN)], (), 50.0)
    assert heartbeats.readings(50.0) == {}
    heartbeats.heard(NODES[1], 51.0)
    back = evolve(view(NODES[1]), boot=Boot(2, 9))
    heartbeats.set_members([view(OWN), back], (), 100.0)
    assert heartbeats.readings(100.0)[NODES[1]].level is Level.ALIVE
