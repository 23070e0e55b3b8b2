from __future__ import annotations

from random import Random

import pytest

from cluster.identity import Endpoint
from cluster.transport.dialling import Dial
from cluster.transport.link import Link, LinkState
from cluster.transport.link_core import LinkCore
from cluster.transport.options import TransportOptions
from cluster.transport.poller import READABLE, WRITABLE
from cluster.wire.handshake import Handshake
from cluster.wire.messages import GenesisCall, PeerMessage
from tests.harness.memory_io import MemoryConnection, MemoryIo
from tests.harness.memory_peers import identity_of

ENDPOINT = Endpoint("10.0.0.2", 7400)


class Desk:
    """A link with its socket in memory, and what it told its owner."""

    def __init__(self, buffer_bytes: int = 1000) -> None:
        self.io = MemoryIo()
        self.connection = MemoryConnection(self.io, -1, buffer_bytes)
        self.connection.number = self.io.take_number(self.connection)
        self.touched: list[PeerMessage | None] = []
        options = TransportOptions()
        handshake = Handshake(identity_of(1), b"", is_outgoing=True, challenge=bytes(32))
        self.link = Link(
            LinkCore(handshake, tls=None, queue_bytes_max=1000),
            dial=Dial(ENDPOINT, options, Random(1)),
            touch=lambda link, message: self.touched.append(message),
        )

    def connect(self) -> None:
        """Give the link its socket."""
        self.link.connection = self.connection
        self.link.number = self.connection.number
        self.io.register(self.link.number, READABLE)
        self.link.state = LinkState.GREETING


def test_nothing_is_sent_before_there_is_a_connection() -> None:
    """Messages are queued meanwhile."""
    desk = Desk()
    assert desk.link.endpoint == ENDPOINT and not desk.link.is_up
    assert desk.link.send(GenesisCall(1)) and desk.link.transmit(desk.io, 1000) == 0
    assert desk.touched == [GenesisCall(1)] and desk.link.queued_bytes > 0


def test_what_the_kernel_does_not_take_waits_for_it() -> None:
    """The link asks to be told, and no longer once all is sent."""
    expected = len(Desk().link.core.take(0))
    desk = Desk(buffer_bytes=50)
    desk.connect()
    link, connection = desk.link, desk.connection
    assert link.transmit(desk.io, 1000) == 50
    assert link.is_writing and desk.io._interests[link.number] == READABLE | WRITABLE
    assert link.transmit(desk.io, 1000) == 0
    sent = bytes(connection.outbound)
    while link.is_writing:
        connection.outbound.clear()
        link.transmit(desk.io, 1000)
        sent += bytes(connection.outbound)
    assert len(sent) == expected and desk.io._interests[link.number] == READABLE
    assert link.queued_bytes == 0


def test_a_closing_link_takes_nothing() -> None:
    """The message is dropped, and its owner is told so at once."""
    desk = Desk()
    desk.link.state = LinkState.CLOSING
    assert not desk.link.send(GenesisCall(1)) and desk.touched == [None]


def test_a_broken_connection_is_told_to_the_caller() -> None:
    """Who sends ends the link."""
    desk = Desk()
    desk.connect()
    desk.connection.is_reset = True
    with pytest.raises(OSError, match="reset"):
        desk.link.transmit(desk.io, 1000)


def test_a_view_shows_what_waits() -> None:
    """The kernel's share is counted as well as the queue."""
    desk = Desk(buffer_bytes=50)
    desk.connect()
    desk.link.transmit(desk.io, 1000)
    desk.link.send(GenesisCall(1))
    view = desk.link.view()
    assert view.events == "rw" and view.send_buffer_used == desk.link.queued_bytes > 50
