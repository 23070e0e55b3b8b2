"""What forwarding remembers of each client: how much is under way, and what it watches elsewhere.

A client has an entry from its first forwarded request until it goes away. The versions of watched
keys belong to WATCH as the keyspace knows it: a key counts as watched as long as the session's
`watched` holds it, so EXEC, DISCARD, UNWATCH and RESET need not tell anybody here.

A client's requests are small and what they ask for may be great, and all of it comes here whether
the client reads on or not. So it begins with few requests under way, which become more whenever it
could use more, and fewer when replies are long: all that are under way should make no more than
`CLIENT_BYTES_MAX`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from meridian_resp.protocol.pending_replies import PendingReply
    from meridian_resp.server.session import Session

#: Requests and bytes of one client under way above which it is read no further.
CLIENT_REQUESTS_MAX: Final = 4096
#: The same for requests at first, until it is known how long their replies are.
CLIENT_REQUESTS_FIRST: Final = 64
CLIENT_BYTES_MAX: Final = 4 << 20
#: Replies up to this length need no thought, however many.
_LONG_REPLY_BYTES: Final = CLIENT_BYTES_MAX // CLIENT_REQUESTS_MAX


class ForwardingClient:
    """One client's requests under way; identity object."""

    __slots__ = (
        "_limit",
        "_newest",
        "_parked",
        "_reply_bytes",
        "_window",
        "count",
        "size",
        "versions",
    )

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        #: Requests that may be under way as far as they are known, and as far as replies are.
        self._window = self._limit = min(CLIENT_REQUESTS_FIRST, CLIENT_REQUESTS_MAX)
        #: About the longest of the last replies.
        self._reply_bytes = 0
        #: Versions of watched keys; a place instead while the answer is still to come.
        self.versions: dict[bytes, int | PendingReply] = {}
        #: Number of the newest request by slot, as long as anything is under way.
        self._newest: dict[int, int] = {}
        #: How many requests by slot wait for a newer map.
        self._parked: dict[int, int] = {}

    def begin(self, number: int, slot: int, size: int) -> None:
        """A request is under way."""
        self.count += 1
        self.size += size
        self._newest[slot] = number

    def end(self, size: int, reply_bytes: int = 0) -> None:
        """A request was answered."""
        self.count -= 1
        self.size -= size
        if reply_bytes > _LONG_REPLY_BYTES or self._reply_bytes:
            known = self._reply_bytes
            self._reply_bytes = max(reply_bytes, known - (known >> 3) - 1)
            self._derive_limit()
        if not self.count:
            self._newest.clear()

    def widen(self) -> None:
        """It could use more than it may have: let it have more."""
        self._window = min(2 * self._window, CLIENT_REQUESTS_MAX)
        self._derive_limit()

    def _derive_limit(self) -> None:
        fitting = CLIENT_BYTES_MAX // self._reply_bytes if self._reply_bytes else self._window
        self._limit = max(1, min(self._window, fitting))

    @property
    def has_much(self) -> bool:
        """Whether it should wait before it sends more."""
        return self.count > self._limit or self.size > CLIENT_BYTES_MAX

    @property
    def has_little(self) -> bool:
        """Whether it may go on after having had much."""
        return self.count <= self._limit // 2 and self.size <= CLIENT_BYTES_MAX // 2

    # --- the second attempt ---

    def may_retry(self, number: int, slot: int) -> bool:
        """Whether no later request for the slot could be overtaken by a second attempt."""
        return self._newest.get(slot) == number

    def has_parked(self, slot: int) -> bool:
        """Whether a request for the slot waits for a newer map."""
        return slot in self._parked

    def park(self, slot: int) -> None:
        """A request for the slot waits for a newer map."""
        self._parked[slot] = self._parked.get(slot, 0) + 1

    def unpark(self, slot: int) -> None:
        """It no longer does."""
        self._parked[slot] -= 1
        if not self._parked[slot]:
            del self._parked[slot]

    # --- WATCH ---

    def forget_versions(self, keys: Iterable[bytes] | None) -> None:
        """Forget what was known of keys, or of all, since they are not watched any more."""
        if keys is None:
            self.versions.clear()
            return
        for key in keys:
            self.versions.pop(key, None)

    def watch(self, keys: Iterable[bytes], pending: PendingReply) -> None:
        """Their versions are asked for."""
        for key in keys:
            self.versions[key] = pending

    def learn(self, keys: Sequence[bytes], pending: PendingReply, versions: Sequence[int]) -> None:
        """Their versions are known, unless they are asked for once more meanwhile."""
        for key, version in zip(keys, versions, strict=True):
            if self.versions.get(key) is pending:
                self.versions[key] = version


class ForwardingClients:
    """The entries of all clients."""

    def __init__(self) -> None:
        self._by_session: dict[Session, ForwardingClient] = {}
        #: Clients that are read no further.
        self.stopped: set[Session] = set()
        #: Clients that may go on, to be taken by whoever lets them.
        self.released: list[Session] = []

    def of(self, session: Session) -> ForwardingClient:
        """The entry of a client, made if need be."""
        client = self._by_session.get(session)
        if client is None:
            client = self._by_session[session] = ForwardingClient()
        return client

    def find(self, session: Session) -> ForwardingClient | None:
        """The entry of a client that has one."""
        return self._by_session.get(session)

    def end(self, session: Session, size: int, reply_bytes: int = 0) -> bool:
        """A request was answered; whether its client is still there."""
        client = self._by_session.get(session)
        if client is None:
            return False
        client.end(size, reply_bytes)
        if session in self.stopped and client.has_little:
            client.widen()
            self.stopped.discard(session)
            self.released.append(session)
        return True

    def stop(self, session: Session) -> None:
        """Read no further from a client until half of what it may have is answered."""
        self.stopped.add(session)

    def forget(self, session: Session) -> None:
        """A client goes away."""
        self._by_session.pop(session, None)
        self.stopped.discard(session)

    def take_released(self) -> list[Session]:
        """The clients that may go on since this was asked last."""
        released, self.released = self.released, []
        return released
