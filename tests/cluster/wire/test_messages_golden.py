"""The bytes of each version of the protocol are kept, and are still what this code says."""

from __future__ import annotations

import pytest

from cluster.identity import NodeId
from cluster.wire.frames import FrameReader
from cluster.wire.hello import PROTOCOL_MAX, PROTOCOL_MIN
from cluster.wire.messages import decode_message
from cluster.wire.seal import Opener, seal_key
from tests.harness import peer_captures
from tests.harness.memory_peers import identity_of

VERSIONS = range(PROTOCOL_MIN, PROTOCOL_MAX + 1)


def test_what_is_said_now_is_what_was_captured() -> None:
    """A changed byte is a new version, with a file of its own.

    Before a version is released its file is written anew by
    `python -m tests.harness.peer_captures`.
    """
    assert dict(peer_captures.captures()) == peer_captures.load(PROTOCOL_MAX)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_captured_handshake_is_understood(version: int) -> None:
    """Each side, fed with the other's captured bytes, is done."""
    kept = peer_captures.load(version)
    initiator, acceptor = peer_captures.handshakes()
    initiator.take()
    acceptor.receive(kept["handshake 1 initiator"])
    acceptor.receive(kept["handshake 3 initiator"])
    assert acceptor.is_done and acceptor.peer == identity_of(1)
    initiator.receive(kept["handshake 2 acceptor"] + kept["handshake 4 acceptor"])
    assert initiator.is_done and initiator.peer == identity_of(2, cluster=None)


@pytest.mark.parametrize("version", VERSIONS)
def test_captured_messages_are_understood(version: int) -> None:
    """Each frame is one message of its kind; in the newest version there is one of each kind."""
    frames = {
        name.removeprefix("frame "): data
        for name, data in peer_captures.load(version).items()
        if name.startswith("frame ")
    }
    for name, data in frames.items():
        (body,) = FrameReader().feed(data)
        assert type(decode_message(body)).__name__ == name
    if version == PROTOCOL_MAX:
        assert set(frames) == {type(message).__name__ for message in peer_captures.samples()}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_captured_datagram_is_opened(version: int) -> None:
    """By another node of the same cluster."""
    opener = Opener(seal_key("test", peer_captures.SECRET), NodeId(identity_of(2).node))
    opened = opener.open(peer_captures.load(version)["datagram"])
    assert (opened.sender, opened.payload) == (identity_of(1).node, peer_captures.PAYLOAD)
