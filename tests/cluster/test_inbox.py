"""What waits for the control task."""

from __future__ import annotations

import pytest

from cluster.control.inputs import Asked, DatagramReceived, LinkFailed, MessageReceived, Saved
from cluster.control.requests import Form
from cluster.identity import Endpoint, NodeId
from cluster.inbox import Inbox
from cluster.wire.messages import GossipStream, MapRequest, PeerMessage

PEER = Endpoint("127.0.0.1", 7400)


def make(*, count_max: int = 3, bytes_max: int = 10_000) -> Inbox:
    """A small one."""
    return Inbox(count_max=count_max, bytes_max=bytes_max)


def datagram(size: int = 10) -> DatagramReceived:
    """A datagram with so many bytes in it."""
    return DatagramReceived(PEER, bytes(size))


def message(content: PeerMessage) -> MessageReceived:
    """A message of a peer."""
    return MessageReceived(NodeId("n"), PEER, content)


def test_inputs_come_out_in_order() -> None:
    """First in, first out; a finished save comes first, since others wait for what it allows."""
    inbox = make()
    events = [datagram(), message(MapRequest(b"c", 1)), LinkFailed(PEER)]
    inbox.offer(events[0])
    inbox.offer(events[1])
    inbox.put(events[2])
    inbox.saved(4)
    assert len(inbox) == 4
    assert [inbox.take() for _ in range(4)] == [Saved(4), *events]
    assert len(inbox) == 0


def test_only_the_newest_save_counts() -> None:
    """Saved up to 5 says saved up to 4."""
    inbox = make()
    inbox.saved(4)
    inbox.saved(5)
    assert len(inbox) == 1 and inbox.take() == Saved(5)


def test_others_are_dropped_beyond_the_number() -> None:
    """And room comes back when inputs are taken; own inputs always find room."""
    inbox = make(count_max=2)
    assert inbox.offer(datagram()) and inbox.offer(datagram())
    assert not inbox.offer(datagram())
    assert not inbox.offer(message(MapRequest(b"c", 1)))
    assert inbox.dropped == 2
    inbox.put(LinkFailed(PEER))
    assert len(inbox) == 3
    inbox.take()
    inbox.take()
    assert inbox.offer(datagram())


@pytest.mark.parametrize("large", [datagram(6000), message(GossipStream(bytes(6000)))])
def test_others_are_dropped_beyond_the_bytes(large: DatagramReceived | MessageReceived) -> None:
    """A few large messages fill it as many small ones do; taken ones make room."""
    inbox = make()
    assert inbox.offer(large) and inbox.offer(datagram())
    assert not inbox.offer(large)
    assert inbox.take() == large
    assert inbox.offer(large)


def test_an_empty_one_takes_whatever_a_frame_may_hold() -> None:
    """Otherwise a message above the bound could never be received."""
    assert make(bytes_max=100).offer(datagram(6000))


def test_what_was_said_to_another_node_is_dropped() -> None:
    """Own requests stay, and the room of the rest is free again."""
    inbox = make()
    asked = Asked(1, Form())
    inbox.offer(datagram(6000))
    inbox.put(LinkFailed(PEER))
    inbox.put(asked)
    inbox.saved(3)
    inbox.drop_received()
    assert inbox.offer(datagram(6000))
    assert inbox.take() == asked
    inbox.clear()
    assert len(inbox) == 0
