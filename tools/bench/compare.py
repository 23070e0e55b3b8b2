"""`meridian-bench compare`: the same load on redis-server and on Meridian, in turn.

The machine is never equally fast for long, so the two servers take turns within each round and
the figures of a row are medians over the rounds. Both servers live during the whole measurement,
each alone on the server's core while it is driven; the one that waits costs almost nothing. What
counts is the CPU time per operation: with one core each it says how many operations a core
carries, and unlike throughput it does not depend on how fast the load generator is.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import attrs

from tools.bench import redis_benchmark, workload
from tools.bench.accounting import CpuTime, cpu_time
from tools.bench.client import LoadClient
from tools.bench.histogram import DriverResult, Percentiles
from tools.bench.machine import Machine, this_machine
from tools.bench.progress import Progress
from tools.bench.servers import (
    BenchmarkError,
    Server,
    at_rest,
    meridian_server,
    redis_server,
)
from tools.bench.workload import Packet, Workload
from tools.connection import Address

OWN = "own"
FILLING_CLIENTS = 4


@attrs.frozen(kw_only=True)
class Settings:
    """What to measure.

    Attributes:
        requests: per run, that is per test, pipeline, server and round.
        driver: `redis-benchmark` or `own`.
        redis: program or `host:port` of redis-server.
        meridian: `host:port`, or empty to start one.
        server_core, load_core: where each runs; None = wherever the kernel likes.
        meridian_options: further options of the Meridian that is started.
    """

    tests: tuple[str, ...]
    pipelines: tuple[int, ...]
    clients: int
    requests: int
    value_bytes: int
    keyspace: int
    rounds: int
    driver: str
    redis: str
    meridian: str
    server_core: int | None
    load_core: int | None
    meridian_options: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Figures:
    """One server in one row; CPU figures are None where the process cannot be seen.

    Attributes:
        cpu_us: CPU microseconds per operation of the server's own process.
        children_cpu_us: of its child processes, per operation (flush, compaction, AOF rewrite).
    """

    operations_per_s: float
    cpu_us: float | None
    children_cpu_us: float | None
    latency: Percentiles


@attrs.frozen(kw_only=True)
class Row:
    """One test at one pipeline depth, both servers; medians over the rounds."""

    test: str
    pipeline: int
    redis: Figures
    meridian: Figures

    @property
    def cpu_ratio(self) -> float | None:
        """Meridian's CPU per operation divided by Redis'; smaller is better."""
        if self.redis.cpu_us is None or self.meridian.cpu_us is None:
            return None
        return quotient(self.meridian.cpu_us, self.redis.cpu_us)

    @property
    def throughput_ratio(self) -> float | None:
        """Meridian's operations per second divided by Redis'; larger is better."""
        return quotient(self.meridian.operations_per_s, self.redis.operations_per_s)

    @property
    def p99_ratio(self) -> float | None:
        """Meridian's 99th percentile divided by Redis'; smaller is better."""
        return quotient(self.meridian.latency.p99_ms, self.redis.latency.p99_ms)


@attrs.frozen(kw_only=True)
class Comparison:
    """The whole result: where, what, and the rows."""

    machine: Machine
    settings: Settings
    servers: tuple[Server, ...]
    rows: tuple[Row, ...]


def compare(settings: Settings) -> Comparison:
    """Start both servers, measure, end them.

    Raises:
        BenchmarkError: a server cannot be started or a run failed.
        ConnectionLost: a server went away during a run.
    """
    if settings.driver != OWN and not redis_benchmark.is_installed():
        raise BenchmarkError("redis-benchmark is not installed; use --driver own")
    with ExitStack() as stack:
        core = settings.server_core
        redis = stack.enter_context(redis_server(settings.redis, core))
        meridian = stack.enter_context(
            meridian_server(settings.meridian, core, settings.meridian_options)
        )
        stack.enter_context(on_core(settings.load_core))
        servers = (redis, meridian)
        cells = [(test, depth) for depth in settings.pipelines for test in settings.tests]
        progress = Progress(len(servers) * (1 + len(cells) * settings.rounds))
        stack.callback(progress.clear)
        for server in servers:
            progress.begin(f"filling {server.name}")
            keys = workload.filling(0, settings.keyspace, settings.value_bytes)
            drive_own(server.address, keys, FILLING_CLIENTS, progress.tick)
            progress.finish()
        rows = tuple(measure_row(settings, servers, *cell, progress) for cell in cells)
    return Comparison(machine=this_machine(), settings=settings, servers=servers, rows=rows)


def measure_row(
    settings: Settings,
    servers: tuple[Server, Server],
    test: str,
    pipeline: int,
    progress: Progress,
) -> Row:
    """All rounds of one test at one pipeline depth."""
    load = Workload(
        test=test,
        pipeline=pipeline,
        clients=settings.clients,
        requests=settings.requests,
        value_bytes=settings.value_bytes,
        keyspace=settings.keyspace,
    )
    measured: dict[str, list[Figures]] = {server.name: [] for server in servers}
    for number in range(settings.rounds):
        for server in servers:
            progress.begin(f"{test.upper()} P={pipeline} {server.name} round {number + 1}")
            with ExitStack() as stack:
                for other in servers:
                    if other is not server:
                        stack.enter_context(at_rest(other))
                figures = measure(settings, server, load, number, progress.tick)
            measured[server.name].append(figures)
            progress.finish()
    redis, meridian = (median(measured[server.name]) for server in servers)
    return Row(test=test, pipeline=pipeline, redis=redis, meridian=meridian)


def measure(
    settings: Settings, server: Server, load: Workload, seed: int, waiting: Callable[[], None]
) -> Figures:
    """One run against one server, with its CPU time read at both ends."""
    before = cpu_time(server.pid) if server.pid else None
    if settings.driver == OWN:
        packets = workload.packets(load, seed)
        result = drive_own(server.address, packets, load.clients, waiting)
    else:
        result = redis_benchmark.drive(
            server.address, load, core=settings.load_core, waiting=waiting
        )
    used = cpu_time(server.pid).since(before) if server.pid and before else None
    return Figures(
        operations_per_s=result.operations_per_s,
        cpu_us=per_operation_us(used, load.requests, children=False),
        children_cpu_us=per_operation_us(used, load.requests, children=True),
        latency=result.latency,
    )


def drive_own(
    address: Address, packets: Iterator[Packet], clients: int, waiting: Callable[[], None]
) -> DriverResult:
    """A run with the own client.

    Raises:
        BenchmarkError: the server answered with an error.
    """
    client = LoadClient(address, clients)
    try:
        result = client.run(packets, progress=waiting)
    finally:
        client.close()
    if result.errors:
        raise BenchmarkError(f"{address}: {result.errors} errors, first: {result.first_error}")
    return DriverResult(result.latencies.total / result.seconds, result.latencies.percentiles())


def per_operation_us(used: CpuTime | None, operations: int, *, children: bool) -> float | None:
    """CPU microseconds per operation, of the process or of its children."""
    if used is None:
        return None
    return (used.children_ns if children else used.own_ns) / 1000 / operations


def median(rounds: Sequence[Figures]) -> Figures:
    """Each figure by itself: its median over the rounds; of the maximum, the largest.

    Of children the mean: they work once in several rounds, which a median would not show.
    """
    return Figures(
        operations_per_s=statistics.median(r.operations_per_s for r in rounds),
        cpu_us=median_known([r.cpu_us for r in rounds]),
        children_cpu_us=mean_known([r.children_cpu_us for r in rounds]),
        latency=Percentiles(
            p50_ms=statistics.median(r.latency.p50_ms for r in rounds),
            p95_ms=statistics.median(r.latency.p95_ms for r in rounds),
            p99_ms=statistics.median(r.latency.p99_ms for r in rounds),
            max_ms=max(r.latency.max_ms for r in rounds),
        ),
    )


def median_known(values: Sequence[float | None]) -> float | None:
    """The median, or None when a figure is unknown."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if len(known) == len(values) else None


def mean_known(values: Sequence[float | None]) -> float | None:
    """The mean, or None when a figure is unknown."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def quotient(value: float, other: float) -> float | None:
    """The ratio, None when there is nothing to divide by."""
    return value / other if other else None


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Keep this process on one core for the length of the block."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
