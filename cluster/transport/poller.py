"""What links need of the world, as protocols: readiness, connections, a listener, a way to dial.

The reactor's `Io` is a `Poller` as it is, a non-blocking `socket.socket` is a `Connection`, and
the reactor's listeners are `PeerListener`s. So the links of a node are driven by the same loop as
its clients, on real sockets or on those of a simulation.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Final, Protocol

READABLE: Final = select.EPOLLIN
WRITABLE: Final = select.EPOLLOUT


class Poller(Protocol):
    """Readiness of sockets, level-triggered."""

    def register(self, number: int, events: int) -> None:
        """Report these events of a socket from now on."""

    def modify(self, number: int, events: int) -> None:
        """Report other events of a registered socket."""

    def unregister(self, number: int) -> None:
        """Report nothing more of a socket."""


class Connection(Protocol):
    """The part of a non-blocking stream socket that links use."""

    def fileno(self) -> int:
        """Number under which readiness is reported."""

    def recv(self, size: int, /) -> bytes:
        """Bytes read, b"" at end of stream; BlockingIOError when there are none."""

    def send(self, data: bytes | memoryview, /) -> int:
        """Number of bytes taken; BlockingIOError when none."""

    def close(self) -> None:
        """Close; the number may be reused at once."""


class PeerListener(Protocol):
    """A listening endpoint."""

    def fileno(self) -> int:
        """Number under which readiness is reported."""

    def accept(self) -> tuple[Connection, str, str]:
        """(connection, peer address, own address); BlockingIOError when nobody waits."""

    def close(self) -> None:
        """Stop listening."""


class Network(Protocol):
    """How a connection to another node is begun."""

    def dial(self, address: str, port: int) -> Connection:
        """Begin to connect to a numeric address and return at once.

        The connection is made, or has failed, when it is reported writable.

        Raises:
            OSError: there is no way to that address.
        """

    def dial_failure(self, connection: Connection) -> str:
        """Return why a dialled connection that was reported has failed, "" if it is made."""


class Names(Protocol):
    """Numeric addresses of hosts."""

    def find(self, host: str) -> Sequence[str] | None:
        """Return the addresses of a host, none if it has none, and None while that is asked."""
