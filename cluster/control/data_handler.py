"""What the shell of the control plane hands on: messages about data, and news that matter to them.

Links carry the control plane's messages and the forwarded requests of clients alike. The shell
takes the former for itself; the latter, tags 30 to 39, belong to the server above, which attaches
one `DataHandler`. It is called from within a tick of the reactor.
"""

from __future__ import annotations

from typing import Protocol, Union

from cluster.identity import Endpoint, NodeId
from cluster.wire.messages import (
    Forward,
    ForwardReply,
    KeyVersionsReply,
    KeyVersionsRequest,
    PeerMessage,
)

DataMessage = Union[Forward, ForwardReply, KeyVersionsRequest, KeyVersionsReply]
#: For a test of what a message is: `isinstance(message, DATA_MESSAGES)`.
DATA_MESSAGES = (Forward, ForwardReply, KeyVersionsRequest, KeyVersionsReply)


class PeerLink(Protocol):
    """The end of a link to another node, as far as a handler of messages uses it."""

    @property
    def node(self) -> NodeId:
        """Who is at the other end."""

    @property
    def endpoint(self) -> Endpoint:
        """The gossip endpoint that it announces."""

    @property
    def is_outgoing(self) -> bool:
        """Whether this node opened the connection."""

    @property
    def queued_bytes(self) -> int:
        """What waits to be sent on it."""

    def send(self, message: PeerMessage) -> bool:
        """Queue a message for the next flush; False: nothing was queued."""


class DataHandler(Protocol):
    """Who takes messages about data."""

    def on_message(self, link: PeerLink, message: DataMessage) -> None:
        """A request of another node, or its reply to one of ours."""

    def on_link_up(self, link: PeerLink) -> None:
        """A link, of either direction, is up: what was queued on it may be sent from now on."""

    def on_link_down(self, link: PeerLink) -> None:
        """A link that was up has ended; what was sent on it may or may not have arrived."""

    def on_endpoint_failed(self, endpoint: Endpoint) -> None:
        """An endpoint could not be reached; nothing that was queued for it was sent."""

    def on_map_changed(self) -> None:
        """There is a newer map, or none any more."""
