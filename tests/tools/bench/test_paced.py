"""Normal clients: steady rate, latencies from the moment a request was due."""

from __future__ import annotations

import threading

import pytest

from tests.tools.answering_server import answering_server, like_redis
from tools.bench.paced import PacedClients
from tools.connection import ConnectionLost

PAUSE_S = 0.2


def test_rate_is_kept() -> None:
    """In half a second at 400 per second about 200 requests are sent, all of them timed."""
    with answering_server() as server:
        clients = PacedClients(server.address, 4)
        try:
            result = clients.run(400, lambda seconds: seconds < 0.5)
        finally:
            clients.close()
    assert 195 <= result.latencies.total <= 201
    assert result.errors == 0


def test_pause_is_charged_to_every_request_that_fell_into_it() -> None:
    """A server that is silent for 200 ms makes a fifth of a second's requests slow, not one."""
    answers = 0
    never = threading.Event()

    def answering(command: list[bytes]) -> bytes:
        nonlocal answers
        answers += 1
        if answers == 50:
            never.wait(PAUSE_S)
        return like_redis(command)

    with answering_server(answering) as server:
        clients = PacedClients(server.address, 1)
        try:
            result = clients.run(500, lambda seconds: seconds < 0.6)
        finally:
            clients.close()
    assert result.latencies.max_ns >= PAUSE_S * 1e9
    # 100 of the 300 requests were due in the pause, and waited evenly from 200 ms down to 0.
    assert result.latencies.percentile_ns(100 * (1 - 40 / 300)) >= 0.5 * PAUSE_S * 1e9


def test_errors_are_counted() -> None:
    """A refused command is counted, with the server's text."""
    with answering_server(lambda command: b"-ERR no\r\n") as server:
        clients = PacedClients(server.address, 2)
        try:
            result = clients.run(200, lambda seconds: seconds < 0.1)
        finally:
            clients.close()
    assert result.errors == result.latencies.total > 0
    assert result.first_error == "ERR no"


def test_server_that_leaves_is_told() -> None:
    """A closed connection ends the run with an error."""
    with answering_server(lambda command: b"") as server:
        clients = PacedClients(server.address, 1)
        try:
            with pytest.raises(ConnectionLost, match="closed a"):
                clients.run(200, lambda seconds: seconds < 5)
        finally:
            clients.close()
