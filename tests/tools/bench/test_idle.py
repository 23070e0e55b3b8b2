"""The cost of idle connections."""

from __future__ import annotations

import resource
import shutil

import pytest

from tests.tools.answering_server import answering_server, like_redis
from tools.bench.idle import (
    IdleCost,
    IdleResult,
    as_text,
    idle_connections,
    measure_server,
    raise_descriptor_limit,
)
from tools.bench.machine import Machine
from tools.bench.servers import BenchmarkError, redis_server
from tools.connection import ConnectionLost

MACHINE = Machine("A Processor", 2, 8.0, "Linux 6.1", "3.11.7", "2026-01-02 03:04 UTC")
COST = IdleCost(
    server="meridian",
    description="meridian: 0.1.0",
    before_bytes=50_000_000,
    with_connections_bytes=120_500_000,
    cpu_ms=12.34,
)


def test_every_connection_is_served_before_it_idles() -> None:
    """Each connection has been accepted and answered, so that its memory is really there."""
    pings = []

    def answering(command: list[bytes]) -> bytes:
        pings.append(command)
        return like_redis(command)

    with answering_server(answering) as server:
        with idle_connections(server.address, 20) as channels:
            assert len(channels) == len(pings) == 20
        assert all(channel.fileno() == -1 for channel in channels)


def test_refused_connection_is_told_with_its_number() -> None:
    """Fewer connections than asked for are not measured as if they were all there."""
    count = 0

    def answering(command: list[bytes]) -> bytes:
        nonlocal count
        count += 1
        return b"+PONG\r\n" if count < 3 else b"-ERR max number of clients reached\r\n"

    with answering_server(answering) as server:
        with pytest.raises(ConnectionLost, match=r"connection 3 of 5: .*max number"):
            with idle_connections(server.address, 5):
                pytest.fail("the third was refused")


def test_descriptors_that_cannot_be_had_are_told() -> None:
    """The hard limit is named before the first connection is opened."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        raise_descriptor_limit(1000)
    else:
        with pytest.raises(BenchmarkError, match=f"the hard limit is {hard}"):
            raise_descriptor_limit(hard + 1)


def test_unseen_process_cannot_be_measured() -> None:
    """Memory of a server elsewhere is not guessed."""
    with answering_server() as fake, redis_server(str(fake.address), None) as server:
        with pytest.raises(BenchmarkError, match="cannot be seen"):
            measure_server(server, 1, 0)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.redis
@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is missing")
def test_connections_add_memory() -> None:
    """300 connections of a real server cost between 0.1 and 100 MB."""
    with redis_server("redis-server", None) as server:
        cost = measure_server(server, 300, 0)
    assert 0.1 < cost.added_mb < 100


def test_report_names_the_added_memory() -> None:
    """Added memory is the difference, in megabytes."""
    result = IdleResult(machine=MACHINE, connections=10_000, seconds=5, costs=(COST,))
    words = [line.split() for line in as_text(result).splitlines()]
    assert ["meridian", "50.0", "120.5", "70.5", "12.3"] in words
    assert any("10,000" in line for line in words)
