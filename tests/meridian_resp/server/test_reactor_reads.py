"""How much the reactor reads from a socket, and from how many in a tick."""

from __future__ import annotations

from meridian_resp.server.io import EVENTS_MAX, WRITING_EVENTS_MAX
from meridian_resp.server.session import SMALL_READ_BYTES
from tests.harness.simulated_server import SimulatedServer, line, request

PING = line("PING")
PONG = b"+PONG\r\n"


def test_a_read_had_a_buffer_of_64_kb_for_every_request() -> None:
    """Small requests get a small one; whoever sends more gets all of a turn, and at once."""
    server = SimulatedServer().open()
    client = server.connect()
    session = server.session(client)
    exact = request("SET", "k", b"v" * (SMALL_READ_BYTES - len(request("SET", "k", b"")) - 2))
    assert len(exact) == SMALL_READ_BYTES
    for chunk in (PING, exact, exact + PING, request("SET", "k", b"v" * 9000)):
        client.send(chunk)
        server.tick()
        assert client.take() != b""
        assert session.read_bytes == (SMALL_READ_BYTES if chunk == PING else 65536)
    assert server.ask(client, PING) == PONG
    assert session.read_bytes == SMALL_READ_BYTES


def test_a_client_that_left_after_a_full_read_is_answered_and_closed() -> None:
    """The second read of a turn finds the end of the stream; the next tick sees it again."""
    server = SimulatedServer().open()
    client = server.connect()
    client.send(PING * 100)
    client.end()
    server.step()
    assert client.take() == PONG * 100
    assert client.is_closed


def test_ticks_after_one_that_wrote_take_fewer_sockets() -> None:
    """Fifty writers are served by ticks of 16, fifty readers by ticks of 32; nobody twice."""
    server = SimulatedServer().open()
    clients = [server.connect() for _ in range(50)]
    sizes: list[int] = []
    poll = server.io.poll
    most = server.reactor._events_max
    assert most == EVENTS_MAX
    for command, then in (("SET a 1", WRITING_EVENTS_MAX), ("GET a", EVENTS_MAX)):
        for client in clients:
            client.send(line(command))
        while events := poll(server.reactor._events_max):
            sizes.append(len(events))
            server.reactor.tick(events)
        assert server.reactor._events_max == then
        assert all(client.take() for client in clients)
    assert sizes == [32, 16, 2, 16, 32, 2]
