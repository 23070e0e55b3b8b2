"""Starts the servers that are measured, or takes running ones, and ends what it started.

A server that was started here gets a temporary directory, free ports and one core, and is ended
in every case: normal end, error, Ctrl-C and SIGTERM through the context manager, a killed
benchmark through the kernel (PR_SET_PDEATHSIG). A server that was already running is left as it
is: it is not pinned and not ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from tools.connection import Address, Connection, ConnectionLost, ErrorReply

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 20.0
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class BenchmarkError(Exception):
    """A measurement cannot be made; the text says why, for the person at the screen."""


@attrs.frozen(eq=False)
class Server:
    """A server under measurement.

    Attributes:
        name: `redis` or `meridian`, the column of the report.
        pid: its process on this machine, None when it runs elsewhere (no CPU figures then).
        core: the core it is pinned to, None when it is not.
        setup: how it was started, for the report.
        is_ours: we have started it and may stop it.
    """

    name: str
    address: Address
    version: str
    pid: int | None
    core: int | None
    setup: str
    is_ours: bool = False


@contextmanager
def at_rest(server: Server) -> Iterator[None]:
    """Stop a server of ours (SIGSTOP) while another one is measured on its core.

    Only its own process: children that it has started, for a flush or the rewrite of a log, come
    to their end, or nobody could end them if we were killed meanwhile.

    What a server does ten times a second although nobody asks it for anything would be part of
    the other's latencies: with that and a lively progress bar p99 of redis-server was 0.57 ms,
    without them 0.51 (2026-11-30).
    """
    if not server.is_ours or server.pid is None:
        yield
        return
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@contextmanager
def redis_server(where: str, core: int | None) -> Iterator[Server]:
    """A redis-server with `appendonly yes`: started from a program, or taken at `host:port`."""
    address = running_address(where)
    if address is not None:
        yield take("redis", address)
        return
    port = free_ports(1)[0]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes", "--save", ""]
    options += ["--appendfsync", "everysec", "--maxclients", "20000"]
    with started("redis", [where, *options], port, core, "appendonly yes") as server:
        yield server


@contextmanager
def meridian_server(where: str, core: int | None, extra: Sequence[str] = ()) -> Iterator[Server]:
    """This Meridian: started from the same Python when `where` is empty, or at `host:port`."""
    address = running_address(where)
    if address is not None:
        yield take("meridian", address)
        return
    port, gossip, http = free_ports(3)
    command = [sys.executable, "-m", "meridian_resp", "--port", str(port)]
    command += ["--bind", "127.0.0.1", "--gossip-port", str(gossip), "--http-port", str(http)]
    command += ["--appendfsync", "everysec", "--maxclients", "20000", *extra]
    setup = " ".join(["appendfsync everysec", *extra])
    with started("meridian", command, port, core, setup) as server:
        yield server


def running_address(where: str) -> Address | None:
    """The address in `host:port`, None when the text is a program's path or empty."""
    host, colon, port = where.rpartition(":")
    if not colon or "/" in where or not port.isdigit():
        return None
    return Address(host=host or "127.0.0.1", port=int(port))


def take(name: str, address: Address) -> Server:
    """A server that already runs.

    Raises:
        BenchmarkError: nobody answers there.
    """
    try:
        with Connection(address) as connection:
            facts = connection.info("server")
    except (ConnectionLost, ErrorReply) as error:
        raise BenchmarkError(f"{name}: {error}") from error
    pid = int(facts.get("process_id", "0"))
    known = address.is_local and pid > 0 and Path(f"/proc/{pid}").exists()
    return Server(
        name=name,
        address=address,
        version=version_of(facts),
        pid=pid if known else None,
        core=None,
        setup=f"already running at {address}",
    )


@contextmanager
def started(
    name: str,
    command: Sequence[str],
    port: int,
    core: int | None,
    setup: str,
) -> Iterator[Server]:
    """Run a server in a temporary directory until the block ends.

    Raises:
        BenchmarkError: it cannot be started or ends at once; the text has its last words.
    """
    with tempfile.TemporaryDirectory(prefix=f"meridian-bench-{name}-") as directory:
        log = Path(directory) / "server.log"
        data = Path(directory) / "data"
        data.mkdir()
        with log.open("wb") as output:
            try:
                process = subprocess.Popen(
                    [*command, "--dir", str(data)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    preexec_fn=prepared_child(core),
                )
            except OSError as error:
                raise BenchmarkError(f"{name}: {command[0]}: {error.strerror}") from error
        try:
            address = Address(port=port)
            facts = wait_until_it_answers(name, process, address, log)
            yield Server(name, address, version_of(facts), process.pid, core, setup, is_ours=True)
        finally:
            end(process)


def prepared_child(core: int | None) -> Callable[[], None]:
    """What the child does before it becomes the server: take its core, promise to end with us."""
    parent = os.getpid()

    def prepare() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})
        # Not SIGTERM: a server at rest would take no notice of it. Its children see its end.
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # the benchmark died before the promise was made

    return prepare


def wait_until_it_answers(
    name: str, process: subprocess.Popen[bytes], address: Address, log: Path
) -> dict[str, str]:
    """Wait for the first answer to INFO and return it.

    Raises:
        BenchmarkError: the process ended, or did not answer in time.
    """
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = "\n".join(words[-8:])
            raise BenchmarkError(f"{name} ended with code {process.returncode}:\n{last}")
        try:
            with Connection(address, timeout_s=1.0) as connection:
                return connection.info("server")
        except (ConnectionLost, ErrorReply):
            time.sleep(0.02)
    raise BenchmarkError(f"{name} did not answer within {START_SECONDS_MAX:.0f} s")


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop the process: politely first, by force when it takes too long."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def version_of(facts: dict[str, str]) -> str:
    """Meridian's own version when the server names one, else the Redis version."""
    return facts.get("meridian_version") or facts.get("redis_version", "unknown")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; they are all held until the last one is found."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(holder.getsockname()[1]) for holder in holders]
    for holder in holders:
        holder.close()
    return ports
