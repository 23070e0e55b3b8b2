"""`meridian-bench idle`: what connections cost that do nothing.

Opens many connections, lets each say one PING so that the server has made everything it keeps
for a client, and then reads the server's memory against the value before, and its CPU time over
some seconds in which nobody says anything.
"""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import attrs

from tools.bench.accounting import cpu_time, resident_bytes
from tools.bench.machine import Machine, this_machine
from tools.bench.report import aligned, machine_lines, server_line
from tools.bench.servers import BenchmarkError, Server, meridian_server, redis_server
from tools.connection import Address, ConnectionLost, encode_request, open_socket

ANSWER_SECONDS_MAX = 30.0
SPARE_DESCRIPTORS = 64
#: After so many seconds the work of accepting is over and what remains is the idle state.
SETTLING_SECONDS = 1.0


@attrs.frozen(kw_only=True)
class IdleCost:
    """Of one server: memory before and with the connections, CPU while they idle."""

    server: str
    description: str
    before_bytes: int
    with_connections_bytes: int
    cpu_ms: float

    @property
    def added_mb(self) -> float:
        """Megabytes (of 1,000,000 bytes) that the connections added."""
        return (self.with_connections_bytes - self.before_bytes) / 1e6


@attrs.frozen(kw_only=True)
class IdleResult:
    """Both servers and the setting."""

    machine: Machine
    connections: int
    seconds: int
    costs: tuple[IdleCost, ...]


def measure(
    *,
    redis: str,
    meridian: str,
    connections: int,
    seconds: int,
    core: int | None,
    extra: Sequence[str] = (),
) -> IdleResult:
    """Measure both servers, one after the other.

    Raises:
        BenchmarkError: a server cannot be started or seen, or there are too few descriptors.
    """
    raise_descriptor_limit(connections + SPARE_DESCRIPTORS)
    costs = []
    with redis_server(redis, core) as server:
        costs.append(measure_server(server, connections, seconds))
    with meridian_server(meridian, core, extra) as server:
        costs.append(measure_server(server, connections, seconds))
    return IdleResult(
        machine=this_machine(), connections=connections, seconds=seconds, costs=tuple(costs)
    )


def measure_server(server: Server, connections: int, seconds: int) -> IdleCost:
    """Memory and CPU of one server under idle connections."""
    if server.pid is None:
        raise BenchmarkError(f"{server.name}: its process cannot be seen from here")
    before = resident_bytes(server.pid)
    with idle_connections(server.address, connections):
        time.sleep(SETTLING_SECONDS)
        cpu_before = cpu_time(server.pid)
        time.sleep(seconds)
        used = cpu_time(server.pid).since(cpu_before)
        after = resident_bytes(server.pid)
    return IdleCost(
        server=server.name,
        description=server_line(server),
        before_bytes=before,
        with_connections_bytes=after,
        cpu_ms=used.own_ns / 1e6,
    )


@contextmanager
def idle_connections(address: Address, count: int) -> Iterator[list[socket.socket]]:
    """Connections that have said PING once.

    Raises:
        ConnectionLost: the server refused one.
    """
    with ExitStack() as stack:
        channels = []
        for number in range(count):
            try:
                channel = stack.enter_context(open_socket(address, ANSWER_SECONDS_MAX))
                channel.sendall(encode_request("PING"))
                answer = channel.recv(64)
            except OSError as error:
                raise ConnectionLost(f"connection {number + 1} of {count}: {error}") from error
            if answer != b"+PONG\r\n":
                raise ConnectionLost(f"connection {number + 1} of {count}: {answer!r}")
            channels.append(channel)
        yield channels


def raise_descriptor_limit(wanted: int) -> None:
    """Allow this process and the servers it starts so many open files.

    Raises:
        BenchmarkError: the hard limit is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchmarkError(f"{wanted} open files are needed, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def as_text(result: IdleResult) -> str:
    """The report for a terminal."""
    return "\n".join([*head(result), "", *aligned(cells(result))])


def head(result: IdleResult) -> list[str]:
    """Where and how it was measured."""
    return [
        *machine_lines(result.machine),
        *(cost.description for cost in result.costs),
        f"{result.connections:,} idle connections; CPU over {result.seconds} s",
    ]


def cells(result: IdleResult) -> list[list[str]]:
    """The table, its titles first."""
    rows = [["server", "before MB", "with them MB", "added MB", "CPU ms"]]
    for cost in result.costs:
        before, after = cost.before_bytes / 1e6, cost.with_connections_bytes / 1e6
        figures = (before, after, cost.added_mb, cost.cpu_ms)
        rows.append([cost.server, *(f"{figure:.1f}" for figure in figures)])
    return rows
