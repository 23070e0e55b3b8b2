"""One membership core, spoken to by made-up peers: what the tests of its parts share."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import TypeVar

from attrs import evolve

from cluster.identity import Boot, ClusterId, Endpoint, NodeId, Precedence, new_id
from cluster.membership.events import MemberChanged, Output, PacketReceived, SendPacket, SendStream
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import Alive, MemberStatus, Message, Packet
from cluster.membership.options import SwimOptions
from cluster.membership.swim import Swim

OWN = NodeId(new_id(Random(0)))
PEERS = [NodeId(new_id(Random(1 + i))) for i in range(6)]
HOME = Endpoint("10.0.0.1", 7400)
MINE, THEIRS = (ClusterId(new_id(Random(100 + i))) for i in range(2))
Kind = TypeVar("Kind")


def endpoint_of(peer: NodeId) -> Endpoint:
    """Where a peer listens."""
    return Endpoint(f"10.0.1.{PEERS.index(peer)}", 7400)


def alive(peer: NodeId, incarnation: int = 0, generation: int = 1, nonce: int = 7) -> Alive:
    """A peer's word about itself."""
    boot = Boot(generation, nonce)
    return Alive(peer, endpoint_of(peer), boot, incarnation, None, NodeFacts())


def at(generation: int, incarnation: int) -> Precedence:
    """Short for a precedence."""
    return Precedence(generation, incarnation)


class LoneNode:
    """A core of generation 2 that knows `peers` alive, with time under the test's control."""

    def __init__(
        self,
        peers: int = 0,
        *,
        cluster: ClusterId | None = None,
        options: SwimOptions | None = None,
    ) -> None:
        self.now = 1000.0
        self.core = Swim(
            OWN,
            HOME,
            boot=Boot(2, 42),
            facts=NodeFacts(),
            cluster=cluster,
            options=options or SwimOptions(),
            rng=Random(5),
            now=self.now,
        )
        self.said: list[Output] = []
        for peer in PEERS[:peers]:
            self.hear(peer, alive(peer))
        self.forget()

    def hear(
        self,
        sender: NodeId,
        *messages: Message,
        cluster: ClusterId | None = None,
        is_stream: bool = False,
        map_epoch: int = 0,
    ) -> None:
        """Take a packet."""
        packet = Packet(cluster, sender, map_epoch, messages)
        received = PacketReceived(packet, endpoint_of(sender), is_stream)
        self.core.handle(received, self.now)
        self.note()

    def note(self) -> None:
        """Collect the outputs."""
        self.said += self.core.take()
        self.core.check_invariants()

    def forget(self) -> None:
        """Look only at what is said from now on."""
        self.said.clear()

    def pass_time(self, seconds: float) -> None:
        """Let timers fire, each at its time."""
        end = self.now + seconds
        while (deadline := self.core.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.core.on_deadline(self.now)
            self.note()
        self.now = end

    def status(self, peer: NodeId) -> MemberStatus | None:
        """What a peer is held to be."""
        member = self.core.member(peer)
        return None if member is None else member.status

    def told(self, kind: type[Kind]) -> list[Kind]:
        """Outputs of a kind."""
        return [output for output in self.said if isinstance(output, kind)]

    def changes(self, peer: NodeId) -> list[MemberStatus]:
        """The statuses that were reported about a peer."""
        return [c.member.status for c in self.told(MemberChanged) if c.member.node == peer]

    def sent(self, kind: type[Kind]) -> Iterator[tuple[Endpoint, Kind, bool]]:
        """Messages of a kind with receiver and whether over the stream."""
        for output in self.said:
            if isinstance(output, SendPacket | SendStream):
                for message in output.packet.messages:
                    if isinstance(message, kind):
                        yield output.endpoint, message, isinstance(output, SendStream)


def elsewhere(claim: Alive) -> Alive:
    """The same word from another address."""
    return evolve(claim, endpoint=Endpoint("10.9.9.9", 7400))
