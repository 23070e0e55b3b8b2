"""How much the reactor reads from a socket, and from how many in a tick."""

from __future__ import annotations

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


def test_ticks_that_write_end_sooner() -> None:
    """Fifty writers are served by ticks of 16, fifty readers by one; nobody twice."""
    server = SimulatedServer().open()
    clients = [server.connect() for _ in range(50)]
    for command, expected in (("SET a 1", [16, 16, 16, 2]), ("GET a", [50])):
        served = []
        for client in clients:
            client.send(line(command))
        while server.tick():
            answered = [client for client in clients if client.take()]
            served.append(len(answered))
        assert served == expected


def test_clients_beyond_the_first_of_a_poll_starved() -> None:
    """With ticks cut short, those whom a tick did not get to come first, before new arrivals."""
    server = SimulatedServer(tick_time_max_us=1000).open()
    clients = [server.connect() for _ in range(7)]
    server.io.reading_s = 0.0004
    counts = [0] * len(clients)
    for client in clients:
        client.send(PING)
    for _ in range(70):
        server.tick()
        for index, client in enumerate(clients):
            if client.take():
                counts[index] += 1
                client.send(PING)
    assert max(counts) - min(counts) <= 1, counts
    assert min(counts) > 5


def test_a_socket_left_over_is_not_read_once_its_session_may_not() -> None:
    """What was ready before a tick may have changed: not to be read, or closed and forgotten."""
    server = SimulatedServer().open()
    writers = [server.connect() for _ in range(16)]
    slow, gone = server.connect(), server.connect()
    for client in (*writers, slow, gone):
        client.send(line("SET a 1"))
    server.tick()
    reactor = server.reactor
    server.session(slow).unsent_bytes = 1 << 30
    reactor.output.update_interest(server.session(slow))
    reactor.close_later(server.session(gone), "test")
    reactor.begin_tick()
    reactor.end_tick()
    server.tick()
    assert slow.take() == b"" and not slow.is_closed
    assert gone.is_closed
    assert all(client.take() == b"+OK\r\n" for client in writers)


def test_a_turn_of_five_hundred_commands_held_everybody_up() -> None:
    """It ends when the tick has taken its time, and the rest comes in later turns, in order."""
    server = SimulatedServer(tick_time_max_us=1000).open()
    client = server.connect()
    server.io.reading_s = 0.0004
    client.send(PING * 400 + line("ECHO end"))
    server.tick()
    session = server.session(client)
    assert 64 <= session.command_count < 400
    assert session.backlog
    server.step()
    assert client.take() == PONG * 400 + b"$3\r\nend\r\n"
    assert session.command_count == 401


def test_left_over_commands_took_all_the_time_of_every_tick() -> None:
    """Clients that are ready are served beside them, and more than one in a tick."""
    server = SimulatedServer(tick_time_max_us=1000).open()
    hog = server.connect()
    others = [server.connect() for _ in range(3)]
    server.io.reading_s = 0.0003
    hog.send(PING * 10_000)
    server.tick()
    for _ in range(5):
        for other in others:
            other.send(PING)
        server.tick()
        server.tick()
        assert [other.take() for other in others] == [PONG] * 3
    assert server.session(hog).backlog
