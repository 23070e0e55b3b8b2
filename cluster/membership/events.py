"""What goes into the membership core and what comes out of it.

Inputs are what happened: a packet came, an operator asked. Outputs are duties, in order; none
needs anything to be durable first, except that the boot given to the core was made durable before
the core was made. `SendPacket` may be lost without harm. `SendStream` goes over the reliable link
and is dropped when there is none: the core asks again by itself.
"""

from __future__ import annotations

from typing import Union

from attrs import frozen

from cluster.identity import Boot, ClusterId, Endpoint, NodeId, Precedence
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import MemberStatus, Packet


@frozen
class PacketReceived:
    """A packet came. `source` is where an answer reaches the sender in the same way."""

    packet: Packet
    source: Endpoint
    is_stream: bool = False


@frozen
class Join:
    """Make contact with these endpoints (seeds, CLUSTER MEET); remembered and asked again."""

    endpoints: tuple[Endpoint, ...]


@frozen
class Leave:
    """Tell everybody that this node goes; `LeaveFinished` comes when enough have been told."""


@frozen
class Remove:
    """Take a node out for good and refuse its id for `quarantine_s` seconds (None: the option)."""

    node: NodeId
    quarantine_s: float | None = None


@frozen
class AdoptCluster:
    """This node now belongs to this formed cluster, or to none; durable before."""

    cluster: ClusterId | None


@frozen
class ChangeFacts:
    """This node says something else about itself from now on."""

    facts: NodeFacts


@frozen
class AdvertiseEpoch:
    """The newest epoch of the cluster map that this node holds."""

    map_epoch: int


@frozen
class ForceSync:
    """Exchange tables with every live node now (`meridian-ctl force-sync`)."""


Input = Union[
    PacketReceived, Join, Leave, Remove, AdoptCluster, ChangeFacts, AdvertiseEpoch, ForceSync
]


@frozen
class MemberView:
    """What is held about a node at one moment; `changed_at` is on the local monotonic clock."""

    node: NodeId
    endpoint: Endpoint
    boot: Boot
    incarnation: int
    cluster: ClusterId | None
    facts: NodeFacts
    status: MemberStatus
    changed_at: float

    @property
    def precedence(self) -> Precedence:
        """The age of what is held."""
        return Precedence(self.boot.generation, self.incarnation)


@frozen
class SendPacket:
    """Send as one datagram; `size_bytes` is what the codec makes of it."""

    endpoint: Endpoint
    packet: Packet
    size_bytes: int


@frozen
class SendStream:
    """Send over the reliable link to this endpoint."""

    endpoint: Endpoint
    packet: Packet
    size_bytes: int


@frozen
class MemberChanged:
    """A node appeared (`previous` is None), or its status, endpoint, boot or facts changed."""

    member: MemberView
    previous: MemberStatus | None


@frozen
class MemberForgotten:
    """A node is no longer in the table: removed, of another cluster, or gone for very long."""

    node: NodeId
    is_removed: bool


@frozen
class SelfRemoved:
    """The others hold that this node was removed; it no longer takes part."""


@frozen
class IdentityConflict:
    """Two processes claim one id: what is held, and what was claimed and refused.

    When `node` is this node's own id, this process is the one to stop, or to try again once the
    other is dead; on other nodes it is an alarm.
    """

    node: NodeId
    held_endpoint: Endpoint
    held_boot: Boot
    claimed_endpoint: Endpoint
    claimed_boot: Boot


@frozen
class ForeignCluster:
    """A member of another formed cluster spoke to us; what it said was dropped."""

    endpoint: Endpoint
    cluster: ClusterId


@frozen
class EpochSeen:
    """A node knows a newer map of its cluster than we do: fetch it there."""

    node: NodeId
    endpoint: Endpoint
    map_epoch: int
    cluster: ClusterId | None


@frozen
class JoinFailed:
    """Nobody answered at this endpoint; it is tried again only while this node is alone."""

    endpoint: Endpoint


@frozen
class LeaveFinished:
    """The leave was told often enough, or its time is over; the process may end."""


Output = Union[
    SendPacket,
    SendStream,
    MemberChanged,
    MemberForgotten,
    SelfRemoved,
    IdentityConflict,
    ForeignCluster,
    EpochSeen,
    JoinFailed,
    LeaveFinished,
]
