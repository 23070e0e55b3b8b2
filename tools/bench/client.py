"""The own load generator: many pipelined connections in one thread on epoll.

Each connection sends a packet, waits for all its answers, records the time and sends the next:
the closed loop of redis-benchmark. The client is Python and costs about as much as the server it
drives, so it cannot saturate a server at pipeline 1; redis-benchmark is the default where it is
installed. Bytes are prepared before the clock starts, answers are only counted.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator

import attrs
import hiredis

from tools.bench.histogram import Histogram
from tools.bench.workload import Packet
from tools.connection import Address, ConnectionLost, open_socket

RECEIVE_BYTES = 1 << 18
ANSWER_SECONDS_MAX = 60.0


@attrs.frozen(eq=False)
class LoadResult:
    """What the client saw: seconds of the run, error replies, latency of each request."""

    seconds: float
    errors: int
    first_error: str
    latencies: Histogram


@attrs.define(eq=False)
class Link:
    """One connection of the load.

    Attributes:
        commands: in the packet under way.
        waiting: answers that are still to come for the packet under way.
        unsent: what the kernel has not taken of the packet.
        waits_for_room: whether epoll also watches for room to send.
    """

    channel: socket.socket
    reader: hiredis.Reader = attrs.field(factory=hiredis.Reader)
    sent_ns: int = 0
    commands: int = 0
    waiting: int = 0
    unsent: bytes = b""
    waits_for_room: bool = False


class LoadClient:
    """Drives one server with a number of connections until all requests are answered."""

    def __init__(self, address: Address, clients: int) -> None:
        self._poll = select.epoll()
        self._links: dict[int, Link] = {}
        self._errors = 0
        self._first_error = ""
        try:
            for _ in range(clients):
                channel = open_socket(address, ANSWER_SECONDS_MAX)
                channel.setblocking(False)
                self._links[channel.fileno()] = Link(channel)
                self._poll.register(channel.fileno(), select.EPOLLIN)
        except OSError as error:
            self.close()
            raise ConnectionLost(f"no connection to {address}: {error.strerror}") from error

    def close(self) -> None:
        """Close all connections."""
        for link in self._links.values():
            link.channel.close()
        self._links.clear()
        self._poll.close()

    def run(
        self, packets: Iterator[Packet], *, progress: Callable[[], None] = lambda: None
    ) -> LoadResult:
        """Send packets until there are no more and all are answered.

        A connection sends its next packet when the last one is answered completely; that time
        is the latency of each command in it. `progress` is called now and then.

        Raises:
            ConnectionLost: a connection was closed, or nothing was answered for a minute.
        """
        latencies = Histogram()
        begin_ns = time.perf_counter_ns()
        under_way = sum(self._send_next(link, packets) for link in self._links.values())
        while under_way:
            events = self._poll.poll(ANSWER_SECONDS_MAX)
            if not events:
                raise ConnectionLost(f"no answer within {ANSWER_SECONDS_MAX:.0f} s")
            for descriptor, _ in events:
                link = self._links[descriptor]
                if link.unsent:
                    self._send_rest(link)
                if self._receive(link):
                    latencies.record(time.perf_counter_ns() - link.sent_ns, link.commands)
                    under_way -= not self._send_next(link, packets)
            progress()
        seconds = (time.perf_counter_ns() - begin_ns) / 1e9
        return LoadResult(seconds, self._errors, self._first_error, latencies)

    def _send_next(self, link: Link, packets: Iterator[Packet]) -> bool:
        """Send the next packet, if there is one."""
        packet = next(packets, None)
        if packet is None:
            return False
        link.commands = link.waiting = packet.commands
        link.unsent = packet.data
        link.sent_ns = time.perf_counter_ns()
        self._send_rest(link)
        return True

    def _send_rest(self, link: Link) -> None:
        try:
            taken = link.channel.send(link.unsent)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            raise ConnectionLost(f"the server closed a connection: {error.strerror}") from error
        link.unsent = link.unsent[taken:]
        wants_room = bool(link.unsent)
        if wants_room != link.waits_for_room:
            link.waits_for_room = wants_room
            interest = select.EPOLLIN | select.EPOLLOUT if wants_room else select.EPOLLIN
            self._poll.modify(link.channel.fileno(), interest)

    def _receive(self, link: Link) -> bool:
        """Take what has come; True when the packet under way is answered completely."""
        try:
            data = link.channel.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ConnectionLost(f"the server closed a connection: {error.strerror}") from error
        if not data:
            raise ConnectionLost("the server closed a connection")
        reader = link.reader
        reader.feed(data)
        while (answer := reader.gets()) is not False:
            link.waiting -= 1
            if isinstance(answer, hiredis.ReplyError):
                self._errors += 1
                self._first_error = self._first_error or str(answer)
        return link.waiting == 0
