"""What the control plane asks its shell to do, in order."""

from __future__ import annotations

from typing import Union

from attrs import frozen

from cluster.control.requests import Answer
from cluster.identity import Endpoint, NodeId
from cluster.journal.records import Record
from cluster.map.values import ClusterMap
from cluster.membership.events import MemberView
from cluster.membership.messages import MemberStatus
from cluster.wire.messages import PeerMessage


@frozen
class SendDatagram:
    """Seal and send as one datagram; may get lost. Nothing has to be durable before."""

    endpoint: Endpoint
    payload: bytes


@frozen
class SendMessage:
    """Send over the link to this endpoint, in order per endpoint; may get lost with the link.

    Whatever had to be durable before it is: the plane holds messages back until their `Saved`.
    """

    endpoint: Endpoint
    message: PeerMessage


@frozen
class Save:
    """Append these records to the journal, make them durable, then report `Saved(number)`.

    `is_rewrite`: they replace the whole journal, by one atomic step. Saves are done in order.
    """

    number: int
    records: tuple[Record, ...]
    is_rewrite: bool = False


@frozen
class Answered:
    """The answer to the request of this token."""

    token: int
    answer: Answer


@frozen
class MapChanged:
    """The map that routes from now on; None: the node is unformed (again)."""

    map: ClusterMap | None


@frozen
class MemberNews:
    """A member appeared or changed (`previous` None: new), or was forgotten (`view` None)."""

    node: NodeId
    view: MemberView | None
    previous: MemberStatus | None


@frozen
class Notice:
    """Something to be logged; `level` is a level of the logging module."""

    level: int
    text: str


@frozen
class Stop:
    """This node must not go on under this id: it was removed, or another process has it."""

    reason: str


@frozen
class Retire:
    """This life of the node is over, by a reset or a removal: it begins again as another node.

    The shell replaces the journal by `records`, draws a new id, durably, and makes a new plane.
    """

    reason: str
    records: tuple[Record, ...]


Output = Union[
    SendDatagram,
    SendMessage,
    Save,
    Answered,
    MapChanged,
    MemberNews,
    Notice,
    Stop,
    Retire,
]
