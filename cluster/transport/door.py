"""Where peers knock: the listening socket, in doses, and at rest after it failed."""

from __future__ import annotations

import logging

from cluster.transport.options import TransportOptions
from cluster.transport.poller import READABLE, Connection, PeerListener, Poller

logger = logging.getLogger(__name__)


class Door:
    """Takes connections from a listener.

    Attributes:
        number: of the listening socket.
        is_resting: accepting has failed, and the listener is not looked at until `resume`.
    """

    def __init__(self, listener: PeerListener, poller: Poller, options: TransportOptions) -> None:
        self._listener = listener
        self._poller = poller
        self._accepts_max = options.accepts_max
        self.number = listener.fileno()
        self.is_resting = False
        poller.register(self.number, READABLE)

    def accept(self) -> list[tuple[Connection, str]]:
        """Return the connections that wait, with their addresses; some of them if there are many.

        When it fails it is mostly for too many open files. That would be reported again at once,
        so the listener rests.
        """
        accepted: list[tuple[Connection, str]] = []
        try:
            while len(accepted) < self._accepts_max:
                connection, address, _ = self._listener.accept()
                accepted.append((connection, address))
        except BlockingIOError:
            pass  # nobody waits any more
        except OSError as failure:
            logger.warning("A peer's connection could not be accepted: %s", failure)
            self._poller.modify(self.number, 0)
            self.is_resting = True
        return accepted

    def resume(self) -> None:
        """Listen again if it rests."""
        if self.is_resting:
            self.is_resting = False
            self._poller.modify(self.number, READABLE)

    def close(self) -> None:
        """Stop listening."""
        self._poller.unregister(self.number)
        self._listener.close()
