"""`meridian-bench mixed`: what normal clients notice of clients that make trouble.

Normal clients send SET and GET at a steady rate, one at a time each (paced.py); beside them runs
one disturbance after the other (disturbances.py). What is judged is the latency of the normal
clients alone. The phases build on each other: those after `filling` run on a server that holds
`keys` keys, those after `doubling` on twice as many.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import attrs

from tools.bench.accounting import resident_bytes
from tools.bench.compare import on_core
from tools.bench.histogram import Histogram
from tools.bench.machine import Machine, this_machine
from tools.bench.paced import PacedClients
from tools.bench.progress import Progress
from tools.bench.report import aligned, machine_lines, server_line
from tools.bench.servers import (
    BenchmarkError,
    Server,
    meridian_server,
    prepared_child,
    redis_server,
)

#: Every phase in its order, with the disturbance that runs beside it (empty: none).
BESIDE = {
    "quiet": "",
    "slow-reader": "slow-reader",
    "pipeliner": "pipeliner",
    "big-values": "big-values",
    "filling": "filler",
    "all-keys": "all-keys",
    "doubling": "filler",
    "full": "",
}
PHASES = tuple(BESIDE)
#: Keys that must be there when a phase begins and when it ends, in units of `keys`.
FILLED_BEFORE = {"all-keys": 1, "doubling": 1, "full": 2}
FILLED_AFTER = {"filling": 1, "doubling": 2}
FILLING_SECONDS_MAX = 600.0


@attrs.frozen(kw_only=True)
class Settings:
    """What to measure; see the options of the command line."""

    server: str
    redis: str
    meridian: str
    clients: int
    rate: int
    seconds: int
    keys: int
    phases: tuple[str, ...]
    server_core: int | None
    load_core: int | None
    extra: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Phase:
    """What normal clients saw during one phase, in milliseconds.

    Attributes:
        disturbance_operations: what the troublesome client did meanwhile (commands, or reads of
            a kilobyte for the slow reader).
        late_p99_ms: how late the measuring client itself was; near the latencies above it, the
            machine and not the server is what was measured.
        resident_mb: memory of the server at the end; None when it cannot be seen.
    """

    name: str
    requests: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    late_p99_ms: float
    disturbance_operations: int
    resident_mb: float | None


@attrs.frozen(kw_only=True)
class MixedResult:
    """Where, what, and the phases."""

    machine: Machine
    description: str
    settings: Settings
    phases: tuple[Phase, ...]


def measure(settings: Settings) -> MixedResult:
    """Start the server, run the phases in their order, end it.

    Raises:
        BenchmarkError: the server cannot be started or a disturbance failed.
        ConnectionLost: the server closed a normal client's connection.
    """
    chosen = [name for name in PHASES if name in settings.phases]
    with ExitStack() as stack:
        if settings.server == "redis":
            server = stack.enter_context(redis_server(settings.redis, settings.server_core))
        else:
            server = stack.enter_context(
                meridian_server(settings.meridian, settings.server_core, settings.extra)
            )
        stack.enter_context(on_core(settings.load_core))
        progress = Progress(len(chosen))
        stack.callback(progress.clear)
        filled = 0
        phases = []
        for name in chosen:
            progress.begin(name)
            wanted = FILLED_BEFORE.get(name, 0) * settings.keys
            if filled < wanted:
                fill(server, settings, filled, wanted)
                filled = wanted
            end_of_filling = FILLED_AFTER.get(name, 0) * settings.keys
            phases.append(run_phase(server, settings, name, filled, end_of_filling, progress))
            filled = max(filled, end_of_filling)
            progress.finish()
    return MixedResult(
        machine=this_machine(),
        description=server_line(server),
        settings=settings,
        phases=tuple(phases),
    )


def run_phase(
    server: Server, settings: Settings, name: str, first: int, end_key: int, progress: Progress
) -> Phase:
    """Measure one phase: for its seconds, or until the filling is done."""
    numbers = (first, end_key) if BESIDE[name] == "filler" else ()
    clients = PacedClients(server.address, settings.clients)
    try:
        with disturbance(server, BESIDE[name], numbers, settings.load_core) as process:

            def goes_on(seconds: float) -> bool:
                progress.tick()
                if numbers:
                    return process is not None and process.poll() is None
                return seconds < settings.seconds

            result = clients.run(settings.rate, goes_on)
            operations = finished_operations(process)
    finally:
        clients.close()
    if result.errors:
        raise BenchmarkError(f"{name}: {result.errors} errors, first: {result.first_error}")
    return summary(name, result.latencies, result.lateness, operations, server)


def summary(
    name: str, latencies: Histogram, lateness: Histogram, operations: int, server: Server
) -> Phase:
    """The figures of a phase."""
    return Phase(
        name=name,
        requests=latencies.total,
        p50_ms=latencies.percentile_ns(50) / 1e6,
        p99_ms=latencies.percentile_ns(99) / 1e6,
        p999_ms=latencies.percentile_ns(99.9) / 1e6,
        max_ms=latencies.max_ns / 1e6,
        late_p99_ms=lateness.percentile_ns(99) / 1e6,
        disturbance_operations=operations,
        resident_mb=resident_bytes(server.pid) / 1e6 if server.pid else None,
    )


@contextmanager
def disturbance(
    server: Server, name: str, numbers: tuple[int, ...], core: int | None
) -> Iterator[subprocess.Popen[str] | None]:
    """Run a troublesome client beside the block; none when the name is empty."""
    if not name:
        yield None
        return
    words = [name, server.address.host, str(server.address.port), *map(str, numbers)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.bench.disturbances", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepared_child(core),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def finished_operations(process: subprocess.Popen[str] | None) -> int:
    """End the disturbance if it has not ended by itself, and read what it did.

    Raises:
        BenchmarkError: it failed, so that there was no disturbance.
    """
    if process is None:
        return 0
    process.terminate()
    output, complaint = process.communicate(timeout=30)
    if process.returncode != 0:
        last = complaint.strip().splitlines()[-1:] or ["no message"]
        raise BenchmarkError(f"the disturbance failed: {last[0]}")
    return int(json.loads(output)["operations"])


def fill(server: Server, settings: Settings, first: int, end_key: int) -> None:
    """Set keys without measuring, for a phase that needs them."""
    with disturbance(server, "filler", (first, end_key), settings.load_core) as process:
        assert process is not None
        process.wait(FILLING_SECONDS_MAX)
        finished_operations(process)


def as_text(result: MixedResult) -> str:
    """The report for a terminal."""
    return "\n".join([*head(result), "", *aligned(cells(result))])


def head(result: MixedResult) -> list[str]:
    """Where and how it was measured."""
    settings = result.settings
    return [
        *machine_lines(result.machine),
        result.description,
        f"{settings.clients} normal clients send {settings.rate:,} requests per second together, "
        f"SET and GET of 64 bytes; {settings.keys:,} keys after filling, twice as many in the end",
    ]


def cells(result: MixedResult) -> list[list[str]]:
    """The table, its titles first."""
    titles = ["beside them", "requests", "p50 ms", "p99 ms", "p99.9 ms", "max ms"]
    rows = [[*titles, "late p99", "done beside", "server MB"]]
    for phase in result.phases:
        figures = (phase.p50_ms, phase.p99_ms, phase.p999_ms, phase.max_ms, phase.late_p99_ms)
        memory = "-" if phase.resident_mb is None else f"{phase.resident_mb:.0f}"
        rows.append(
            [
                phase.name,
                f"{phase.requests:,}",
                *(f"{figure:.2f}" for figure in figures),
                f"{phase.disturbance_operations:,}",
                memory,
            ]
        )
    return rows
