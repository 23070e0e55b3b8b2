"""What goes into the metadata log and what comes out of it.

Outputs are in the order in which they are to be acted on. What had to be durable before it may be
said is held back inside until `Saved`, so none of them waits for anything outside.
"""

from __future__ import annotations

from typing import Union

from attrs import frozen

from cluster.identity import ClusterId, Endpoint, NodeId
from cluster.journal.records import Record
from cluster.map.commands import MapCommand
from cluster.map.values import ClusterMap, CommandResult, Genesis
from cluster.membership.events import EpochSeen, MemberView
from cluster.wire.messages import (
    MapReply,
    MapRequest,
    PeerMessage,
    ProposalReply,
    ProposalRequest,
    RaftMessage,
)

LogMessage = Union[MapRequest, MapReply, RaftMessage, ProposalRequest, ProposalReply]


@frozen
class Hold:
    """This genesis holds, which is durable: start the log where this node is one of its voters.

    Given again after a restart it changes nothing.
    """

    genesis: Genesis


@frozen
class MessageReceived:
    """A message of one of the kinds in `LogMessage`, over an authenticated link."""

    node: NodeId
    endpoint: Endpoint
    message: LogMessage


@frozen
class Members:
    """All members as membership sees them now, this node among them."""

    members: tuple[MemberView, ...]


@frozen
class Propose:
    """Change the map. The outcome is one `Result` with this token."""

    token: int
    command: MapCommand
    deadline_s: float | None = None


@frozen
class Saved:
    """Every `Save` up to this number is durable."""

    number: int


@frozen
class LinkFailed:
    """The link to a node broke; what was sent may be lost."""

    node: NodeId


@frozen
class Release:
    """This node no longer belongs to its cluster: forget the map, take no part in the log."""


Input = Union[Hold, MessageReceived, EpochSeen, Members, Propose, Saved, LinkFailed, Release]


@frozen
class Send:
    """Send over the link to this node. May get lost; nothing has to be durable first."""

    node: NodeId
    endpoint: Endpoint
    message: PeerMessage


@frozen
class Save:
    """Append these records and make them durable, then report `Saved(number)`."""

    number: int
    records: tuple[Record, ...]


@frozen
class MapChanged:
    """The newest map that this node holds, durably. Its epoch only grows; None after `Release`."""

    map: ClusterMap | None


@frozen
class Formed:
    """The log has committed its first entry on this voter: the cluster exists."""

    cluster: ClusterId


@frozen
class Result:
    """What became of a proposal. None: nobody knows, it may still come to be.

    `reason` says in words why nothing is known; it is empty when there is a result.
    """

    token: int
    result: CommandResult | None
    reason: str = ""


Output = Union[Send, Save, MapChanged, Formed, Result]
