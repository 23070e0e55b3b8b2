"""The reactor's rules: turns, ticks, order, the log, and the end of connections."""

from __future__ import annotations

import errno

import pytest

from meridian_resp.config.choices import AppendFsync
from meridian_resp.server.io import READABLE
from meridian_resp.server.session import SMALL_READ_BYTES
from tests.harness.failing_files import FailWhile
from tests.harness.memory_io import MemoryClient
from tests.harness.simulated_server import SimulatedServer, line, request

PING = line("PING")
PONG = b"+PONG\r\n"
GARBAGE = b"*1\r\n$abc\r\n"
PROTOCOL_ERROR = b"-ERR Protocol error: invalid bulk length\r\n"


def numbered(count: int) -> tuple[bytes, bytes]:
    """`count` ECHO commands and their replies."""
    commands = b"".join([request("ECHO", number) for number in range(count)])
    replies = b"".join([b"$%d\r\n%d\r\n" % (len(str(n)), n) for n in range(count)])
    return commands, replies


def log_failure(server: SimulatedServer) -> FailWhile:
    """Make every append to the log fail from now on."""
    fault = FailWhile(errno.ENOSPC, lambda operation, name: name.endswith(".wal"))
    server.files.on_call = fault
    return fault


# --- turns and ticks ---


def test_a_turn_is_limited_to_its_number_of_commands() -> None:
    """500 commands in one tick, the others in the ticks that follow, replies in order."""
    server = SimulatedServer().open()
    client = server.connect()
    commands, replies = numbered(1200)
    client.send(commands)
    server.tick()
    session = server.session(client)
    assert session.command_count == 500
    assert not server.io.interest(client) & READABLE
    server.tick()
    assert session.command_count == 1000
    server.step()
    assert session.command_count == 1200
    assert server.io.interest(client) & READABLE
    assert client.take() == replies


def test_a_turn_reads_at_most_its_number_of_bytes() -> None:
    """One read per tick after a first guess, and none while commands are left over."""
    server = SimulatedServer(turn_bytes_max=4096).open()
    client = server.connect()
    client.send(PING * 2000)
    server.tick()
    assert client.connection.reads == [SMALL_READ_BYTES, 4096 - SMALL_READ_BYTES]
    server.step()
    assert set(client.connection.reads[2:-1]) == {4096}
    assert client.take() == PONG * 2000


def test_left_over_commands_run_before_new_ones_and_beside_other_clients() -> None:
    """A long pipeline gets one turn per tick; another client is served in each of them."""
    server = SimulatedServer(turn_commands_max=10).open()
    hog, other = server.connect(), server.connect()
    hog.send(PING * 100)
    for _ in range(9):
        other.send(PING)
        server.tick()
        assert other.take() == PONG
        assert server.session(hog).backlog
    server.step()
    assert hog.take() == PONG * 100


def test_a_tick_is_limited_in_time_and_nobody_starves() -> None:
    """After its time a tick ends; those it did not get to come first in the next one."""
    server = SimulatedServer(tick_time_max_us=1000).open()
    clients = [server.connect() for _ in range(4)]
    server.io.reading_s = 0.0006
    for client in clients:
        client.send(PING * 50)
    served: list[int] = []
    for _ in range(4):
        for client in clients:
            client.send(PING)
        server.tick()
        served += [index for index, client in enumerate(clients) if client.take()]
    assert set(served) == {0, 1, 2, 3}
    server.step()


def test_leftovers_are_reported_again() -> None:
    """Bytes beyond one read need no new arrival to be read: readiness is level-triggered."""
    server = SimulatedServer(turn_bytes_max=1024).open()
    client = server.connect()
    client.send(request("SET", "k", b"v" * 10_000))
    ticks = server.step()
    assert ticks == 10
    assert client.take() == b"+OK\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_commands_in_pieces(size: int) -> None:
    """However a stream is cut, the replies are the same."""
    server = SimulatedServer().open()
    client = server.connect()
    stream = line("SET a 1") + line("INCR a") + b"GET a\r\n" + line("MGET a b") + PING
    received = b""
    for start in range(0, len(stream), size):
        client.send(stream[start : start + size])
        server.step()
        received += client.take()
    assert received == b"+OK\r\n:2\r\n$1\r\n2\r\n*2\r\n$1\r\n2\r\n$-1\r\n" + PONG


def test_one_send_per_client_and_tick() -> None:
    """All replies of a tick leave together."""
    server = SimulatedServer().open()
    client = server.connect()
    client.send(PING * 100)
    server.tick()
    assert client.connection.sends == 1
    assert client.take() == PONG * 100


def test_the_log_is_written_once_a_tick() -> None:
    """Commands of all clients of a tick are one batch."""
    server = SimulatedServer().open()
    clients = [server.connect() for _ in range(3)]
    appends: list[str] = []
    server.files.on_call = lambda number, operation, name: appends.append(operation)
    for index, client in enumerate(clients):
        client.send(line(f"SET a{index} 1") + line(f"SET b{index} 1"))
    server.tick()
    assert [client.take() for client in clients] == [b"+OK\r\n+OK\r\n"] * 3
    assert len(appends) == 1


# --- order around long commands ---


def test_slices_keep_order_and_let_others_run() -> None:
    """KEYS takes several ticks: later commands of its client wait, those of others do not."""
    server = SimulatedServer().open()
    slow, other = server.connect(buffer_bytes=1 << 20), server.connect()
    for start in range(0, 20_000, 500):
        pairs = b"".join([request("SET", f"key:{n}", "v") for n in range(start, start + 500)])
        server.ask(slow, pairs)
    slow.send(line("ECHO first") + line("KEYS key:1*") + line("ECHO last"))
    server.tick()
    assert slow.take() == b"$5\r\nfirst\r\n"
    assert server.session(slow).is_busy
    ticks = 0
    while server.session(slow).is_busy:
        assert slow.take() == b""
        assert server.io.interest(slow) & READABLE == 0
        other.send(line("SET other 1"))
        server.tick()
        assert other.take() == b"+OK\r\n"
        ticks += 1
    server.step()
    reply = slow.take()
    assert ticks > 2
    assert reply.startswith(b"*11111\r\n")
    assert reply.endswith(b"$4\r\nlast\r\n")


def test_disconnect_in_the_middle_of_slices() -> None:
    """The slices end with the client; the server serves on."""
    server = SimulatedServer().open()
    slow, other = server.connect(), server.connect()
    server.ask(slow, b"".join([request("SET", f"key:{n}", "v") for n in range(5000)]))
    slow.send(line("KEYS *"))
    server.tick()
    assert server.reactor.slices
    slow.reset()
    server.step()
    assert slow.is_closed
    assert not server.reactor.slices
    assert server.ask(other, "PING") == PONG


def test_a_number_is_free_only_after_the_tick() -> None:
    """A connection accepted in the tick in which another closes gets another number."""
    server = SimulatedServer().open()
    first = server.connect()
    second = server.connect()
    first.end()
    second.end()
    newcomer = server.io.connect()
    server.tick()
    assert first.is_closed and second.is_closed
    assert newcomer.connection.number not in (-1, first.connection.number)
    later = server.connect()
    assert later.connection.number == first.connection.number
    assert server.ask(later, "PING") == server.ask(newcomer, "PING") == PONG


# --- protocol errors ---


def test_a_protocol_error_answers_what_came_before_it() -> None:
    """Valid commands are executed and answered, then the error is, then the connection ends."""
    server = SimulatedServer().open()
    client = server.connect()
    assert server.ask(client, "SET a 1", GARBAGE, "SET a 2") == b"+OK\r\n" + PROTOCOL_ERROR
    assert client.is_closed
    assert server.ask(server.connect(), "GET a") == b"$1\r\n1\r\n"


def test_a_protocol_error_waits_for_all_turns_before_it() -> None:
    """More commands than a turn takes are all answered before the error that follows them."""
    server = SimulatedServer().open()
    client = server.connect()
    commands, replies = numbered(1700)
    assert server.ask(client, commands + GARBAGE) == replies + PROTOCOL_ERROR
    assert client.is_closed


def test_a_protocol_error_waits_for_a_long_command() -> None:
    """The error comes after the reply of slices that were running when it was read."""
    server = SimulatedServer().open()
    client = server.connect()
    server.ask(client, "SET a 1")
    expected = b"*1\r\n$1\r\na\r\n" + PONG + PROTOCOL_ERROR
    assert server.ask(client, "KEYS *", "PING", GARBAGE) == expected
    assert client.is_closed


def test_no_error_after_quit() -> None:
    """What follows QUIT is not looked at."""
    server = SimulatedServer().open()
    client = server.connect()
    assert server.ask(client, "PING", "QUIT", "PING", GARBAGE) == PONG + b"+OK\r\n"
    assert client.is_closed


def test_query_buffer_limit() -> None:
    """A client whose unfinished command exceeds the limit is closed."""
    server = SimulatedServer(client_query_buffer_limit_bytes=1 << 20).open()
    client = server.connect()
    client.send(b"*2\r\n$4\r\nECHO\r\n$3000000\r\n" + b"x" * 1_500_000)
    server.step()
    assert client.is_closed


# --- authentication ---


def test_limits_before_authentication_end_with_it() -> None:
    """A big command behind AUTH in the same chunk is judged after AUTH was executed."""
    big = request("SET", "k", b"v" * 40_000)
    server = SimulatedServer(requirepass=b"secret").open()
    client = server.connect()
    assert server.ask(client, "AUTH secret", big, "STRLEN k") == b"+OK\r\n+OK\r\n:40000\r\n"


def test_limits_before_authentication_hold() -> None:
    """The same command without AUTH, or after a wrong one, is refused by its length."""
    big = request("SET", "k", b"v" * 40_000)
    server = SimulatedServer(requirepass=b"secret").open()
    refused = b"-ERR Protocol error: unauthenticated bulk length\r\n"
    client = server.connect()
    assert server.ask(client, big) == refused
    assert client.is_closed
    client = server.connect()
    reply = server.ask(client, "AUTH wrong", big)
    assert reply.startswith(b"-WRONGPASS")
    assert reply.endswith(refused)
    assert client.is_closed


def test_stalled_input_goes_on_after_a_long_command() -> None:
    """AUTH, then slices, then a big command in one chunk: all are answered without more input."""
    big = request("SET", "k", b"v" * 20_000)
    server = SimulatedServer(requirepass=b"secret").open()
    client = server.connect()
    reply = server.ask(client, "AUTH secret", "KEYS *", big, "STRLEN k")
    assert reply == b"+OK\r\n*0\r\n+OK\r\n:20000\r\n"


# --- the log fails ---


def test_a_failed_append_undoes_the_tick() -> None:
    """Every reply of the tick is an error, nothing is changed, and reads go on."""
    server = SimulatedServer().open()
    writer, reader = server.connect(), server.connect()
    assert server.ask(writer, "SET a old") == b"+OK\r\n"
    fault = log_failure(server)
    writer.send(line("SET a new") + line("GET a") + line("SET b 1"))
    reader.send(line("GET a"))
    server.tick()
    replies = writer.take().split(b"\r\n")
    assert [reply[:8] for reply in replies] == [b"-MISCONF"] * 3 + [b""]
    assert reader.take().startswith(b"-MISCONF")
    assert server.ask(reader, "GET a", "EXISTS b", "DBSIZE") == b"$3\r\nold\r\n:0\r\n:1\r\n"
    fault.active = False


def test_a_transaction_is_over_when_the_log_fails_under_it() -> None:
    """Who was told that MULTI failed must not get QUEUED afterwards: the connection ends."""
    server = SimulatedServer().open()
    writer, other = server.connect(), server.connect()
    log_failure(server)
    writer.send(line("SET a 1"))
    other.send(line("MULTI"))
    server.tick()
    assert other.take().startswith(b"-MISCONF")
    assert other.is_closed
    assert not writer.is_closed


def test_nothing_of_a_failed_exec_is_left() -> None:
    """EXEC whose batch can't be logged answers an error and changes nothing."""
    server = SimulatedServer().open()
    client = server.connect()
    assert server.ask(client, "MULTI", "SET a 1", "SET b 2") == b"+OK\r\n+QUEUED\r\n+QUEUED\r\n"
    log_failure(server)
    assert server.ask(client, "EXEC").startswith(b"-MISCONF")
    assert server.ask(client, "EXISTS a b") == b":0\r\n"


# --- fsync ---


def always() -> SimulatedServer:
    """A server whose replies wait for the log to be on disk."""
    return SimulatedServer(appendfsync=AppendFsync.ALWAYS).open()


def test_replies_wait_for_the_log() -> None:
    """Under `always` a write's reply, and those of reads of its tick, leave after the sync."""
    server = always()
    writer, reader = server.connect(), server.connect()
    writer.send(line("SET a 1"))
    reader.send(line("GET a"))
    server.step()
    assert writer.take() == reader.take() == b""
    server.sync()
    assert writer.take() == b"+OK\r\n"
    assert reader.take() == b"$1\r\n1\r\n"
    assert server.ask(reader, "GET a") == b"$1\r\n1\r\n"


def test_one_sync_covers_several_ticks_in_order() -> None:
    """Replies of later ticks keep their place behind those that wait."""
    server = always()
    client = server.connect()
    for number in range(5):
        client.send(request("INCR", "n") + request("ECHO", number))
        server.tick()
    assert client.take() == b""
    server.sync()
    expected = b"".join([b":%d\r\n$1\r\n%d\r\n" % (n + 1, n) for n in range(5)])
    assert client.take() == expected
    assert server.engine.statistics().syncs == 1


def test_quit_behind_a_write_that_waits() -> None:
    """Both replies leave after the sync, then the connection ends."""
    server = always()
    client = server.connect()
    client.send(line("SET a 1") + line("QUIT"))
    server.step()
    assert not client.is_closed
    server.sync()
    assert client.take() == b"+OK\r\n+OK\r\n"
    assert client.is_closed


def test_quit_in_a_tick_in_which_others_write() -> None:
    """QUIT's own reply is not lost because it has to wait."""
    server = always()
    writer, leaver = server.connect(), server.connect()
    writer.send(line("SET a 1"))
    leaver.send(line("QUIT"))
    server.step()
    server.sync()
    assert leaver.take() == b"+OK\r\n"
    assert leaver.is_closed


def test_end_of_stream_behind_a_write_that_waits() -> None:
    """A client that sends and closes its half, as `nc` does, gets its reply after the sync."""
    server = always()
    client = server.connect()
    client.send(line("SET a 1"))
    client.end()
    server.step()
    assert not client.is_closed
    server.sync()
    assert client.take() == b"+OK\r\n"
    assert client.is_closed


def test_a_client_that_vanishes_while_its_replies_wait() -> None:
    """It is closed at once, and the sync finds nothing of it."""
    server = always()
    client = server.connect()
    client.send(line("SET a 1"))
    server.step()
    client.reset()
    server.step()
    assert client.is_closed
    server.sync()
    assert server.ask(server.connect(), "GET a") == b"$1\r\n1\r\n"


# --- connections ---


def test_end_of_stream_closes() -> None:
    """A client that goes away is forgotten."""
    server = SimulatedServer().open()
    client = server.connect()
    client.end()
    server.step()
    assert client.is_closed
    assert not list(server.node.registry.all())


@pytest.mark.parametrize("act", [MemoryClient.end, MemoryClient.reset])
def test_vanishing_with_left_over_commands(act: object) -> None:
    """A client that goes away in the middle of its pipeline harms nobody."""
    server = SimulatedServer(turn_commands_max=10).open()
    client, other = server.connect(), server.connect()
    client.send(line("INCR n") * 200)
    server.tick()
    assert callable(act)
    act(client)
    server.step()
    assert client.is_closed
    assert server.ask(other, "PING") == PONG


def test_no_more_connections_when_stopping() -> None:
    """The listeners close; clients are closed with what they can take."""
    server = SimulatedServer().open()
    client = server.connect()
    client.send(PING)
    server.step()
    server.reactor.listeners.remove_all()
    server.reactor.close_all()
    assert server.io.listener.is_closed
    assert client.is_closed
    assert client.take() == PONG
