"""Real TCP sockets for links: listening, dialling, and what is set on each.

Links are for many small messages, so Nagle's delay is off. The kernel's keepalive is on as well:
it finds a dead peer even while the process is busy, and forgets the connection.
"""

from __future__ import annotations

import errno
import os
import socket

from cluster.transport.poller import Connection

_KEEPALIVE_IDLE_S = 10
_KEEPALIVE_INTERVAL_S = 5
_KEEPALIVE_PROBES = 3
_IN_PROGRESS = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK})


def is_numeric(host: str) -> bool:
    """Return whether a host is an IPv4 or IPv6 address and not a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):  # a name; ValueError: it holds a zero byte
            continue
        return True
    return False


class NumericNames:
    """`Names` that knows numeric addresses only; every name is a host without an address."""

    def find(self, host: str) -> tuple[str, ...]:
        """See `Names.find`."""
        return (host,) if is_numeric(host) else ()


class SocketNetwork:
    """`Network` on TCP.

    Args:
        bind_address: numeric address that outgoing connections come from, None to let the
            kernel choose.
    """

    def __init__(self, bind_address: str | None = None) -> None:
        self._bind_address = bind_address

    def dial(self, address: str, port: int) -> Connection:
        """See `Network.dial`."""
        dialling = socket.socket(family_of(address), socket.SOCK_STREAM)
        try:
            dialling.setblocking(False)
            _tune(dialling)
            if self._bind_address is not None and family_of(self._bind_address) == dialling.family:
                dialling.bind((self._bind_address, 0))
            code = dialling.connect_ex((address, port))
            if code not in _IN_PROGRESS:
                raise OSError(code, os.strerror(code))
        except BaseException:
            dialling.close()
            raise
        return dialling

    def dial_failure(self, connection: Connection) -> str:
        """See `Network.dial_failure`."""
        assert isinstance(connection, socket.socket), "dialled by another network"
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return os.strerror(code) if code else ""


class SocketListener:
    """`PeerListener` on TCP."""

    def __init__(self, listening: socket.socket) -> None:
        self._socket = listening

    def fileno(self) -> int:
        """See `PeerListener.fileno`."""
        return self._socket.fileno()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        port: int = self._socket.getsockname()[1]
        return port

    def accept(self) -> tuple[Connection, str, str]:
        """See `PeerListener.accept`."""
        connection, peer = self._socket.accept()
        connection.setblocking(False)
        _tune(connection)
        return connection, address_text(peer), address_text(connection.getsockname())

    def close(self) -> None:
        """See `PeerListener.close`."""
        self._socket.close()


def listen(address: str, port: int, *, backlog: int = 128) -> SocketListener:
    """Listen for links on a numeric address; port 0 lets the kernel choose. Raises OSError."""
    listening = socket.socket(family_of(address), socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listening.family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((address, port))
        listening.listen(backlog)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return SocketListener(listening)


def family_of(address: str) -> socket.AddressFamily:
    """Return the family of a numeric address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def address_text(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """Return `address:port`, with brackets around an IPv6 address."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tune(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)
