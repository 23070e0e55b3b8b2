"""Accepting connections: the listening sockets, and those that rest after a failure."""

from __future__ import annotations

import logging
from typing import Final

from meridian_resp.server.io import READABLE, Io, Listener
from meridian_resp.server.sessions import Sessions

logger = logging.getLogger(__name__)

#: Connections that one listener may bring into a tick.
ACCEPTS_PER_TICK: Final = 64


class Listeners:
    """The listening sockets of a reactor."""

    def __init__(self, io: Io, sessions: Sessions) -> None:
        self._io = io
        self._sessions = sessions
        self._by_number: dict[int, Listener] = {}
        self._resting: list[Listener] = []

    def add(self, listener: Listener) -> None:
        """Accept connections from now on."""
        self._by_number[listener.fileno()] = listener
        self._io.register(listener.fileno(), READABLE)

    def remove_all(self) -> None:
        """Accept no more connections."""
        for number, listener in self._by_number.items():
            self._io.unregister(number)
            listener.close()
        self._by_number.clear()

    def accept(self, number: int, now_s: float) -> None:
        """A socket is ready that is no client's: a listener's, or one that is closed by now."""
        listener = self._by_number.get(number)
        if listener is None:
            return
        for _ in range(ACCEPTS_PER_TICK):
            try:
                connection, peer, own = listener.accept()
            except BlockingIOError:
                return
            except OSError as failure:
                # Mostly too many open files. It would be reported again at once, so the next
                # try waits for `accept_again`.
                logger.warning("A connection could not be accepted: %s", failure)
                self._io.modify(listener.fileno(), 0)
                self._resting.append(listener)
                return
            session = self._sessions.add(connection, peer, own, now_s)
            if session is not None:
                self._io.register(session.fd, READABLE)

    def accept_again(self) -> None:
        """Listen again where accepting failed; called once a second."""
        resting, self._resting = self._resting, []
        for listener in resting:
            if listener.fileno() in self._by_number:
                self._io.modify(listener.fileno(), READABLE)
