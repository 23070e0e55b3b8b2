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
#: Redis' words, which people look for.
_DENIED = (
    b"-DENIED Redis is running in protected mode because protected mode is enabled and no "
    b"password is set for the default user. In this mode connections are only accepted from the "
    b"loopback interface. If you want to connect from external computers to Redis you may adopt "
    b"one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG "
    b"SET protected-mode no' from the loopback interface by connecting to Redis from the same "
    b"host the server is running, however MAKE SURE Redis is not publicly accessible from "
    b"internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively "
    b"you can just disable the protected mode by editing the Redis configuration file, and "
    b"setting the protected mode option to 'no', and then restarting the server. 3) If you "
    b"started the server manually just for testing, restart it with the '--protected-mode no' "
    b"option. 4) Setup a an authentication password for the default user. NOTE: You only need to "
    b"do one of the above things in order for the server to start accepting connections from "
    b"the outside.\r\n"
)
_LOOPBACKS = ("127.", "[::1]:")


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
        """Register a new connection; None if it may not come in, then it is closed.

        Not more than `maxclients` may. As in Redis 7, protected mode without a password lets
        only clients of this machine in, whatever addresses `bind` names.
        """
        if len(self.by_number) >= self._settings.maxclients:
            self._turn_away(connection, _TOO_MANY)
            return None
        is_unix = peer.endswith(":0")
        is_protected = self._settings.protected_mode and not self._settings.requirepass
        if is_protected and not is_unix and not peer.startswith(_LOOPBACKS):
            self._turn_away(connection, _DENIED)
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
            is_unix=is_unix,
            now_s=now_s,
        )
        session.is_authenticated = is_authenticated
        self._conditions.change_state(session)
        self.by_number[session.fd] = session
        self._by_identifier[session.identifier] = session
        return session

    def _turn_away(self, connection: Connection, reason: bytes) -> None:
        self.rejected_count += 1
        try:
            connection.send(reason)
        except OSError:
            pass  # the peer is gone or slow; it is turned away anyway
        connection.close()

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
