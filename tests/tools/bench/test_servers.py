"""Starting, taking and ending the servers that are measured."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.answering_server import answering_server
from tools.bench.machine import cores_for_measuring
from tools.bench.servers import (
    BenchmarkError,
    Server,
    at_rest,
    free_ports,
    meridian_server,
    redis_server,
    running_address,
    version_of,
)
from tools.connection import Address, Connection, ConnectionLost

NEEDS_REDIS = pytest.mark.skipif(
    not shutil.which("redis-server"), reason="redis-server is missing"
)

ABANDONED = """
import sys
from tools.bench.servers import at_rest, redis_server
with redis_server("redis-server", None) as server, at_rest(server):
    print(server.pid, flush=True)
    sys.stdin.read()
"""


def is_alive(pid: int) -> bool:
    """Whether a process exists that is not only waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_text_is_an_address_or_a_program() -> None:
    """host:port is a running server; a path or a name is a program."""
    assert running_address("127.0.0.1:6379") == Address("127.0.0.1", 6379)
    assert running_address(":6379") == Address("127.0.0.1", 6379)
    for program in ("redis-server", "/opt/redis:7/bin/redis-server", "", "host:port"):
        assert running_address(program) is None


def test_running_server_is_taken_as_it_is() -> None:
    """It is neither pinned nor ended; without a visible process there is no pid."""
    with answering_server() as fake:
        with redis_server(str(fake.address), 0) as server:
            assert (server.name, server.version, server.pid) == ("redis", "7.0.15", None)
            assert server.core is None
        with Connection(fake.address) as connection:
            assert connection.call("PING") == b"PONG"


def test_missing_server_is_told() -> None:
    """Nobody at the given address is an error that names it."""
    (port,) = free_ports(1)
    with pytest.raises(BenchmarkError, match=f"127.0.0.1:{port}"):
        with meridian_server(f"127.0.0.1:{port}", None):
            pytest.fail("there is no such server")


def test_missing_program_is_told() -> None:
    """A program that does not exist is an error that names it."""
    with pytest.raises(BenchmarkError, match="no-such-program: No such file"):
        with redis_server("no-such-program", None):
            pytest.fail("there is no such program")


@pytest.mark.process
def test_program_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    """What the server complained about is in the error."""
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\necho no room on the disk\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(BenchmarkError, match=r"ended with code 3:\nno room on the disk"):
        with redis_server(str(program), None):
            pytest.fail("it cannot have started")


@pytest.mark.process
@pytest.mark.redis
@NEEDS_REDIS
def test_started_redis_is_durable_pinned_and_ended() -> None:
    """appendonly is on, the core is the given one, and nothing is left behind."""
    core, _ = cores_for_measuring()
    with redis_server("redis-server", core) as server:
        assert server.pid is not None
        with Connection(server.address) as connection:
            assert connection.call("CONFIG", "GET", "appendonly") == [b"appendonly", b"yes"]
            answer = connection.call("CONFIG", "GET", "dir")
        assert isinstance(answer, list) and isinstance(answer[1], bytes)
        directory = Path(answer[1].decode())
        assert directory.is_dir()
        if core is not None:
            assert os.sched_getaffinity(server.pid) == {core}
    assert not is_alive(server.pid)
    assert not directory.exists()


@pytest.mark.process
@pytest.mark.redis
@NEEDS_REDIS
def test_server_is_ended_when_the_measurement_fails() -> None:
    """An error inside the block ends the server on the way out."""
    with pytest.raises(RuntimeError, match="measurement"):
        with redis_server("redis-server", None) as server:
            raise RuntimeError("measurement")
    assert server.pid is not None
    assert not is_alive(server.pid)


@pytest.mark.process
@pytest.mark.redis
@NEEDS_REDIS
def test_server_is_ended_when_the_benchmark_is_killed() -> None:
    """Even kill -9 on the benchmark leaves no server, though it stood still."""
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONED], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as benchmark:
        assert benchmark.stdout is not None
        pid = int(benchmark.stdout.readline())
        ending = os.pidfd_open(pid)
        benchmark.kill()
    try:
        wait_for_end(ending)
    finally:
        os.close(ending)
    assert not is_alive(pid)


@pytest.mark.process
@pytest.mark.redis
@NEEDS_REDIS
def test_the_other_server_worked_while_one_was_measured() -> None:
    """One that was started stands still meanwhile; one that ran before is left alone."""
    with redis_server("redis-server", None) as ours:
        with at_rest(ours), pytest.raises(ConnectionLost):
            ping(ours, timeout_s=0.2)
        assert ping(ours) == b"PONG"
        with redis_server(str(ours.address), None) as taken, at_rest(taken):
            assert taken.pid == ours.pid
            assert ping(taken) == b"PONG"
        with pytest.raises(KeyboardInterrupt), at_rest(ours):
            raise KeyboardInterrupt
        assert ping(ours) == b"PONG"


def ping(server: Server, timeout_s: float = 10.0) -> object:
    """What a server answers to PING."""
    with Connection(server.address, timeout_s=timeout_s) as connection:
        return connection.call("PING")


def wait_for_end(descriptor: int) -> None:
    """Wait until the process behind a process descriptor has ended, ten seconds at most."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll(10_000), "the server is still running"


def test_own_version_is_preferred() -> None:
    """Meridian names itself besides the Redis version it follows."""
    assert version_of({"redis_version": "7.0.15", "meridian_version": "0.1.0"}) == "0.1.0"
    assert version_of({"redis_version": "7.0.15"}) == "7.0.15"
    assert version_of({}) == "unknown"


def test_free_ports_are_different() -> None:
    """Ports asked for together never coincide."""
    assert len(set(free_ports(20))) == 20
