"""What the parts of the membership core share: the node itself, its table, its duties.

The core is cut by subject (`claims` judge, `probing` asks, `exchange` compares tables, `swim` puts
them together). All of them read the same table and leave outputs in the same list; that is all
this class holds. It knows how to wrap messages into packets, filled up with rumours, and no rule
of the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from cluster.identity import Boot, ClusterId, Endpoint, NodeId
from cluster.membership.awareness import Awareness
from cluster.membership.broadcasts import Broadcasts, retransmit_limit
from cluster.membership.codec import header_bytes, size_of
from cluster.membership.events import MemberChanged, Output, SendPacket, SendStream
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import Claim, MemberStatus, Message, Packet
from cluster.membership.options import SwimOptions
from cluster.membership.table import Member, MemberTable
from cluster.membership.timers import Timers

_MESSAGES_MAX = 127  # the count stays one byte


class LocalNode:
    """The node's own member, table, rumours, timers and outputs."""

    def __init__(
        self,
        node: NodeId,
        endpoint: Endpoint,
        *,
        boot: Boot,
        facts: NodeFacts,
        cluster: ClusterId | None,
        options: SwimOptions,
        rng: Random,
        now: float,
        incarnation: int = 0,
    ) -> None:
        self.options = options
        self.rng = rng
        self.timers = Timers(options.pause_s)
        self.awareness = Awareness(options.awareness_max)
        self.broadcasts = Broadcasts()
        self.table = MemberTable(rng)
        self.member = Member(
            node,
            endpoint,
            boot,
            incarnation,
            cluster,
            facts,
            MemberStatus.ALIVE,
            changed_at=now,
        )
        self.table.insert(self.member)
        self.map_epoch = 0
        self.is_leaving = False
        #: Where removed nodes were: nobody looks for them there unless told to again.
        self.unwanted: set[Endpoint] = set()
        self.outputs: list[Output] = []
        self.counts: dict[str, int] = {}

    @property
    def node(self) -> NodeId:
        """The node's own id."""
        return self.member.node

    def count(self, what: str) -> None:
        """Count something for the statistics."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def is_foreign(self, cluster: ClusterId | None) -> bool:
        """Whether this is the id of another formed cluster than ours."""
        own = self.member.cluster
        return cluster is not None and own is not None and cluster != own

    def tell(self, claim: Claim) -> None:
        """Queue a rumour for gossip."""
        self.broadcasts.queue(claim, size_of(claim))

    def announce(self, member: Member, previous: MemberStatus | None) -> None:
        """Tell the caller about a change of a member."""
        self.outputs.append(MemberChanged(member.view(self.timers.paused_s), previous))

    def send_packet(self, endpoint: Endpoint, messages: Sequence[Message]) -> bool:
        """Send a datagram filled up with rumours; without anything to say nothing is sent.

        Returns whether something was sent.
        """
        options = self.options
        size = header_bytes(self.map_epoch, _MESSAGES_MAX) + sum(map(size_of, messages))
        room = options.packet_bytes_max - options.packet_reserve_bytes - size
        filled: list[Message] = list(messages)
        if len(self.broadcasts):
            limit = retransmit_limit(self.table.live_count, options.retransmit_multiplier)
            rumours, rumour_bytes = self.broadcasts.take(room, limit)
            size += rumour_bytes
            filled += rumours
        if not filled:
            return False
        assert len(filled) <= _MESSAGES_MAX, len(filled)
        self.outputs.append(SendPacket(endpoint, self._wrapped(filled), size))
        return True

    def send_stream(self, endpoint: Endpoint, message: Message) -> None:
        """Send one message over the reliable link."""
        size = header_bytes(self.map_epoch, 1) + size_of(message)
        self.outputs.append(SendStream(endpoint, self._wrapped([message]), size))

    def _wrapped(self, messages: Sequence[Message]) -> Packet:
        return Packet(self.member.cluster, self.node, self.map_epoch, tuple(messages))
