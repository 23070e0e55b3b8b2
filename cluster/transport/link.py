"""One connection between two nodes: its socket, its core, and what the timers need to know.

A `Link` is passive: `PeerSockets` reads and sends for it. Owners of messages see of it who is at
the other end and `send`. Messages leave at the next flush, all of a link in one system call.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cluster.identity import Endpoint, NodeId
from cluster.transport.link_core import LinkCore
from cluster.transport.poller import READABLE, WRITABLE, Connection, Poller
from cluster.transport.statistics import LinkView
from cluster.wire.messages import PeerMessage

if TYPE_CHECKING:
    from cluster.transport.dialling import Dial

#: A link that is nobody's yet has this node.
_NOBODY: Final = NodeId("")
_NOWHERE: Final = Endpoint("", 0)


class LinkState(enum.Enum):
    """How far a link has come."""

    NAMING = 1  # its host is a name that is being looked up
    CONNECTING = 2
    GREETING = 3
    UP = 4
    CLOSING = 5  # until the end of the tick


class Link:
    """One end of a connection; identity object, valid until `on_link_down`.

    Attributes:
        node: who is at the other end.
        endpoint: the gossip endpoint that it announces.
        is_outgoing: whether this node opened the connection.
        dial: the endpoint that was dialled, None for a connection that was accepted.
        address: numeric address of the other end, for the log.
    """

    __slots__ = (
        "_touch",
        "address",
        "connection",
        "core",
        "created_ms",
        "dial",
        "endpoint",
        "expires_at",
        "heard_at",
        "is_dirty",
        "is_outgoing",
        "is_used",
        "is_writing",
        "node",
        "number",
        "read_bytes",
        "reason",
        "sent_at",
        "state",
        "unsent",
        "up_at",
        "used_at",
    )

    def __init__(
        self,
        core: LinkCore,
        *,
        dial: Dial | None,
        touch: Callable[[Link, PeerMessage | None], None],
    ) -> None:
        self._touch = touch
        self.core = core
        self.dial = dial
        self.is_outgoing = dial is not None
        self.node = _NOBODY
        self.endpoint = dial.endpoint if dial is not None else _NOWHERE
        self.address = ""
        self.connection: Connection | None = None
        self.number = -1
        self.state = LinkState.NAMING if dial is not None else LinkState.GREETING
        self.reason = ""
        #: When naming, connecting or greeting has taken too long.
        self.expires_at = 0.0
        self.created_ms = 0
        self.up_at = self.heard_at = self.sent_at = self.used_at = 0.0
        self.read_bytes = 0
        #: Of the last send, what the kernel did not take.
        self.unsent: memoryview | None = None
        self.is_dirty = False
        #: A message was sent or has arrived since the timers looked.
        self.is_used = False
        self.is_writing = False

    @property
    def is_up(self) -> bool:
        """Whether the other side has proved itself and the link is not ending."""
        return self.state is LinkState.UP

    @property
    def is_closing(self) -> bool:
        """Whether its connection is closed at the end of the tick, or is closed already."""
        return self.state is LinkState.CLOSING

    @property
    def queued_bytes(self) -> int:
        """What waits to be sent."""
        unsent = self.unsent
        return self.core.queued_bytes + (0 if unsent is None else len(unsent))

    def send(self, message: PeerMessage) -> bool:
        """Queue a message for the next flush; False: it is dropped, queue full or link closed."""
        is_queued = self.state is not LinkState.CLOSING and self.core.queue(message)
        self._touch(self, message if is_queued else None)
        return is_queued

    def view(self) -> LinkView:
        """Return what CLUSTER LINKS shows of it."""
        queued = self.queued_bytes
        return LinkView(
            self.is_outgoing,
            self.node,
            self.endpoint,
            self.created_ms,
            "rw" if self.is_writing else "r",
            queued,
            queued,
        )

    def transmit(self, poller: Poller, bytes_max: int) -> int:
        """Send what waits, one piece of about `bytes_max`; return how many bytes the kernel took.

        Raises:
            OSError: the connection is broken.
        """
        connection = self.connection
        if connection is None or self.state is LinkState.CONNECTING:
            return 0
        data: bytes | memoryview | None = self.unsent
        if data is None:
            data = self.core.take(bytes_max)
            if not data:
                return 0
        try:
            sent = connection.send(data)
        except BlockingIOError:
            sent = 0
        self.unsent = memoryview(data)[sent:] if sent < len(data) else None
        self.want_to_write(poller, self.unsent is not None or self.core.has_output)
        return sent

    def want_to_write(self, poller: Poller, is_wanted: bool) -> None:
        """Ask to be told when the kernel takes more, or no longer."""
        if is_wanted != self.is_writing:
            self.is_writing = is_wanted
            poller.modify(self.number, READABLE | WRITABLE if is_wanted else READABLE)

    def close(self, poller: Poller) -> None:
        """Say what can still be said about a refusal, and close the connection."""
        connection = self.connection
        assert connection is not None, "closed without a connection"
        if self.core.has_output and self.unsent is None:
            try:
                connection.send(self.core.take(0))
            except OSError:
                pass  # the kernel does not take it, or the other side has gone
        poller.unregister(self.number)
        connection.close()
