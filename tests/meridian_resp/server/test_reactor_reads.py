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


def test_ticks_after_one_that_wrote_take_fewer_sockets() -> None:
    """Fifty writers are served by ticks of 16, fifty readers by ticks of 32; nobody twice."""
    server = SimulatedServer().open()
    clients = [server.connect() for _ in range(50)]
    for command, sizes in (("SET a 1", [32, 16, 2]), ("GET a", [16, 32, 2])):
        for client in clients:
            client.send(line(command))
        assert [server.tick() for _ in sizes] == sizes
        assert all(client.take() for client in clients)


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


def test_what_a_closed_client_had_sent_is_not_executed() -> None:
    """Not if it was received before, and left over by a tick that had no more time."""
    server = SimulatedServer(tick_time_max_us=1000).open()
    first, second, gone = server.connect(), server.connect(), server.connect()
    for client, command in ((first, "SET a 1"), (second, "SET b 1"), (gone, "SET c 1")):
        client.send(line(command))
    server.io.reading_s = 0.0006
    server.tick()
    reactor = server.reactor
    assert [session for session, _ in reactor._unserved] == [server.session(gone)]
    reactor.close_later(server.session(gone), "test")
    reactor.begin_tick()
    reactor.end_tick()
    server.tick()
    assert gone.is_closed
    assert first.take() == second.take() == b"+OK\r\n"
    assert server.ask(first, "EXISTS a b c") == b":2\r\n"


def test_a_client_that_another_one_kills_in_the_same_tick() -> None:
    """What it had sent was received by then; it is not executed."""
    server = SimulatedServer().open()
    killer, victim = server.connect(), server.connect()
    killer.send(line(f"CLIENT KILL ID {server.session(victim).identifier}"))
    victim.send(line("SET a 1"))
    server.tick()
    assert victim.is_closed
    assert killer.take() == b":1\r\n"
    assert server.ask(killer, "EXISTS a") == b":0\r\n"


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
