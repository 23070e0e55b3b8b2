"""What nodes say to each other about membership.

Their bytes are in `codec` and described in docs/protocols/gossip.md.

Two kinds. *Probes* are of now and are never passed on: Ping, IndirectPing, Ack, Nack, Heartbeat.
*Claims* are statements about a node that spread: Alive with all facts, Suspect, Dead, Left,
Removed. A claim carries the precedence it speaks about, so it may arrive late, twice, or in any
order. The Sync messages compare whole tables over a stream.
"""

from __future__ import annotations

import enum
from typing import Union

from attrs import frozen

from cluster.identity import Boot, ClusterId, Endpoint, NodeId, Precedence
from cluster.membership.facts import NodeFacts


class MemberStatus(enum.IntEnum):
    """What a node is held to be. The numbers are on the wire, the names in tables."""

    ALIVE = 0
    SUSPECTED = 1
    DEAD = 2
    LEFT = 3

    @property
    def is_live(self) -> bool:
        """Whether the node counts: a suspected node may still refute."""
        return self <= MemberStatus.SUSPECTED


@frozen
class Ping:
    """Answer me with this sequence number, if you are the target."""

    sequence: int
    target: NodeId


@frozen
class IndirectPing:
    """Ping the target for me, and pass its answer on with my sequence number."""

    sequence: int
    target: NodeId
    endpoint: Endpoint


@frozen
class Ack:
    """The target of the ping with this sequence number answered."""

    sequence: int


@frozen
class Nack:
    """I, the relay, am well, but the target has not answered me in time."""

    sequence: int


@frozen
class Heartbeat:
    """I am running: food for the accrual detectors of those who watch me; SWIM ignores it."""


@frozen
class Alive:
    """The node lives, here, with these facts. Made by the node itself only."""

    node: NodeId
    endpoint: Endpoint
    boot: Boot
    incarnation: int
    cluster: ClusterId | None
    facts: NodeFacts

    @property
    def precedence(self) -> Precedence:
        """The age of the claim."""
        return Precedence(self.boot.generation, self.incarnation)


@frozen
class Suspect:
    """The accuser could not reach the node."""

    node: NodeId
    precedence: Precedence
    accuser: NodeId


@frozen
class Dead:
    """The suspicion was not refuted in time."""

    node: NodeId
    precedence: Precedence
    accuser: NodeId


@frozen
class Left:
    """The node itself says that it goes."""

    node: NodeId
    precedence: Precedence


@frozen
class Removed:
    """An operator took the node out; its id is refused for so many seconds."""

    node: NodeId
    remaining_s: int


@frozen
class SyncDigest:
    """Checksums of my table by bucket, the removed ids last. A join sends none: tell me all."""

    digests: tuple[int, ...]


@frozen
class SyncEntry:
    """One row of a table: the last Alive known, what is held now, for how many seconds."""

    alive: Alive
    status: MemberStatus
    age_s: int


@frozen
class SyncStates:
    """Rows of the buckets that differ, and the buckets whose rows the receiver should send."""

    entries: tuple[SyncEntry, ...]
    removed: tuple[Removed, ...] = ()
    wanted: tuple[int, ...] = ()


Claim = Union[Alive, Suspect, Dead, Left, Removed]
Message = Union[Ping, IndirectPing, Ack, Nack, Heartbeat, Claim, SyncDigest, SyncStates]


@frozen
class Packet:
    """What one datagram or one stream message holds.

    `cluster` is None while the sender belongs to no formed cluster. `map_epoch` is the newest
    epoch of the cluster map that the sender knows: told in every packet, it spreads for nothing.
    """

    cluster: ClusterId | None
    sender: NodeId
    map_epoch: int
    messages: tuple[Message, ...]
