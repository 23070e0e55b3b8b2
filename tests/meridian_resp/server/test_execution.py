"""The context of the running command."""

from __future__ import annotations

from tests.harness.memory_io import START_MS
from tests.harness.simulated_server import SimulatedServer


def test_all_commands_of_a_tick_see_one_time() -> None:
    """TIME twice in a pipeline gives the same answer, however long the first took."""
    server = SimulatedServer().open()
    client = server.connect()
    server.io.reading_s = 0.5
    reply = server.ask(client, "TIME", "TIME")
    assert reply[: len(reply) // 2] == reply[len(reply) // 2 :]


def test_a_tick_sets_the_time_for_context_and_keyspace() -> None:
    """Both see the same milliseconds."""
    server = SimulatedServer().open()
    server.node.context.begin_tick(START_MS + 5)
    assert server.node.context.now_ms == server.node.keyspace.now_ms == START_MS + 5


def test_commands_see_the_database_of_their_session() -> None:
    """SELECT holds from the next command of the pipeline on, for this client only."""
    server = SimulatedServer().open()
    client, other = server.connect(), server.connect()
    reply = server.ask(client, "SET a 0", "SELECT 5", "SET a 5", "GET a")
    assert reply == b"+OK\r\n+OK\r\n+OK\r\n$1\r\n5\r\n"
    assert server.ask(other, "GET a") == b"$1\r\n0\r\n"
    context = server.node.context
    context.enter(server.session(client))
    assert (context.session, context.database.index) == (server.session(client), 5)
