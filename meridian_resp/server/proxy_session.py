"""A client of another node, as the node that executes its requests has it.

It is a session like any other to dispatch and the reactor, without a socket: what it answers goes
back over the link that the request came on. There is one per client of a peer while a request of
it is being executed; between requests nothing has to be remembered, so idle ones are used again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from meridian_resp.protocol.request_limits import RequestLimits
from meridian_resp.protocol.requests import RequestParser
from meridian_resp.server.session import Session

if TYPE_CHECKING:
    from cluster.control.data_handler import PeerLink
    from cluster.identity import NodeId
    from cluster.wire.messages import Forward
    from meridian_resp.datatypes.database import Database

_LIMITS: Final = RequestLimits()


class NoSocket:
    """The connection of a session that has none."""

    def fileno(self) -> int:
        """A number that is no descriptor."""
        return -1

    def recv(self, size: int, /) -> bytes:
        """Nothing ever comes."""
        raise BlockingIOError

    def send(self, data: bytes | memoryview, /) -> int:
        """Nothing is ever taken."""
        raise BlockingIOError

    def close(self) -> None:
        """There is nothing to close."""


_NO_SOCKET: Final = NoSocket()


class Expected:
    """Replies that one request will make: some that only a transaction needs, then its own."""

    __slots__ = ("link", "number", "passed_over")

    def __init__(self, link: PeerLink, number: int, passed_over: int) -> None:
        self.link = link
        self.number = number
        #: Replies to come that are not the request's own (MULTI, QUEUED ...).
        self.passed_over = passed_over


class ProxySession(Session):
    """The session of another node's client.

    Attributes:
        client: the node it is connected to, and that node's number of it.
        expected: requests given to dispatch whose replies have not been made yet, in order.
        addressed: where the replies in `held` go, in the same order.
        deferred: requests that wait because an earlier one is not done.
    """

    __slots__ = ("addressed", "client", "deferred", "expected")

    takes_pieces = False  # an answer between nodes is one message

    def __init__(self, database: Database, now_s: float) -> None:
        super().__init__(
            0,
            _NO_SOCKET,
            RequestParser(_LIMITS),
            database,
            address="",
            local_address="",
            is_unix=False,
            now_s=now_s,
        )
        self.is_authenticated = True
        self.client: tuple[NodeId, int] | None = None
        self.expected: deque[Expected] = deque()
        self.addressed: deque[Expected] = deque()
        self.deferred: deque[tuple[PeerLink, Forward]] = deque()

    @property
    def is_at_work(self) -> bool:
        """Whether an earlier request has not been executed to its end.

        One whose reply only waits for the end of the tick has, so a client's requests that came
        together are executed together.
        """
        return bool(self.backlog or self.is_held_up)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is known of its client any more."""
        return not (self.expected or self.is_at_work or self.held or self.deferred)
