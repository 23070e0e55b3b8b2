"""The registry of connected clients, and the limit on their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from meridian_resp.config.settings import Settings
from meridian_resp.datatypes.database import Database
from meridian_resp.protocol.request_limits import RequestLimits
from meridian_resp.protocol.requests import RequestParser
from meridian_resp.server.conditions import Conditions
from meridian_resp.server.session import Connection, Session

_TOO_MANY = b"-ERR max number of clients reached\r\n"


class Sessions:
    """All sessions by socket number and by client id."""

    def __init__(
        self,
        settings: Settings,
        limits: RequestLimits,
        conditions: Conditions,
        first_database: Database,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._conditions = conditions
        self._first_database = first_database
        self.by_number: dict[int, Session] = {}
        self._by_identifier: dict[int, Session] = {}
        self._last_identifier = 0
        self.accepted_count = 0
        self.rejected_count = 0
        #: Called with each session that goes away, before it is forgotten (WATCH, MONITOR).
        self.on_remove: list[Callable[[Session], None]] = []

    def add(self, connection: Connection, peer: str, own: str, now_s: float) -> Session | None:
        """Register a new connection; None if there are too many, then it is closed."""
        if len(self.by_number) >= self._settings.maxclients:
            self.rejected_count += 1
            try:
                connection.send(_TOO_MANY)
            except OSError:
                pass  # the peer is gone or slow; it is turned away anyway
            connection.close()
            return None
        self.accepted_count += 1
        self._last_identifier += 1
        is_authenticated = not self._settings.requirepass
        session = Session(
            self._last_identifier,
            connection,
            RequestParser(self._limits, authenticated=is_authenticated),
            self._first_database,
            address=peer,
            local_address=own,
            is_unix=peer.endswith(":0"),
            now_s=now_s,
        )
        session.is_authenticated = is_authenticated
        self._conditions.change_state(session)
        self.by_number[session.fd] = session
        self._by_identifier[session.identifier] = session
        return session

    def remove(self, session: Session) -> None:
        """Forget a session whose connection closes."""
        for tell in self.on_remove:
            tell(session)
        self.by_number.pop(session.fd, None)
        self._by_identifier.pop(session.identifier, None)

    def all(self) -> Iterable[Session]:
        """All sessions, oldest first."""
        return self._by_identifier.values()

    def find(self, identifier: int) -> Session | None:
        """The session of that client id."""
        return self._by_identifier.get(identifier)
