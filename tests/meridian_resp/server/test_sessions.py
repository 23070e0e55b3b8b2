"""The registry of clients: their number, who may come in, who is told when one goes."""

from __future__ import annotations

import pytest

from tests.harness.simulated_server import SimulatedServer

PONG = b"+PONG\r\n"


def test_clients_beyond_the_limit_are_turned_away() -> None:
    """With Redis' words; when one leaves, the next may come."""
    server = SimulatedServer(maxclients=2).open()
    first, second = server.connect(), server.connect()
    third = server.connect()
    assert third.take() == b"-ERR max number of clients reached\r\n"
    assert third.is_closed
    registry = server.node.registry
    assert (registry.accepted_count, registry.rejected_count) == (2, 1)
    first.end()
    server.step()
    assert server.ask(server.connect(), "PING") == server.ask(second, "PING") == PONG


def test_a_crowd_is_accepted_in_several_ticks() -> None:
    """More connections than a tick accepts are all served."""
    server = SimulatedServer().open()
    clients = [server.io.connect() for _ in range(150)]
    server.tick()
    assert 0 < server.node.registry.accepted_count < 150
    server.step()
    assert server.node.registry.accepted_count == 150
    assert server.ask(clients[-1], "PING") == PONG


@pytest.mark.parametrize(
    "peer", ["127.0.0.1:40000", "127.8.8.8:40000", "[::1]:40000", "/run/meridian.sock:0"]
)
def test_protected_mode_lets_this_machine_in(peer: str) -> None:
    """Loopback addresses and Unix sockets need no password."""
    server = SimulatedServer().open()
    assert server.ask(server.connect(peer=peer), "PING") == PONG


@pytest.mark.parametrize("peer", ["192.0.2.7:40000", "[2001:db8::7]:40000", "[fe80::1]:12700"])
def test_protected_mode_denies_others(peer: str) -> None:
    """Others get Redis' explanation and a close."""
    server = SimulatedServer().open()
    client = server.connect(peer=peer)
    reply = client.take()
    assert reply.startswith(b"-DENIED Redis is running in protected mode because")
    assert reply.endswith(b"to start accepting connections from the outside.\r\n")
    assert client.is_closed
    assert server.node.registry.rejected_count == 1


def test_protected_mode_ends_with_a_password_or_by_command() -> None:
    """With `requirepass`, or after CONFIG SET protected-mode no, others may come."""
    server = SimulatedServer(requirepass=b"secret").open()
    assert server.ask(server.connect(peer="192.0.2.7:4"), "AUTH secret") == b"+OK\r\n"
    server = SimulatedServer().open()
    server.ask(server.connect(), "CONFIG SET protected-mode no")
    assert server.ask(server.connect(peer="192.0.2.7:4"), "PING") == PONG


def test_clients_are_found_by_id_and_forgotten() -> None:
    """Ids count up and are never given out again; whoever asked is told of each that goes."""
    server = SimulatedServer().open()
    registry = server.node.registry
    told = []
    registry.on_remove.append(lambda session: told.append(session.identifier))
    first, second = server.connect(), server.connect()
    assert [session.identifier for session in registry.all()] == [1, 2]
    first.end()
    server.step()
    assert told == [1]
    assert registry.find(1) is None
    assert registry.find(2) is server.session(second)
    assert server.session(server.connect()).identifier == 3
    third = registry.find(3)
    assert third is not None
    assert not third.is_unix
