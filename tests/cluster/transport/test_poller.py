from __future__ import annotations

import select
import socket

from cluster.transport import poller
from cluster.transport.network import NumericNames, SocketNetwork
from meridian_resp.server import io


def test_events_are_those_of_the_reactor() -> None:
    """Links are registered in the reactor's poller, with its numbers for events."""
    assert (poller.READABLE, poller.WRITABLE) == (io.READABLE, io.WRITABLE)


def test_real_things_fit_the_protocols() -> None:
    """Checked by mypy: an epoll object, the reactor's port, a socket and its listener."""

    def fit(
        poller: poller.Poller,
        connection: poller.Connection,
        network: poller.Network,
        names: poller.Names,
    ) -> tuple[str, ...]:
        poller.register(connection.fileno(), 0)
        poller.unregister(connection.fileno())
        assert network is not None
        return tuple(names.find("127.0.0.1") or ())

    with select.epoll() as epoll, socket.socket() as connection:
        for candidate in (epoll, io.SystemIo()):
            found = fit(candidate, connection, SocketNetwork(), NumericNames())
            assert found == ("127.0.0.1",)
            if isinstance(candidate, io.SystemIo):
                candidate.close()
