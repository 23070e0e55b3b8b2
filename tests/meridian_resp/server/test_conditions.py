"""Conditions of the node: pauses, monitors, refusals, and what follows for each session."""

from __future__ import annotations

import pytest
import trio

from meridian_resp.protocol.reply_mode import ReplyMode
from tests.harness.memory_io import START_MS
from tests.harness.simulated_server import LiveClient, SimulatedServer, serving

PONG = b"+PONG\r\n"


def test_a_plain_session_has_the_table_others_have_none() -> None:
    """Each state that needs a gate empties the session's table; leaving it fills it again."""
    server = SimulatedServer().open()
    client = server.connect()
    session = server.session(client)
    conditions = server.node.conditions
    plain = server.node.runnables.plain

    def table_after(name: str, value: object, usual: object) -> int:
        setattr(session, name, value)
        conditions.change_state(session)
        size = len(session.table)
        setattr(session, name, usual)
        conditions.change_state(session)
        assert session.table is plain
        return size

    assert table_after("is_authenticated", False, True) == 0
    assert table_after("queue", [], None) == 0
    assert table_after("reply_mode", ReplyMode.OFF, ReplyMode.ON) == 0
    assert table_after("consistency", "QUORUM", "") == 0
    assert table_after("is_monitor", True, False) == 0


def test_what_is_out_of_the_ordinary_ends_the_plain_path() -> None:
    """A refusal, a monitor, a pause or fine timing: each alone, and back."""
    server = SimulatedServer().open()
    session = server.session(server.connect())
    conditions = server.node.conditions

    def is_plain() -> bool:
        return conditions.is_plain

    assert is_plain()
    conditions.set_refusal("full")
    assert not is_plain()
    conditions.set_refusal(None)
    conditions.add_monitor(session)
    conditions.add_monitor(session)
    assert not is_plain() and conditions.monitors == [session]
    conditions.remove_monitor(session)
    conditions.remove_monitor(session)
    assert is_plain()
    conditions.pause(START_MS + 10, writes_only=True)
    assert not is_plain()
    assert not conditions.end_pause_if_over(START_MS + 9)
    assert conditions.end_pause_if_over(START_MS + 10)
    assert is_plain()
    conditions.set_slow_threshold(100, 0)
    assert not is_plain()
    conditions.set_slow_threshold(10_000, 1)
    assert not is_plain()
    conditions.set_slow_threshold(-1, 0)
    assert is_plain()


async def test_a_pause_holds_all_commands(autojump_clock: object) -> None:
    """Pipelined commands of other clients wait, stay in order, and run when the time is over."""
    async with serving() as server:
        pausing, other = LiveClient(server.io.connect()), LiveClient(server.io.connect())
        assert await other.ask("SET a 1") == b"+OK\r\n"
        assert await pausing.ask("CLIENT PAUSE 3000") == b"+OK\r\n"
        other.send("GET a", "INCR a", "GET a")
        assert await other.take() == b""
        await server.node.sleep(2.8)
        assert await other.take() == b""
        await server.node.sleep(0.5)
        assert await other.take() == b"$1\r\n1\r\n:2\r\n$1\r\n2\r\n"


async def test_a_pause_of_writes_lets_reads_through(autojump_clock: object) -> None:
    """Reads are answered until the client's first write; EXEC waits if it would write."""
    async with serving() as server:
        pausing, other = LiveClient(server.io.connect()), LiveClient(server.io.connect())
        await other.ask("SET a 1")
        assert await pausing.ask("CLIENT PAUSE 60000 WRITE") == b"+OK\r\n"
        assert await other.ask("GET a", "SET a 2", "GET a") == b"$1\r\n1\r\n"
        third = LiveClient(server.io.connect())
        assert await third.ask("MULTI", "GET a", "EXEC") == b"+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n"
        assert await third.ask("MULTI", "DEL a", "EXEC", "PING") == b"+OK\r\n+QUEUED\r\n"
        assert await pausing.ask("CLIENT UNPAUSE") == b"+OK\r\n"
        assert await other.take() == b"+OK\r\n$1\r\n2\r\n"
        assert await third.take() == b"*1\r\n:1\r\n" + PONG


async def test_a_second_pause_only_lengthens(autojump_clock: object) -> None:
    """A shorter or weaker pause changes nothing of the one in force."""
    async with serving() as server:
        pausing, other = LiveClient(server.io.connect()), LiveClient(server.io.connect())
        await pausing.ask("CLIENT PAUSE 5000 ALL", "CLIENT PAUSE 100 WRITE")
        other.send("GET a")
        await server.node.sleep(4)
        assert await other.take() == b""
        await server.node.sleep(1.5)
        assert await other.take() == b"$-1\r\n"


async def test_a_client_that_vanishes_while_paused(autojump_clock: object) -> None:
    """Its commands are not executed after the pause."""
    async with serving() as server:
        pausing, other = LiveClient(server.io.connect()), LiveClient(server.io.connect())
        await pausing.ask("CLIENT PAUSE 60000 WRITE")
        await other.ask("SET a 1", "SET a 2")
        other.client.reset()
        assert await other.take() == b""
        assert other.client.is_closed
        await pausing.ask("CLIENT UNPAUSE")
        assert await pausing.ask("EXISTS a") == b":0\r\n"


@pytest.mark.parametrize("command", ["CONFIG SET slowlog-log-slower-than 0", "MONITOR"])
def test_gates_hold_for_commands_behind_in_the_pipeline(command: str) -> None:
    """What changes the condition of the node holds from the next command on."""
    server = SimulatedServer().open()
    client = server.connect()
    assert server.ask(client, "GET a", command).endswith(b"+OK\r\n")
    assert not server.node.conditions.is_plain
    assert server.ask(client, "GET a").endswith(b"$-1\r\n")


async def test_keys_were_deleted_for_their_age_during_a_pause(autojump_clock: object) -> None:
    """To readers they are gone, but nothing changes: neither by reads nor by the active cycle."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        await client.ask("SET k v PX 100", "SET l v PX 100", "CLIENT PAUSE 60000 WRITE")
        await trio.sleep(5)
        assert await client.ask("GET k") == b"$-1\r\n"
        keyspace = server.node.keyspace
        assert keyspace.counters.expired_keys == 0 and keyspace.databases[0].count == 2
        await client.ask("CLIENT UNPAUSE")
        await trio.sleep(5)
        assert keyspace.counters.expired_keys == 2 and keyspace.databases[0].count == 0


async def test_a_client_that_a_pause_holds_up_was_not_counted_as_blocked(
    autojump_clock: object,
) -> None:
    """INFO counts it, as Redis does, until the pause is over."""
    async with serving() as server:
        client, writer = LiveClient(server.io.connect()), LiveClient(server.io.connect())
        await client.ask("CLIENT PAUSE 60000 WRITE")
        assert await writer.ask("SET k v") == b""
        assert b"blocked_clients:1\r\n" in await client.ask("INFO clients")
        await client.ask("CLIENT UNPAUSE")
        assert await writer.take() == b"+OK\r\n"
        assert b"blocked_clients:0\r\n" in await client.ask("INFO clients")
