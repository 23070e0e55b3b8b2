"""What the control plane is fed with: packets, messages, finished saves and requests."""

from __future__ import annotations

from typing import Union

from attrs import frozen

from cluster.control.requests import Request
from cluster.identity import Endpoint, NodeId
from cluster.wire.messages import PeerMessage


@frozen
class DatagramReceived:
    """An opened datagram: its payload is a membership packet that came from `source`."""

    source: Endpoint
    payload: bytes


@frozen
class MessageReceived:
    """A message over a link. `endpoint` is the gossip endpoint that the peer announced."""

    node: NodeId
    endpoint: Endpoint
    message: PeerMessage


@frozen
class LinkFailed:
    """The link to this endpoint broke or could not be opened; what was sent may be lost.

    `is_duplicate`: a process answered there that has this node's own id.
    """

    endpoint: Endpoint
    is_duplicate: bool = False


@frozen
class Saved:
    """Every `Save` up to this number is durable."""

    number: int


@frozen
class Asked:
    """A request of this node's own commands; answered once by `outputs.Answered`."""

    token: int
    request: Request


Input = Union[DatagramReceived, MessageReceived, LinkFailed, Saved, Asked]
