"""Drives a server with the redis-benchmark program and reads its CSV.

One test at a time, so that the CPU time of the server can be read before and after exactly that
test.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Callable

from tools.bench.histogram import DriverResult, Percentiles
from tools.bench.servers import BenchmarkError, prepared_child
from tools.bench.workload import Workload
from tools.connection import Address

PROGRAM = "redis-benchmark"
RUN_SECONDS_MAX = 600.0
#: Between two looks at the clock for the progress bar. Each takes the core from the program that
#: makes the load: ten a second were seen in p99 of both servers.
POLL_SECONDS = 0.5


def is_installed() -> bool:
    """Whether the program can be started."""
    return shutil.which(PROGRAM) is not None


def arguments(address: Address, workload: Workload) -> list[str]:
    """The command line of a run; three decimals, because a millisecond is long here."""
    options = {
        "-t": workload.test,
        "-n": workload.requests,
        "-c": workload.clients,
        "-P": workload.pipeline,
        "-d": workload.value_bytes,
        "-r": workload.keyspace,
        "-h": address.host,
        "-p": address.port,
        "--precision": 3,
    }
    return [PROGRAM, "--csv", *(str(word) for pair in options.items() for word in pair)]


def drive(
    address: Address,
    workload: Workload,
    *,
    core: int | None = None,
    waiting: Callable[[], None] = lambda: None,
) -> DriverResult:
    """Run the program to its end; `waiting` is called twice a second meanwhile.

    Raises:
        BenchmarkError: it is not installed, failed, or the server answered with an error.
    """
    try:
        process = subprocess.Popen(
            arguments(address, workload),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=prepared_child(core),
        )
    except OSError as error:
        raise BenchmarkError(f"{PROGRAM}: {error.strerror}") from error
    with process:
        try:
            for _ in range(int(RUN_SECONDS_MAX / POLL_SECONDS)):
                try:
                    output, _ = process.communicate(timeout=POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    waiting()
            else:
                raise BenchmarkError(f"{PROGRAM} took longer than {RUN_SECONDS_MAX:.0f} s")
        finally:
            if process.poll() is None:
                process.kill()
    if process.returncode != 0:
        raise BenchmarkError(f"{PROGRAM} failed: {output.strip()}")
    return parse(output)


def parse(output: str) -> DriverResult:
    """Read the two lines of CSV: the names of the columns and the figures.

    Raises:
        BenchmarkError: they are something else, for example an error of the server.
    """
    lines = [line for line in output.splitlines() if line.startswith('"')]
    rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
    try:
        (row,) = rows
        return DriverResult(
            operations_per_s=float(row["rps"]),
            latency=Percentiles(
                p50_ms=float(row["p50_latency_ms"]),
                p95_ms=float(row["p95_latency_ms"]),
                p99_ms=float(row["p99_latency_ms"]),
                max_ms=float(row["max_latency_ms"]),
            ),
        )
    except (ValueError, KeyError) as error:
        raise BenchmarkError(f"{PROGRAM} said: {output.strip()[:500]}") from error
