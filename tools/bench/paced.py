"""Normal clients: requests at a steady rate, one at a time per connection, timed one by one.

A request is due at its place in the schedule whatever happened to those before it. When its
connection still waits for an earlier answer, its latency counts from the moment it was due, so a
server that pauses for 50 ms is charged with every request that fell into the pause and not only
with the one that met its beginning (no coordinated omission). When the connection is free, the
latency counts from the sending: that the client woke up late is not the server's doing, and is
reported apart.
"""

from __future__ import annotations

import random
import select
import socket
import time
from collections import deque
from collections.abc import Callable

import attrs
import hiredis

from tools.bench.histogram import Histogram
from tools.connection import Address, ConnectionLost, encode_request, open_socket

RECEIVE_BYTES = 1 << 16
CONNECT_SECONDS_MAX = 10.0
NORMAL_KEYS = 1000
VALUE = b"x" * 64
WAIT_SECONDS = 0.001


@attrs.frozen(eq=False)
class PacedResult:
    """Latencies seen by normal clients, and how late the client itself was in sending."""

    latencies: Histogram
    lateness: Histogram
    errors: int
    first_error: str


@attrs.define(eq=False)
class PacedLink:
    """A connection, the due times of its unanswered requests (the first is under way)."""

    channel: socket.socket
    reader: hiredis.Reader = attrs.field(factory=hiredis.Reader)
    due_ns: deque[int] = attrs.field(factory=deque)
    began_ns: int = 0


class PacedClients:
    """A number of connections that share one schedule."""

    def __init__(self, address: Address, clients: int, seed: int = 1) -> None:
        self._poll = select.epoll()
        self._links: list[PacedLink] = []
        self._by_descriptor: dict[int, PacedLink] = {}
        self._errors: list[str] = []
        rng = random.Random(seed)
        names = [b"normal:%04d" % rng.randrange(NORMAL_KEYS) for _ in range(NORMAL_KEYS)]
        self._requests = [encode_request("SET", name, VALUE) for name in names]
        self._requests += [encode_request("GET", name) for name in names]
        rng.shuffle(self._requests)
        self._sent = 0
        try:
            for _ in range(clients):
                channel = open_socket(address, CONNECT_SECONDS_MAX)
                channel.setblocking(False)
                link = PacedLink(channel)
                self._links.append(link)
                self._by_descriptor[channel.fileno()] = link
                self._poll.register(channel.fileno(), select.EPOLLIN)
        except OSError as error:
            self.close()
            raise ConnectionLost(f"no connection to {address}: {error.strerror}") from error

    def close(self) -> None:
        """Close all connections."""
        for link in self._links:
            link.channel.close()
        self._links.clear()
        self._poll.close()

    def run(self, rate: int, goes_on: Callable[[float], bool]) -> PacedResult:
        """Send `rate` requests per second while `goes_on(seconds so far)`, then take the rest.

        Raises:
            ConnectionLost: the server closed a connection.
        """
        latencies, lateness = Histogram(), Histogram()
        self._errors.clear()
        interval_ns = 1_000_000_000 // rate
        begin_ns = next_ns = time.perf_counter_ns()
        scheduled = 0
        going = True
        while going or any(link.due_ns for link in self._links):
            now_ns = time.perf_counter_ns()
            going = going and goes_on((now_ns - begin_ns) / 1e9)
            while going and next_ns <= now_ns:
                link = self._links[scheduled % len(self._links)]
                link.due_ns.append(next_ns)
                if len(link.due_ns) == 1:
                    sent_ns = self._send(link)
                    lateness.record(sent_ns - next_ns)
                    link.began_ns = sent_ns
                scheduled += 1
                next_ns += interval_ns
            for descriptor, _ in self._poll.poll(WAIT_SECONDS):
                self._receive(self._by_descriptor[descriptor], latencies)
        return PacedResult(latencies, lateness, len(self._errors), "".join(self._errors[:1]))

    def _send(self, link: PacedLink) -> int:
        """Send the next request; returns when, in nanoseconds."""
        request = self._requests[self._sent % len(self._requests)]
        self._sent += 1
        sent_ns = time.perf_counter_ns()
        try:
            link.channel.send(request)
        except OSError as error:
            raise ConnectionLost(f"the server closed a connection: {error.strerror}") from error
        return sent_ns

    def _receive(self, link: PacedLink, latencies: Histogram) -> None:
        try:
            data = link.channel.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise ConnectionLost(f"the server closed a connection: {error.strerror}") from error
        if not data:
            raise ConnectionLost("the server closed a normal client's connection")
        link.reader.feed(data)
        answer = link.reader.gets()
        if answer is False:
            return
        if isinstance(answer, hiredis.ReplyError):
            self._errors.append(str(answer))
        latencies.record(time.perf_counter_ns() - link.began_ns)
        link.due_ns.popleft()
        if link.due_ns:
            link.began_ns = link.due_ns[0]
            self._send(link)
