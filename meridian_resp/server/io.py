"""The reactor's port to the world: readiness, clocks, listening sockets.

Everything the reactor needs of the operating system goes through `Io`, so that a simulated
network and clock can drive the very same reactor. Connections are used through the small
`Connection` protocol of `session.py`, which a non-blocking `socket.socket` satisfies as it is.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from typing import Final, Protocol

import trio

from meridian_resp.server.session import Connection

READABLE: Final = select.EPOLLIN
WRITABLE: Final = select.EPOLLOUT
HANGUP: Final = select.EPOLLHUP | select.EPOLLERR
#: Ready sockets looked at in one tick at most. Replies leave at the end of a tick, so with fifty
#: clients two smaller ticks answer the first sooner than one (p99 a fifth lower, 2026-11-22).
EVENTS_MAX: Final = 32
#: The same after a tick that wrote: its replies waited for the log, and who was answered sends its
#: next command while others are served. p99 of SET with fifty clients, in ms, and CPU in us, the
#: best of a dozen runs: 0.78 and 12.4 with 16, 0.79 and 12.2 with 20, 0.86 and 12.0 with 24, 0.85
#: and 11.6 with 32 (2026-11-30). Readers would gain nothing by it.
WRITING_EVENTS_MAX: Final = 20
#: What Linux takes for TCP_KEEPIDLE at most.
_KEEPALIVE_MAX_S: Final = 32767


class Listener(Protocol):
    """A listening endpoint."""

    def fileno(self) -> int:
        """Number under which readiness is reported."""

    def accept(self) -> tuple[Connection, str, str]:
        """(connection, peer address, own address); BlockingIOError when nobody waits."""

    def close(self) -> None:
        """Stop listening."""


class Io(Protocol):
    """Readiness of sockets (level-triggered) and the two clocks."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""

    def wall_ms(self) -> int:
        """Unix milliseconds."""

    def register(self, number: int, events: int) -> None:
        """Report these events of a socket from now on."""

    def modify(self, number: int, events: int) -> None:
        """Report other events of a registered socket."""

    def unregister(self, number: int) -> None:
        """Report nothing more of a socket."""

    def poll(self, most: int = EVENTS_MAX) -> list[tuple[int, int]]:
        """(number, events) of what is ready now, `most` at most; never waits."""

    async def wait(self) -> None:
        """Return when something is ready or `wake` was called; a cancellation loses nothing."""

    def wake(self) -> None:
        """Make a running or the next `wait` return."""

    def close(self) -> None:
        """Release the poller."""


class SystemIo:
    """`Io` on Linux epoll, waited for through Trio."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wake_number = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake_number, READABLE)
        self._epoll_number = self._epoll.fileno()
        self._is_woken = False
        self.monotonic = time.perf_counter
        self.register = self._epoll.register
        self.modify = self._epoll.modify

    def wall_ms(self) -> int:
        """See `Io.wall_ms`."""
        return time.time_ns() // 1_000_000

    def unregister(self, number: int) -> None:
        """See `Io.unregister`; a socket that is closed already is no error."""
        try:
            self._epoll.unregister(number)
        except (OSError, ValueError):
            return

    def poll(self, most: int = EVENTS_MAX) -> list[tuple[int, int]]:
        """See `Io.poll`."""
        events = self._epoll.poll(0, most)
        if self._is_woken:
            self._is_woken = False
            os.eventfd_read(self._wake_number)
            return [event for event in events if event[0] != self._wake_number]
        return events

    async def wait(self) -> None:
        """See `Io.wait`."""
        await trio.lowlevel.wait_readable(self._epoll_number)

    def wake(self) -> None:
        """See `Io.wake`."""
        if not self._is_woken:
            self._is_woken = True
            os.eventfd_write(self._wake_number, 1)

    def close(self) -> None:
        """See `Io.close`."""
        self._epoll.close()
        os.close(self._wake_number)


class SocketListener:
    """A listening TCP or Unix socket whose connections are tuned for request and answer."""

    def __init__(self, listening: socket.socket, *, keepalive_s: Callable[[], int]) -> None:
        self._socket = listening
        self._keepalive_s = keepalive_s
        self.is_unix = listening.family == socket.AF_UNIX

    def fileno(self) -> int:
        """See `Listener.fileno`."""
        return self._socket.fileno()

    def accept(self) -> tuple[Connection, str, str]:
        """See `Listener.accept`."""
        connection, peer = self._socket.accept()
        connection.setblocking(False)
        own = connection.getsockname()
        if self.is_unix:
            return connection, f"{own}:0", f"{own}:0"
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keepalive_s = self._keepalive_s()
        if keepalive_s:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            keepalive_s = min(keepalive_s, _KEEPALIVE_MAX_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, keepalive_s)
            interval = max(keepalive_s // 3, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        return connection, address_text(peer), address_text(own)

    def close(self) -> None:
        """See `Listener.close`."""
        self._socket.close()


def address_text(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """`ip:port`, with brackets around an IPv6 address, as CLIENT LIST prints it."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen_tcp(
    host: str, port: int, *, backlog: int, keepalive_s: Callable[[], int]
) -> SocketListener:
    """Listen on one address; `keepalive_s` is asked at each connection. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(backlog)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return SocketListener(listening, keepalive_s=keepalive_s)


def listen_unix(path: str, *, mode: int, backlog: int) -> SocketListener:
    """Listen on a Unix socket, replacing one left behind by a process that died."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if os.path.exists(path):
            os.unlink(path)
        listening.bind(path)
        if mode:
            os.chmod(path, mode)
        listening.listen(backlog)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return SocketListener(listening, keepalive_s=lambda: 0)
