"""How much the reactor reads from a socket, and from how many in a tick."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from meridian_resp.server.io import EVENTS_MAX
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
    """Writers are served by ticks of 20, readers by ticks of 32; nobody twice."""
    server = SimulatedServer().open()
    clients = [server.connect() for _ in range(60)]
    for command, sizes in (("SET a 1", [32, 20, 8]), ("GET a", [20, 32, 8])):
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


def echoes(first: int, end: int) -> bytes:
    """Numbered ECHO commands."""
    return b"".join([request("ECHO", number) for number in range(first, end)])


def echoed(first: int, end: int) -> bytes:
    """Their replies."""
    return b"".join(
        [b"$%d\r\n%d\r\n" % (len(str(number)), number) for number in range(first, end)]
    )


def test_commands_that_came_before_the_backlog_was_done_overtook_it() -> None:
    """What was received while a long command ended comes behind what that left over."""
    server = SimulatedServer(turn_commands_max=10).open()
    client = server.connect()
    client.send(echoes(0, 30))
    server.tick()
    session = server.session(client)
    assert session.backlog
    server.reactor._take(session, echoes(30, 31))
    server.reactor._take(session, echoes(31, 60))
    server.reactor._take(session, b"")
    server.step()
    assert client.take() == echoed(0, 60)
    assert not client.is_closed


@pytest.mark.parametrize("before", [63, 64, 127])
def test_commands_at_the_end_of_a_part_of_a_turn_overtook_a_long_one(before: int) -> None:
    """A turn looks at the clock every 64 commands, and at whether it may go on."""
    server = SimulatedServer().open()
    client = server.connect()
    client.send(echoes(0, before) + request("KEYS", "*") + echoes(before, before + 70))
    server.step()
    assert client.take() == echoed(0, before) + b"*0\r\n" + echoed(before, before + 70)


@pytest.mark.parametrize("before", [63, 64, 127])
def test_commands_behind_quit_were_executed(before: int) -> None:
    """At the end of a part of a turn."""
    server = SimulatedServer().open()
    client = server.connect()
    client.send(echoes(0, before) + request("QUIT") + request("SET", "a", 1))
    server.step()
    assert client.take() == echoed(0, before) + b"+OK\r\n"
    assert client.is_closed
    assert server.ask(server.connect(), "EXISTS a") == b":0\r\n"


def test_commands_sent_during_a_long_one_vanished() -> None:
    """They were looked for behind the place where an earlier backlog had ended."""
    server = SimulatedServer().open()
    client = server.connect()
    server.ask(client, *[f"SET key:{number} v" for number in range(400)])
    server.ask(client, *[f"SET key:{number} v" for number in range(400, 1000)])
    client.send(request("KEYS", "none*"))
    server.tick()
    assert server.session(client).is_busy
    client.send(echoes(0, 2))
    server.tick()
    server.step()
    assert client.take() == b"*0\r\n" + echoed(0, 2)


async def test_a_busy_reactor_waited_for_sockets_that_were_ready() -> None:
    """Between two stretches of ticks other tasks run once; it waits when nobody is ready."""
    server = SimulatedServer().open()
    clients = [server.connect() for _ in range(2 * EVENTS_MAX)]
    waits = 0
    wait = server.io.wait

    async def counted() -> None:
        nonlocal waits
        waits += 1
        await wait()

    server.io.wait = counted  # type: ignore[method-assign] # observed, not changed
    server.io.reading_s = 0.003  # so every tick is a stretch of its own
    for client in clients:
        client.send(PING)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.reactor.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert all(client.take() == PONG for client in clients)
    assert waits == 2
