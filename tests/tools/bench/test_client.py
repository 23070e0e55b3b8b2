"""The own load generator against a server that answers as told."""

from __future__ import annotations

import threading

import pytest

from tests.tools.answering_server import answering_server, like_redis
from tools.bench.client import LoadClient
from tools.bench.workload import Packet, Workload, packets
from tools.connection import ConnectionLost, encode_request


def load(pipeline: int, requests: int) -> Workload:
    """A run of GET."""
    return Workload(
        test="get", pipeline=pipeline, clients=3, requests=requests, value_bytes=1, keyspace=9
    )


@pytest.mark.parametrize(("pipeline", "requests"), [(1, 100), (16, 160), (1000, 3000)])
def test_all_requests_are_sent_and_timed(pipeline: int, requests: int) -> None:
    """The server gets exactly the requests, and each has a latency."""
    seen: list[bytes] = []
    lock = threading.Lock()

    def answering(command: list[bytes]) -> bytes:
        with lock:
            seen.append(command[0])
        return like_redis(command)

    with answering_server(answering) as server:
        client = LoadClient(server.address, 3)
        try:
            result = client.run(packets(load(pipeline, requests), seed=1))
        finally:
            client.close()
    assert len(seen) == requests
    assert result.latencies.total == requests
    assert result.errors == 0
    assert 0 < result.latencies.max_ns <= result.seconds * 1e9


def test_packets_larger_than_the_kernel_takes_are_sent_in_parts() -> None:
    """A packet of 20 MB arrives whole, although the socket never takes so much at once."""
    sizes: list[int] = []

    def answering(command: list[bytes]) -> bytes:
        sizes.append(len(command[2]))
        return b"+OK\r\n"

    big = encode_request("SET", "big", b"b" * 20_000_000)
    with answering_server(answering) as server:
        client = LoadClient(server.address, 1)
        try:
            result = client.run(iter([Packet(big, 1), Packet(big, 1)]))
        finally:
            client.close()
    assert sizes == [20_000_000, 20_000_000]
    assert result.latencies.total == 2


def test_error_replies_are_counted() -> None:
    """A refused command is an error of the run, with the server's text."""
    with answering_server(lambda command: b"-ERR no\r\n") as server:
        client = LoadClient(server.address, 2)
        try:
            result = client.run(packets(load(2, 20), seed=1))
        finally:
            client.close()
    assert (result.errors, result.first_error) == (20, "ERR no")


def test_more_connections_than_packets() -> None:
    """A connection without anything to send does not hold up the end."""
    with answering_server() as server:
        client = LoadClient(server.address, 5)
        try:
            result = client.run(packets(load(1, 2), seed=1))
        finally:
            client.close()
    assert result.latencies.total == 2


def test_server_that_leaves_is_told() -> None:
    """A closed connection ends the run with an error instead of a wait."""
    with answering_server(lambda command: b"") as server:
        client = LoadClient(server.address, 1)
        try:
            with pytest.raises(ConnectionLost, match="closed a connection"):
                client.run(packets(load(1, 10), seed=1))
        finally:
            client.close()


def test_no_server_is_told() -> None:
    """Nobody listening is an error that names the address."""
    with answering_server() as server:
        address = server.address
    with pytest.raises(ConnectionLost, match=str(address)):
        LoadClient(address, 2)
