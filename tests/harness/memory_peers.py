"""Several nodes' links in memory: `PeerSockets` of each on a `MemoryIo` of its own.

`MemoryNetwork` is the wire between them. A dialled connection is two `PeerEnd`s, each with a
number in its node's `MemoryIo`, whose bytes go straight into the other's bounded buffer. A cut
between two nodes holds the bytes back in both directions without telling anybody, as a
partition does; healing lets them go on.

`PeerNode` is a node of these tests: its links, and lists of what its owner was told. A test that
brings its own nodes (whole servers) only needs `MemoryNetwork.listen` and `network_of`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random

from attrs import evolve

from cluster.identity import Boot, ClusterId, Endpoint, NodeId, new_id
from cluster.transport.link import Link
from cluster.transport.options import TransportOptions
from cluster.transport.peer_sockets import PeerSockets
from cluster.transport.poller import Connection, Names, PeerListener
from cluster.transport.tls import TlsContexts
from cluster.wire.hello import PeerIdentity
from cluster.wire.messages import GenesisCall, PeerMessage
from meridian_resp.server.io import READABLE, WRITABLE
from tests.harness.memory_io import (
    BUFFER_BYTES,
    START_S,
    MemoryConnection,
    MemoryIo,
    MemoryListener,
)

PORT = 7400
#: Turns of all nodes after which nodes that still have something to do are an error.
_TURNS_MAX = 10_000


class PeerEnd(MemoryConnection):
    """One end of a connection between two nodes; a `Connection` of the transport."""

    def __init__(self, io: MemoryIo, host: str, buffer_bytes: int) -> None:
        super().__init__(io, -1, buffer_bytes)
        self.host = host
        self.other: PeerEnd | None = None
        #: Why dialling failed; empty if it did not.
        self.failure = ""
        self.is_cut = False

    def recv(self, size: int, /) -> bytes:
        """See `Connection.recv`; lets the other end send more."""
        data = super().recv(size)
        if self.other is not None:
            self.other.io.notify()
        return data

    def send(self, data: bytes | memoryview, /) -> int:
        """See `Connection.send`; the bytes go into the buffer of the other end."""
        self._require_open()
        self.sends += 1
        if self.other is None or self.other.is_closed:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        room = self._room(self.other)
        if room <= 0:
            raise BlockingIOError
        taken = bytes(data[:room])
        self.other.waiting += taken
        self.other.flow()
        self.other.io.notify()
        return len(taken)

    def flow(self) -> None:
        """Take over what has been sent, unless the wire is cut."""
        if not self.is_cut:
            super().flow()

    def close(self) -> None:
        """See `Connection.close`; the other end reads the end of the stream."""
        super().close()
        if self.other is not None:
            self.other.is_ended = True
            self.other.io.notify()

    def events(self) -> int:
        """See `MemoryConnection.events`: what epoll would report now."""
        events = super().events()
        is_over = self.failure or self.other is None or self.other.is_closed
        if not is_over and self.other is not None and self._room(self.other) <= 0:
            events &= ~WRITABLE
        if self.is_cut:
            events &= ~READABLE
        return events

    def _room(self, other: PeerEnd) -> int:
        return other.buffer_bytes - len(other.inbound) - len(other.waiting)


class MemoryNetwork:
    """The wire between nodes, each with a host name of its own."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[str, int], tuple[MemoryIo, MemoryListener]] = {}
        self.ends: list[PeerEnd] = []
        self._cuts: set[frozenset[str]] = set()
        self.buffer_bytes = BUFFER_BYTES

    def listen(self, io: MemoryIo, host: str, port: int = PORT) -> MemoryListener:
        """Let a node listen; its `PeerListener`."""
        listener = MemoryListener(io, 0)
        listener._number = io.take_number(listener)
        self._listeners[(host, port)] = io, listener
        return listener

    def network_of(self, io: MemoryIo, host: str) -> NodeNetwork:
        """The `Network` through which a node dials."""
        return NodeNetwork(self, io, host)

    def dial(self, io: MemoryIo, host: str, address: str, port: int) -> PeerEnd:
        """Connect two nodes, or fail as a kernel does when nobody listens."""
        near = PeerEnd(io, host, self.buffer_bytes)
        near.number = io.take_number(near)
        found = self._listeners.get((address, port))
        if found is None or found[1].is_closed:
            near.failure = "Connection refused"
            return near
        there, listener = found
        far = PeerEnd(there, address, self.buffer_bytes)
        near.other, far.other = far, near
        near.is_cut = far.is_cut = frozenset((host, address)) in self._cuts
        self.ends += (near, far)
        listener.waiting.append((far, f"{host}:{50_000 + len(self.ends)}"))
        there.notify()
        return near

    def cut(self, one: str, other: str, *, is_cut: bool = True) -> None:
        """Hold back, or let go again, all bytes between two hosts."""
        pair = frozenset((one, other))
        self._cuts = self._cuts | {pair} if is_cut else self._cuts - {pair}
        for end in self.ends:
            if end.other is not None and frozenset((end.host, end.other.host)) == pair:
                end.is_cut = is_cut
                if not end.is_closed:
                    end.flow()
                    end.io.notify()


class NodeNetwork:
    """`Network` of one node in memory."""

    def __init__(self, network: MemoryNetwork, io: MemoryIo, host: str) -> None:
        self._network = network
        self._io = io
        self._host = host

    def dial(self, address: str, port: int) -> Connection:
        """See `Network.dial`."""
        return self._network.dial(self._io, self._host, address, port)

    def dial_failure(self, connection: Connection) -> str:
        """See `Network.dial_failure`."""
        assert isinstance(connection, PeerEnd), "dialled by another network"
        return connection.failure


def identity_of(seed: int, **changes: object) -> PeerIdentity:
    """The identity of a node at 10.0.0.<seed>."""
    identity = PeerIdentity(
        "test",
        NodeId(new_id(Random(seed))),
        Boot(1, 1000 + seed),
        Endpoint(f"10.0.0.{seed}", PORT),
        cluster=ClusterId(new_id(Random(99))),
    )
    return evolve(identity, **changes)


class PeerNode:
    """One node: its links, and what it was told.

    Attributes:
        received: (who sent it, message), in order.
        up: nodes in the order in which links to them came up.
        down: (node, reason) of links that ended.
        failed: (endpoint, reason) of attempts to connect.
    """

    def __init__(
        self,
        network: MemoryNetwork,
        identity: PeerIdentity,
        options: TransportOptions,
        *,
        secret: bytes,
        clock: Callable[[], float] | None,
        tls: TlsContexts | None = None,
        names: Names | None = None,
    ) -> None:
        self.io = MemoryIo(clock)
        self.identity = identity
        host = identity.endpoint.host
        self.listener = network.listen(self.io, host, identity.endpoint.port)
        listener: PeerListener = self.listener
        self.peers = PeerSockets(
            self.io,
            identity,
            options,
            secret=secret,
            rng=Random(identity.node),
            monotonic=self.io.monotonic,
            wall_ms=self.io.wall_ms,
            listener=listener,
            network=network.network_of(self.io, host),
            names=names,
            tls=tls,
        )
        self.received: list[tuple[NodeId, PeerMessage]] = []
        self.up: list[NodeId] = []
        self.links: list[Link] = []
        self.down: list[tuple[NodeId, str]] = []
        self.failed: list[tuple[Endpoint, str]] = []
        self.peers.on_message = lambda link, message: self.received.append((link.node, message))
        self.peers.on_link_up = self._came_up
        self.peers.on_link_down = lambda link, reason: self.down.append((link.node, reason))
        self.peers.on_dial_failed = lambda endpoint, why: self.failed.append((endpoint, why))

    def _came_up(self, link: Link) -> None:
        self.up.append(link.node)
        self.links.append(link)

    @property
    def endpoint(self) -> Endpoint:
        """Where others reach it."""
        return self.identity.endpoint

    def tick(self) -> bool:
        """One tick as the reactor runs it; whether there was anything to do."""
        events = [event for event in self.io.poll() if self.peers.handles(event[0])]
        for number, event in events:
            if self.peers.handles(number):
                self.peers.on_ready(number, event)
        self.peers.flush()
        return bool(events)


class PeerGroup:
    """Nodes on one network and one clock, run turn by turn; `node(i)` is at 10.0.0.<i+1>."""

    def __init__(self, count: int, options: TransportOptions | None = None) -> None:
        self.now_s = 0.0
        self.network = MemoryNetwork()
        self.options = TransportOptions() if options is None else options
        self.nodes: list[PeerNode] = []
        for _ in range(count):
            self.add()

    def add(
        self,
        *,
        secret: bytes = b"secret",
        tls: TlsContexts | None = None,
        names: Names | None = None,
        **changes: object,
    ) -> PeerNode:
        """Another node; `changes` are fields of its identity."""
        node = PeerNode(
            self.network,
            identity_of(len(self.nodes) + 1, **changes),
            self.options,
            secret=secret,
            clock=lambda: self.now_s,
            tls=tls,
            names=names,
        )
        self.nodes.append(node)
        return node

    def run(self) -> None:
        """Let all nodes tick until nobody has anything to do."""
        for node in self.nodes:
            node.peers.flush()
        for _ in range(_TURNS_MAX):
            turns = [node.tick() for node in self.nodes]
            if not any(turns):
                return
        raise AssertionError("the nodes do not come to rest")

    def advance(self, seconds: float) -> None:
        """Let time pass: each deadline is kept on time, and what follows from it happens."""
        end = self.now_s + seconds
        while True:
            self.run()
            dues = [due for node in self.nodes if (due := node.peers.deadline()) is not None]
            due = min(dues, default=float("inf")) - START_S
            if due > end:
                break
            self.now_s = max(self.now_s, due)
            self._keep_deadlines()
        self.now_s = end

    def stand_still(self, seconds: float) -> None:
        """Let time pass while no process runs: all deadlines are late."""
        self.now_s += seconds
        self._keep_deadlines()
        self.run()

    def _keep_deadlines(self) -> None:
        for node in self.nodes:
            node.peers.on_deadline(node.io.monotonic())
            node.peers.flush()


def numbers(node: PeerNode) -> list[int]:
    """The numbers of the genesis calls that a node was sent, in order."""
    return [m.call for _, m in node.received if isinstance(m, GenesisCall)]


def joined(options: TransportOptions | None = None) -> tuple[PeerGroup, PeerNode, PeerNode]:
    """Two nodes, the first with a link to the second."""
    group = PeerGroup(2, options)
    first, second = group.nodes
    assert first.peers.send(second.endpoint, GenesisCall(1))
    group.run()
    assert numbers(second) == [1]
    return group, first, second


def ends_of(group: PeerGroup, host: str) -> list[PeerEnd]:
    """The ends of connections at a host that are open."""
    return [end for end in group.network.ends if end.host == host and not end.is_closed]
