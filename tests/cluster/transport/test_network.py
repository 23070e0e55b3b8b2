from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from attrs import evolve

from cluster.identity import Endpoint
from cluster.transport.network import NumericNames, SocketNetwork, is_numeric, listen
from cluster.transport.options import TransportOptions
from cluster.transport.peer_sockets import PeerSockets
from cluster.wire.messages import GenesisCall, GossipStream, PeerMessage
from meridian_resp.server.io import SystemIo
from tests.harness.memory_peers import identity_of

#: How long real sockets of this machine may take before a test is given up.
_PATIENCE_S = 20.0


class RealNode:
    """A node on loopback."""

    def __init__(self, seed: int, address: str = "127.0.0.1") -> None:
        self.epoll = select.epoll()
        listener = listen(address, 0)
        self.endpoint = Endpoint(address, listener.port)
        self.peers = PeerSockets(
            self.epoll,
            evolve(identity_of(seed), endpoint=self.endpoint),
            TransportOptions(),
            secret=b"secret",
            rng=Random(seed),
            monotonic=time.monotonic,
            wall_ms=lambda: 0,
            listener=listener,
        )
        self.received: list[PeerMessage] = []
        self.failed: list[str] = []
        self.down: list[str] = []
        self.peers.on_message = lambda link, message: self.received.append(message)
        self.peers.on_dial_failed = lambda endpoint, reason: self.failed.append(reason)
        self.peers.on_link_down = lambda link, reason: self.down.append(reason)

    def tick(self) -> None:
        """One tick; waits a little for readiness."""
        self.peers.flush()
        for number, events in self.epoll.poll(0.01):
            assert self.peers.handles(number)
            self.peers.on_ready(number, events)
        self.peers.on_deadline(time.monotonic())
        self.peers.flush()


@contextmanager
def nodes(*made: RealNode) -> Iterator[tuple[RealNode, ...]]:
    """Nodes that are closed in the end."""
    try:
        yield made
    finally:
        for node in made:
            node.peers.close()
            node.epoll.close()


def run_until(made: tuple[RealNode, ...], received: int, by: RealNode) -> None:
    """Let all nodes tick until one has so many messages."""
    end = time.monotonic() + _PATIENCE_S
    while len(by.received) < received:
        assert time.monotonic() < end, by.peers.statistics()
        for node in made:
            node.tick()


def has_ipv6() -> bool:
    """Whether this machine has the address ::1."""
    try:
        listen("::1", 0).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")),
    ],
)
def test_links_on_real_sockets(address: str) -> None:
    """Both directions, small and large messages, and the end of one node."""
    with nodes(RealNode(1, address), RealNode(2, address)) as both:
        first, second = both
        packet = bytes(range(256)) * 20_000
        sent: list[PeerMessage] = [GenesisCall(1), GossipStream(packet), GenesisCall(2)]
        for message in sent:
            assert first.peers.send(second.endpoint, message)
        run_until(both, 3, second)
        assert second.received == sent
        assert second.peers.send(first.endpoint, GenesisCall(3))
        run_until(both, 1, first)
        statistics = first.peers.statistics()
        assert (statistics.links_to, statistics.links_from) == (1, 1)
        second.peers.close()
        end = time.monotonic() + _PATIENCE_S
        while not first.down:
            assert time.monotonic() < end
            first.tick()
        assert set(first.down) <= {"closed by the peer", "read failed: Connection reset by peer"}


def test_a_port_where_nobody_listens_fails_by_name() -> None:
    """The kernel says so when the socket becomes writable."""
    closed = listen("127.0.0.1", 0)
    nowhere = Endpoint("127.0.0.1", closed.port)
    closed.close()
    with nodes(RealNode(1)) as (node,):
        node.peers.send(nowhere, GenesisCall(1))
        end = time.monotonic() + _PATIENCE_S
        while not node.failed:
            assert time.monotonic() < end
            node.tick()
        assert node.failed == ["Connection refused"]


def test_the_reactors_poller_and_listener_serve_links() -> None:
    """`SystemIo` is a poller as it is."""
    io = SystemIo()
    listener = listen("127.0.0.1", 0)
    peers = PeerSockets(
        io,
        evolve(identity_of(2), endpoint=Endpoint("127.0.0.1", listener.port)),
        TransportOptions(),
        secret=b"secret",
        rng=Random(2),
        monotonic=io.monotonic,
        wall_ms=io.wall_ms,
        listener=listener,
    )
    received: list[PeerMessage] = []
    peers.on_message = lambda link, message: received.append(message)
    with nodes(RealNode(1)) as (node,):
        node.peers.send(peers.identity.endpoint, GenesisCall(1))
        end = time.monotonic() + _PATIENCE_S
        while not received:
            assert time.monotonic() < end
            node.tick()
            for number, events in io.poll():
                peers.on_ready(number, events)
            peers.flush()
    peers.close()
    io.close()


def test_connections_may_come_from_a_named_address() -> None:
    """A machine with several addresses says from which one it speaks."""
    listener = listen("127.0.0.1", 0)
    connection = SocketNetwork("127.0.0.2").dial("127.0.0.1", listener.port)
    assert isinstance(connection, socket.socket)
    assert connection.getsockname()[0] == "127.0.0.2"
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.close()
    listener.close()


@pytest.mark.parametrize(
    ("host", "is_address"),
    [("10.0.0.1", True), ("::1", True), ("fe80::1", True), ("node1", False), ("a\x00b", False)],
)
def test_addresses_are_told_from_names(host: str, is_address: bool) -> None:
    """A name must never reach a call that would look it up and wait."""
    assert is_numeric(host) is is_address
    assert NumericNames().find(host) == ((host,) if is_address else ())
