from __future__ import annotations

from attrs import evolve

from cluster.membership.events import SendPacket
from cluster.membership.messages import (
    Ack,
    Alive,
    IndirectPing,
    MemberStatus,
    Nack,
    Ping,
    Suspect,
)
from cluster.membership.options import SwimOptions
from tests.cluster.membership.lone_node import OWN, PEERS, LoneNode, alive, at, endpoint_of

A, B, C = PEERS[:3]


def first_ping(node: LoneNode) -> Ping:
    """Let time pass until a ping was sent, and return it."""
    node.forget()
    while not (pings := [ping for _, ping, is_stream in node.sent(Ping) if not is_stream]):
        node.pass_time(0.01)
    return pings[0]


def test_a_ping_is_answered_in_the_way_it_came() -> None:
    """By datagram or stream, with its number; one for somebody else is not answered."""
    node = LoneNode(1)
    for is_stream in (False, True):
        node.forget()
        node.hear(A, Ping(9, OWN), is_stream=is_stream)
        assert list(node.sent(Ack)) == [(endpoint_of(A), Ack(9), is_stream)]
    node.forget()
    node.hear(A, Ping(9, B))
    assert list(node.sent(Ack)) == []


def in_the_answer(node: LoneNode) -> list[Alive]:
    """What the datagram that holds an Ack says of who lives."""
    (answer,) = (s.packet for s in node.told(SendPacket) if Ack(9) in s.packet.messages)
    return [message for message in answer.messages if isinstance(message, Alive)]


def test_the_answer_refutes_what_came_with_the_ping() -> None:
    """It was sent before the suspicion was looked at, and the refutation went to chance."""
    node = LoneNode(3)
    node.pass_time(5.0)
    node.forget()
    node.hear(A, Ping(9, OWN), Suspect(OWN, at(2, 0), B))
    assert {(word.node, word.incarnation) for word in in_the_answer(node)} == {(OWN, 1)}


def test_an_accuser_who_missed_the_refutation_is_told_again() -> None:
    """The stale suspicion was ignored, so its holder went on to hold us dead."""
    node = LoneNode(3)
    node.hear(C, Suspect(OWN, at(2, 0), B))
    node.pass_time(5.0)
    node.forget()
    node.hear(A, Ping(9, OWN), Suspect(OWN, at(2, 0), B))
    assert [(word.node, word.incarnation) for word in in_the_answer(node)] == [(OWN, 1)]


def test_the_answer_corrects_what_is_known_better() -> None:
    """A refutation that the asker missed comes from whom it asks; nothing that is not newer."""
    node = LoneNode(3)
    node.hear(B, alive(B, 4), alive(C, 4))
    node.pass_time(5.0)
    node.forget()
    node.hear(A, Ping(9, OWN), Suspect(B, at(1, 3), C), Suspect(C, at(1, 4), B))
    assert [(word.node, word.incarnation) for word in in_the_answer(node)] == [(B, 4)]


def test_answers_with_corrections_fit_into_a_datagram() -> None:
    """Whatever the accused have to say about themselves."""
    node = LoneNode(6)
    long = evolve(alive(B).facts, datacenter="d" * 64, rack="r" * 64, machine="m" * 64)
    for peer in PEERS[1:]:
        node.hear(peer, evolve(alive(peer, 4), facts=long))
    stale = [Suspect(peer, at(1, 0), A) for peer in PEERS[1:]]
    node.forget()
    node.hear(A, Ping(9, OWN), *stale)
    options = SwimOptions()
    (sent,) = (s for s in node.told(SendPacket) if Ack(9) in s.packet.messages)
    assert sent.size_bytes <= options.packet_bytes_max - options.packet_reserve_bytes
    assert len(in_the_answer(node)) >= 3


def test_an_answered_probe_is_the_end_of_it() -> None:
    """Nobody else is asked, and local health gets better."""
    node = LoneNode(4)
    node.core._local.awareness.apply(1)
    ping = first_ping(node)
    node.hear(ping.target, Ack(ping.sequence))
    assert node.core.statistics().awareness == 0
    node.pass_time(0.7)
    assert list(node.sent(IndirectPing)) == []


def test_without_an_answer_three_others_and_the_stream_are_tried() -> None:
    """After half a second; after the whole one the target is suspected."""
    node = LoneNode(6)
    ping = first_ping(node)
    node.pass_time(0.51)
    asked = list(node.sent(IndirectPing))
    assert len({endpoint for endpoint, _, _ in asked}) == 3
    assert {(m.sequence, m.target) for _, m, _ in asked} == {(ping.sequence, ping.target)}
    assert [e for e, _, is_stream in node.sent(Ping) if is_stream] == [endpoint_of(ping.target)]
    assert node.status(ping.target) is MemberStatus.ALIVE
    node.pass_time(0.5)
    assert node.status(ping.target) is MemberStatus.SUSPECTED


def test_missing_nacks_are_held_against_oneself() -> None:
    """Three silent relays cost three points of local health; three that complain none."""
    for nacks, expected in ((0, 3), (3, 0)):
        node = LoneNode(6)
        ping = first_ping(node)
        node.pass_time(0.51)
        for _ in range(nacks):
            node.hear(A, Nack(ping.sequence))
        node.pass_time(0.5)
        assert node.core.statistics().awareness == expected


def test_a_slow_node_probes_less_and_waits_longer() -> None:
    """Interval and timeout are multiplied by the score plus one."""
    node = LoneNode(6)
    node.core._local.awareness.apply(3)
    ping = first_ping(node)
    node.pass_time(1.9)
    assert list(node.sent(IndirectPing)) == []
    node.pass_time(0.2)
    assert list(node.sent(IndirectPing)) != []
    assert len({p.sequence for _, p, _ in node.sent(Ping)}) == 1
    node.pass_time(1.9)
    assert node.status(ping.target) is MemberStatus.SUSPECTED


def test_a_suspect_hears_of_it_with_the_ping() -> None:
    """The buddy system: the accusation goes along, so that the answer can refute it."""
    node = LoneNode(1)
    node.hear(B, Suspect(A, at(1, 0), B))
    node.pass_time(0.5)
    ping = first_ping(node)
    assert ping.target == A
    assert Suspect(A, at(1, 0), OWN) in [m for _, m, _ in node.sent(Suspect)]


def test_a_relay_passes_answers_on_and_complains_in_time() -> None:
    """With the asker's number; a Nack comes after 0.4 s, before the asker gives up."""
    for is_answered in (True, False):
        node = LoneNode(2)
        node.hear(A, IndirectPing(77, B, endpoint_of(B)))
        (_, ping, _) = next(node.sent(Ping))
        assert ping.target == B
        node.hear(A, Ack(ping.sequence))  # only the target's answer counts
        if is_answered:
            node.hear(B, Ack(ping.sequence))
        node.pass_time(0.41)
        acks = [m for e, m, _ in node.sent(Ack) if e == endpoint_of(A)]
        assert acks == ([Ack(77)] if is_answered else [])
        assert [m for _, m, _ in node.sent(Nack)] == ([] if is_answered else [Nack(77)])
        node.hear(B, Ack(ping.sequence))
        assert [m for _, m, _ in node.sent(Ack)] == [Ack(77)], "late answers are passed on too"


def test_a_pause_of_this_process_convicts_nobody() -> None:
    """After a minute of standing still the open probe goes on where it was."""
    node = LoneNode(6)
    ping = first_ping(node)
    node.now += 60.0
    node.pass_time(0.01)
    assert node.status(ping.target) is MemberStatus.ALIVE
    assert node.core.statistics().awareness == 1
    assert node.core.statistics().paused_s > 58
    node.hear(ping.target, Ack(ping.sequence))
    node.pass_time(0.4)
    assert node.status(ping.target) is MemberStatus.ALIVE
