"""Every message that travels over a link between two nodes, as tagged msgspec structs.

A message is one msgpack array: its tag, then its fields in order. Fields may be added at the end
with a default; a reader of an earlier version ignores what it does not expect. A tag is never
given a second meaning. The bytes are described in docs/protocols/peer.md, and golden captures hold
them per protocol version.

Ids of nodes and clusters travel as their 16 bytes; cluster maps, commands and snapshots as the
bytes of their own codecs, so that this module knows no more of them than their length.

Rejected: pickle (runs what strangers send), and names in the messages (a heartbeat of Raft was
four times as large).
"""

from __future__ import annotations

from typing import Union

import msgspec

from cluster.errors import ClusterError

#: Nesting and sizes are bounded by the frame, which is bounded by `transport.options`.


class WireError(ClusterError):
    """Bytes from the network that are no message of ours; `reason` is a word for a counter."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not a peer message: {self.reason}"


# Membership and the map: 1 to 9.


class GossipStream(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A membership packet that is too large, or too important, for a datagram."""

    packet: bytes


class MapRequest(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Ask for what changed since `known_epoch`; 0 asks for the whole map."""

    cluster: bytes
    known_epoch: int


class MapReply(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A delta from the epoch that was asked for, or the whole map; exactly one is not empty.

    `voters` are the members of the metadata log as far as the sender knows them, the leader first.
    """

    cluster: bytes
    epoch: int
    delta: bytes
    whole: bytes
    voters: list[bytes] = []


class SlotKeysRequest(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Ask how many keys a node holds in these ranges of slots.

    `is_hold`: if there are none, it is to take no new ones until its map settles the matter.
    """

    token: int
    ranges: list[tuple[int, int]]
    is_hold: bool = False


class SlotKeysReply(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The answer; `epoch` is the map that it was counted under. -1: it does not lead them all."""

    token: int
    keys: int
    epoch: int


# The birth of a cluster: 10 to 19.


class GenesisCall(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """The node that is about to propose a genesis asks for claims."""

    call: int


class ClaimsReply(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """What an unformed node claims. `ranges` are slots; `has_data`: it will form alone."""

    call: int
    ranges: list[tuple[int, int]]
    config_epoch: int
    has_data: bool
    is_bound: bool


class GenesisOffer(msgspec.Struct, frozen=True, array_like=True, tag=12):
    """A proposed genesis, in the bytes of `cluster.map.codec`, and whom it leaves out.

    `left_out` are the ids of unformed nodes that the proposer is in contact with all the same.
    """

    genesis: bytes
    left_out: list[bytes]


class GenesisAccepted(msgspec.Struct, frozen=True, array_like=True, tag=13):
    """It is durable here that this genesis, and no other, may hold."""

    cluster: bytes


class GenesisRefused(msgspec.Struct, frozen=True, array_like=True, tag=14):
    """This genesis is not accepted here, for a reason in words.

    `is_incomplete`: because the proposer has not heard yet of nodes that it should ask.
    """

    cluster: bytes
    reason: str
    is_incomplete: bool


class GenesisHeld(msgspec.Struct, frozen=True, array_like=True, tag=15):
    """All voters accepted, and the proposer has made that durable."""

    genesis: bytes


class GenesisDropped(msgspec.Struct, frozen=True, array_like=True, tag=16):
    """The sender will never hold this genesis."""

    cluster: bytes


class GenesisQuery(msgspec.Struct, frozen=True, array_like=True, tag=17):
    """What became of this genesis? `is_proposer`: the receiver proposed it, and must know."""

    cluster: bytes
    is_proposer: bool = False


class ClusterHello(msgspec.Struct, frozen=True, array_like=True, tag=18):
    """A member of a formed cluster tells one of another what its cluster is."""

    cluster: bytes
    held_keys: bool
    is_reply: bool


class HasDataRequest(msgspec.Struct, frozen=True, array_like=True, tag=19):
    """A metadata leader asks a member of its frozen cluster whether it ever held a key."""

    epoch: int
    cluster: bytes = b""


class ClusterDissolved(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """A former member tells one that was away: our frozen cluster became part of another one."""

    cluster: bytes
    into: bytes


class HasDataReply(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """The answer, counted after the node applied the map of `epoch`."""

    epoch: int
    has_data: bool


# The metadata log: 20 to 29.


class RaftMessage(msgspec.Struct, frozen=True, array_like=True, tag=20):
    """A message of a Raft group, in the bytes of `cluster.wire.raft_messages`.

    `snapshot` is the data that belongs to a snapshot request, else empty. `cluster` is the one
    that the group belongs to: groups of two clusters have the same number and must never mix.
    """

    group: int
    message: bytes
    snapshot: bytes = b""
    cluster: bytes = b""


class ProposalRequest(msgspec.Struct, frozen=True, array_like=True, tag=21):
    """A map command for the metadata leader; the same id again is the same command."""

    cluster: bytes
    identifier: int
    command: bytes


class ProposalReply(msgspec.Struct, frozen=True, array_like=True, tag=22):
    """What became of it. `status`: 0 applied, 1 rejected, 2 not the leader (`leader` may know)."""

    identifier: int
    status: int
    text: str
    epoch: int
    leader: bytes = b""


# Data: 30 to 39.


class Forward(msgspec.Struct, frozen=True, array_like=True, tag=30):
    """Commands of one client for a partition that the receiver leads.

    Attributes:
        request: number of the request on this link; the reply carries it back.
        client: the sender's number of its client; requests of one client are executed in order.
        epoch: of the map by which the sender chose the receiver.
        deadline_ms: how long the sender waits from the moment of sending.
        protocol: version of RESP in which replies are encoded.
        level: consistency level by name, or empty.
        commands: argument lists; more than one are a transaction.
        is_transaction: executed as EXEC does, one reply array.
        watched: (key, version) pairs that must still hold, for transactions.
        slot: the slot of all keys.
    """

    request: int
    client: int
    epoch: int
    deadline_ms: int
    protocol: int
    level: str
    commands: list[list[bytes]]
    is_transaction: bool
    watched: list[tuple[bytes, int]]
    slot: int


class ForwardReply(msgspec.Struct, frozen=True, array_like=True, tag=31):
    """Encoded replies, in the protocol version asked for.

    `status`: 0 executed; 1 not executed because the receiver does not lead the slot (`epoch` is
    its map's); 2 not executed for another reason (`reply` is the error to hand on).
    """

    request: int
    status: int
    reply: bytes
    epoch: int


class KeyVersionsRequest(msgspec.Struct, frozen=True, array_like=True, tag=32):
    """Ask for the versions of keys (WATCH on a node that does not lead them)."""

    request: int
    slot: int
    keys: list[bytes]


class KeyVersionsReply(msgspec.Struct, frozen=True, array_like=True, tag=33):
    """Versions in the order of the keys, 0 for one never there; status as in `ForwardReply`."""

    request: int
    status: int
    versions: list[int]


PeerMessage = Union[
    GossipStream,
    MapRequest,
    MapReply,
    SlotKeysRequest,
    SlotKeysReply,
    GenesisCall,
    ClaimsReply,
    GenesisOffer,
    GenesisAccepted,
    GenesisRefused,
    GenesisHeld,
    GenesisDropped,
    GenesisQuery,
    ClusterHello,
    HasDataRequest,
    HasDataReply,
    ClusterDissolved,
    RaftMessage,
    ProposalRequest,
    ProposalReply,
    Forward,
    ForwardReply,
    KeyVersionsRequest,
    KeyVersionsReply,
]

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[PeerMessage] = msgspec.msgpack.Decoder(PeerMessage)


def encode_message(message: PeerMessage) -> bytes:
    """Return the bytes of a message."""
    return _ENCODER.encode(message)


def decode_message(data: bytes) -> PeerMessage:
    """Return the message in `data`.

    Raises:
        WireError: these bytes are no message that this version knows.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.ValidationError as failure:
        raise WireError("message") from failure
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise WireError("msgpack") from failure
