"""Who does not belong is refused by name, counted, and harms no link that is there."""

from __future__ import annotations

import logging

import pytest
from attrs import evolve

from cluster.identity import Boot, Endpoint
from cluster.transport.options import TransportOptions
from cluster.wire.frames import encode_frame
from cluster.wire.messages import GenesisCall
from tests.harness.memory_peers import (
    PeerEnd,
    PeerGroup,
    PeerNode,
    ends_of,
    joined,
    numbers,
)


@pytest.mark.parametrize(
    ("changes", "secret", "reason"),
    [
        ({"cluster_name": "other"}, b"secret", "cluster_name"),
        ({"protocol_min": 2, "protocol_max": 3}, b"secret", "version"),
        ({}, b"guess", "secret"),
    ],
)
def test_who_does_not_belong_is_refused_and_told_why(
    changes: dict[str, object], secret: bytes, reason: str
) -> None:
    """The side that refuses counts the reason, the other one that it was refused."""
    group = PeerGroup(1)
    (node,) = group.nodes
    stranger = group.add(secret=secret, **changes)
    stranger.peers.send(node.endpoint, GenesisCall(1))
    group.run()
    assert node.peers.statistics().refused == {reason: 1}
    assert stranger.peers.statistics().refused == {"by_peer": 1}
    assert stranger.failed == [(node.endpoint, f"refused: by_peer ({reason})")]
    assert node.received == [] and node.up == []
    assert ends_of(group, node.endpoint.host) == []


def test_calling_oneself_is_noticed() -> None:
    """A seed list may hold the node itself."""
    group = PeerGroup(1)
    (node,) = group.nodes
    node.peers.send(node.endpoint, GenesisCall(1))
    group.run()
    assert node.peers.statistics().refused == {"own_id": 1, "by_peer": 1}
    assert node.received == []


def test_a_second_process_with_our_id_is_refused() -> None:
    """A cloned data directory has the id, but not the nonce of this boot."""
    group = PeerGroup(1)
    (node,) = group.nodes
    clone = group.add(node=node.identity.node, boot=Boot(1, 77))
    clone.peers.send(node.endpoint, GenesisCall(1))
    group.run()
    assert node.peers.statistics().refused == {"duplicate_id": 1}


def knock(group: PeerGroup, node: PeerNode, data: bytes = b"") -> PeerEnd:
    """A stranger's connection, which has sent some bytes."""
    stranger = group.network.dial(
        group.nodes[-1].io, "10.0.0.99", node.endpoint.host, node.endpoint.port
    )
    if data:
        stranger.send(data)
    return stranger


def test_who_says_nothing_is_cut_after_five_seconds() -> None:
    """Slow strangers hold a connection for the time of a handshake only."""
    group, _, second = joined()
    knock(group, second)
    group.advance(4.0)
    assert second.peers.statistics().pending == 1
    group.advance(2.0)
    assert second.peers.statistics().pending == 0
    assert second.peers.statistics().refused == {"timeout": 1}


def test_too_many_strangers_make_room_for_younger_ones() -> None:
    """The oldest unproved connection goes, so that a real peer still comes through."""
    group, first, second = joined()
    strangers = [knock(group, second) for _ in range(group.options.pending_max)]
    group.run()
    third = group.add()
    assert third.peers.send(second.endpoint, GenesisCall(3))
    group.run()
    assert numbers(second) == [1, 3]
    assert second.peers.statistics().refused == {"too_many": 1}
    assert strangers[0].is_ended and not strangers[1].is_ended
    assert first.links[0].is_up


def test_strangers_that_have_gone_take_no_room() -> None:
    """Only connections that are there count against the bound."""
    group, _, second = joined()
    for _ in range(3 * group.options.pending_max):
        knock(group, second).close()
        group.run()
    assert second.peers.statistics().refused == {}
    assert second.peers.statistics().pending == 0


def test_above_the_bound_of_links_new_ones_are_turned_away() -> None:
    """Links that exist are not harmed."""
    group, first, second = joined(evolve(TransportOptions(), links_max=3, pending_max=2))
    third = group.add()
    for _ in range(2):
        knock(group, second)
        group.run()
    third.peers.send(second.endpoint, GenesisCall(3))
    group.run()
    assert second.peers.statistics().refused["too_many"] == 1
    assert first.links[0].is_up


def test_no_more_links_are_opened_than_the_bound() -> None:
    """Endpoints come from others: a table that is too large must not eat all sockets."""
    group, first, second = joined(evolve(TransportOptions(), links_max=3, pending_max=2))
    elsewhere = [Endpoint(f"10.9.9.{number}", 7400) for number in range(3)]
    sent = [first.peers.send(endpoint, GenesisCall(1)) for endpoint in elsewhere]
    assert sent == [True, True, False]
    assert first.peers.send(second.endpoint, GenesisCall(2))
    group.advance(1.0)
    assert first.peers.send(elsewhere[2], GenesisCall(1)), "there is room again"


def test_failing_accepts_rest_for_a_second() -> None:
    """Too many open files would be reported at once for ever."""
    group, first, _ = joined()
    first.listener.failure = OSError(24, "Too many open files")
    group.run()  # would not come to rest
    third = group.add()
    third.peers.send(first.endpoint, GenesisCall(3))
    group.run()
    assert numbers(first) == []
    group.advance(1.1)
    assert numbers(first) == [3]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00\x00\x00\x02\x00\x00\x00\x00ab", "checksum"),
        (b"\x7f\x00\x00\x00\x00\x00\x00\x00", "oversize"),
        (encode_frame(b"\xc1"), "msgpack"),
        (encode_frame(b"\x91\x7f"), "message"),
    ],
)
def test_a_frame_that_is_no_message_ends_the_link(data: bytes, reason: str) -> None:
    """What came before it counts; the link is closed and counted, others go on."""
    group, first, second = joined()
    third = group.add()
    third.peers.send(second.endpoint, GenesisCall(3))
    group.run()
    near = ends_of(group, first.endpoint.host)[0]
    first.peers.send(second.endpoint, GenesisCall(4))
    first.peers.flush()
    near.send(data)
    group.run()
    assert second.peers.statistics().refused == {reason: 1}
    assert second.down == [(first.identity.node, f"refused: {reason}")]
    assert third.peers.send(second.endpoint, GenesisCall(5))
    group.run()
    assert numbers(second) == [1, 3, 4, 5]


def test_refusals_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Strangers must not fill the log; the line tells how many there were."""
    group, _, second = joined()
    caplog.set_level(logging.WARNING)
    for _ in range(61):
        knock(group, second, b"GET / HTTP/1.1\r\n\r\n")
        group.advance(1.0)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2 and "magic" in lines[0] and "; 60 since" in lines[1]
    assert second.peers.statistics().refused == {"magic": 61}
