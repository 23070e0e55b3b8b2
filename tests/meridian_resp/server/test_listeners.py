"""Accepting connections; failures of it are survived."""

from __future__ import annotations

import errno

import pytest

from meridian_resp.server.listeners import ACCEPTS_PER_TICK
from tests.harness.simulated_server import SimulatedServer

PONG = b"+PONG\r\n"


def test_accept_errors_are_survived(caplog: pytest.LogCaptureFixture) -> None:
    """A connection that can't be accepted is logged once, not at every tick; later ones are."""
    server = SimulatedServer().open()
    server.io.listener.failure = OSError(errno.EMFILE, "Too many open files")
    server.step()
    assert caplog.text.count("could not be accepted") == 1
    server.io.listener.failure = OSError(errno.EMFILE, "Too many open files")
    server.step()
    assert caplog.text.count("could not be accepted") == 1
    server.io.listener.failure = None
    server.reactor.listeners.accept_again()
    assert server.ask(server.connect(), "PING") == PONG


def test_a_tick_accepts_a_bounded_number_of_connections() -> None:
    """A rush of clients does not hold up those who are connected; the rest is reported again."""
    server = SimulatedServer().open()
    for _ in range(ACCEPTS_PER_TICK + 1):
        server.io.connect()
    server.tick()
    assert len(server.node.registry.by_number) == ACCEPTS_PER_TICK
    server.tick()
    assert len(server.node.registry.by_number) == ACCEPTS_PER_TICK + 1


def test_a_socket_that_is_nobodys_is_ignored() -> None:
    """It may have been closed since it was reported."""
    server = SimulatedServer().open()
    server.reactor.listeners.accept(12345, 0.0)
    assert not server.node.registry.by_number
