"""A network and a clock in memory: `Io` for the reactor, with clients that a test holds.

Socket numbers are given out lowest first and again as soon as they are closed, as a kernel does.
Buffers are bounded: a client that does not read fills its own, and `send` of the server takes
part of the bytes, then none. Readiness is level-triggered and reported in order of the numbers;
polls that can't report all go round, as epoll_wait(2) promises.

Time is a base clock plus what readings cost: each look at the clock lets a little time pass, so
that loops bounded by time end.
"""

from __future__ import annotations

import bisect
import errno
from collections import deque
from collections.abc import Callable

import trio

from meridian_resp.server.io import EVENTS_MAX, HANGUP, READABLE, WRITABLE

#: 2023-11-14, a round number of milliseconds.
START_MS = 1_700_000_000_000
START_S = 1000.0
#: Bytes that the simulated kernel keeps per direction.
BUFFER_BYTES = 64 * 1024
#: Time that passes at each reading of the clock, in seconds.
READING_S = 1e-6
_FIRST_NUMBER = 10


class MemoryConnection:
    """The server's end of a connection; a `Connection`."""

    def __init__(self, io: MemoryIo, number: int, buffer_bytes: int) -> None:
        self.io = io
        self.number = number
        self.buffer_bytes = buffer_bytes
        #: From the client: what the kernel holds, and what the client has still to hand over.
        self.inbound = bytearray()
        self.waiting = bytearray()
        self.outbound = bytearray()
        self.is_ended = False
        self.is_reset = False
        self.is_closed = False
        #: Calls of `send`, and sizes of what `recv` gave.
        self.sends = 0
        self.reads: list[int] = []

    def fileno(self) -> int:
        """See `Connection.fileno`."""
        return self.number

    def recv(self, size: int, /) -> bytes:
        """See `Connection.recv`."""
        self._require_open()
        if not self.inbound:
            if self.is_ended:
                return b""
            raise BlockingIOError
        data = bytes(self.inbound[:size])
        del self.inbound[:size]
        self.reads.append(len(data))
        self.flow()
        return data

    def send(self, data: bytes | memoryview, /) -> int:
        """See `Connection.send`; takes what fits."""
        self._require_open()
        self.sends += 1
        room = self.buffer_bytes - len(self.outbound)
        if room <= 0:
            raise BlockingIOError
        taken = bytes(data[:room])
        self.outbound += taken
        return len(taken)

    def close(self) -> None:
        """See `Connection.close`: the number is free at once."""
        assert not self.is_closed, "closed twice"
        self.is_closed = True
        self.io.forget(self.number)

    def flow(self) -> None:
        """Move what the client wants to send into the kernel's buffer."""
        room = self.buffer_bytes - len(self.inbound)
        if room > 0 and self.waiting:
            self.inbound += self.waiting[:room]
            del self.waiting[:room]

    def events(self) -> int:
        """What epoll would report now."""
        events = 0
        if self.inbound or (self.is_ended and not self.waiting):
            events |= READABLE
        if len(self.outbound) < self.buffer_bytes or self.is_reset:
            events |= WRITABLE
        if self.is_reset:
            events |= HANGUP | READABLE
        return events

    def _require_open(self) -> None:
        assert not self.is_closed, "used after its close"
        if self.is_reset:
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


class MemoryClient:
    """The client's end of a connection, in the hands of a test."""

    def __init__(self, connection: MemoryConnection) -> None:
        self.connection = connection
        self._io = connection.io

    @property
    def is_closed(self) -> bool:
        """Whether the server has closed the connection."""
        return self.connection.is_closed

    def send(self, data: bytes) -> None:
        """Hand over bytes; those that the kernel has no room for follow by themselves."""
        self.connection.waiting += data
        self.connection.flow()
        self._io.notify()

    def take(self, size: int | None = None) -> bytes:
        """Read what has arrived, at most `size` bytes."""
        outbound = self.connection.outbound
        data = bytes(outbound if size is None else outbound[:size])
        del outbound[: len(data)]
        self._io.notify()
        return data

    def end(self) -> None:
        """Close the sending direction: the server reads an end of stream."""
        self.connection.is_ended = True
        self._io.notify()

    def reset(self) -> None:
        """Vanish: whatever the server does with the connection now fails."""
        self.connection.is_reset = True
        self._io.notify()


class MemoryListener:
    """A listening endpoint; a `Listener`."""

    def __init__(self, io: MemoryIo, number: int) -> None:
        self._io = io
        self._number = number
        self.waiting: deque[tuple[MemoryConnection, str]] = deque()
        #: Raised by the next `accept`.
        self.failure: OSError | None = None
        self.is_closed = False

    def fileno(self) -> int:
        """See `Listener.fileno`."""
        return self._number

    def accept(self) -> tuple[MemoryConnection, str, str]:
        """See `Listener.accept`; only now the connection gets its number."""
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if not self.waiting:
            raise BlockingIOError
        connection, peer = self.waiting.popleft()
        connection.number = self._io.take_number(connection)
        return connection, peer, "127.0.0.1:7401"

    def close(self) -> None:
        """See `Listener.close`."""
        self.is_closed = True
        self._io.forget(self._number)

    def events(self) -> int:
        """What epoll would report now."""
        return READABLE if self.waiting or self.failure is not None else 0


class MemoryIo:
    """`Io` in memory.

    Attributes:
        now_s: the clock without what its readings cost, when no other clock was given.
        reading_s: what a reading of the clock costs.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.now_s = START_S
        self.reading_s = READING_S
        self._clock = clock
        self._first_s = self._base_s()
        self._spent_s = 0.0
        self._sockets: dict[int, MemoryConnection | MemoryListener] = {}
        self._interests: dict[int, int] = {}
        self._is_woken = False
        self._last_reported = 0
        self._waiters = trio.lowlevel.ParkingLot()
        self._last_port = 50_000
        self.listener = MemoryListener(self, 0)
        self.listener._number = self.take_number(self.listener)

    # --- the reactor's side ---

    def monotonic(self) -> float:
        """See `Io.monotonic`."""
        self._spent_s += self.reading_s
        return self._base_s() + self._spent_s

    def wall_ms(self) -> int:
        """See `Io.wall_ms`."""
        return START_MS + int((self._base_s() - self._first_s) * 1000)

    def _base_s(self) -> float:
        return self.now_s if self._clock is None else START_S + self._clock()

    def register(self, number: int, events: int) -> None:
        """See `Io.register`."""
        assert number in self._sockets, "registered before it was accepted or after its close"
        assert number not in self._interests, "registered twice"
        self._interests[number] = events

    def modify(self, number: int, events: int) -> None:
        """See `Io.modify`."""
        assert number in self._interests, "modified but not registered"
        self._interests[number] = events

    def unregister(self, number: int) -> None:
        """See `Io.unregister`."""
        self._interests.pop(number, None)

    def poll(self, most: int = EVENTS_MAX) -> list[tuple[int, int]]:
        """See `Io.poll`; what was reported last comes last."""
        self._is_woken = False
        ready = self._ready()
        numbers = [number for number, _ in ready]
        first = bisect.bisect(numbers, self._last_reported)
        reported = (ready[first:] + ready[:first])[:most]
        if reported:
            self._last_reported = reported[-1][0]
        return reported

    def _ready(self) -> list[tuple[int, int]]:
        ready = []
        for number in sorted(self._interests):
            wanted = self._interests[number] | HANGUP
            events = self._sockets[number].events() & wanted
            if events:
                ready.append((number, events))
        return ready

    async def wait(self) -> None:
        """See `Io.wait`."""
        await trio.lowlevel.checkpoint()
        while not self._is_woken and not self._ready():
            await self._waiters.park()

    def wake(self) -> None:
        """See `Io.wake`."""
        self._is_woken = True
        self.notify()

    def close(self) -> None:
        """See `Io.close`."""
        self._interests.clear()

    # --- the kernel's side ---

    def notify(self) -> None:
        """Something may have become ready."""
        self._waiters.unpark_all()

    def take_number(self, socket: MemoryConnection | MemoryListener) -> int:
        """The lowest free number."""
        number = _FIRST_NUMBER
        while number in self._sockets:
            number += 1
        self._sockets[number] = socket
        return number

    def forget(self, number: int) -> None:
        """Give a number back."""
        self._sockets.pop(number, None)
        self._interests.pop(number, None)

    def interest(self, client: MemoryClient) -> int:
        """Events that the reactor has asked for on a client's connection."""
        return self._interests[client.connection.number]

    def connect(self, *, peer: str = "", buffer_bytes: int = BUFFER_BYTES) -> MemoryClient:
        """Another client that waits to be accepted."""
        self._last_port += 1
        connection = MemoryConnection(self, -1, buffer_bytes)
        address = peer or f"127.0.0.1:{self._last_port}"
        self.listener.waiting.append((connection, address))
        self.notify()
        return MemoryClient(connection)
