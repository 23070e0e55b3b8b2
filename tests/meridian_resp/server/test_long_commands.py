"""Commands over several ticks: tasks of their own, their order, their end with the client."""

from __future__ import annotations

import errno
from collections.abc import Generator

import pytest
import trio
import trio.testing

from meridian_resp.commands.outcomes import Later, Slices
from meridian_resp.errors import CommandError
from meridian_resp.protocol.replies import Reply
from storage import DiskFullError
from tests.harness.failing_files import FailWhile
from tests.harness.simulated_server import LiveClient, SimulatedServer, line, serving

PONG = b"+PONG\r\n"


async def test_replies_keep_their_order(autojump_clock: object) -> None:
    """Commands behind one that waits are answered after it; other clients do not wait."""
    async with serving() as server:
        waiting, other = LiveClient(server.io.connect()), LiveClient(server.io.connect())
        assert await waiting.ask("PING", "WAIT 1 2000", "INCR n", "PING") == PONG
        assert await waiting.ask("GET n") == b""
        assert await other.ask("GET n", "SET x 1") == b"$-1\r\n+OK\r\n"
        await trio.sleep(2.1)
        assert await waiting.take() == b":0\r\n:1\r\n" + PONG + b"$1\r\n1\r\n"
        assert await waiting.ask("PING") == PONG


async def test_a_busy_client_is_read_within_bounds(autojump_clock: object) -> None:
    """Of a client that waits, one turn is read ahead and no more."""
    async with serving() as server:
        waiting = LiveClient(server.io.connect())
        await waiting.ask("WAIT 1 2000")
        waiting.send(line("PING") * 20_000)
        assert await waiting.take() == b""
        session = next(iter(server.node.registry.all()))
        assert sum(len(b"".join(command)) for command in session.backlog) < 65_536
        assert waiting.client.connection.waiting
        await trio.sleep(2.1)
        received = b""
        while data := await waiting.take():
            received += data
        assert received == b":0\r\n" + PONG * 20_000


async def test_the_task_ends_with_the_client(autojump_clock: object) -> None:
    """A client that waits for ever and goes away leaves no task behind."""
    async with serving() as server:
        for leave in ("end", "reset"):
            waiting = LiveClient(server.io.connect())
            await waiting.ask("WAIT 1 0")
            assert len(server.node.long_commands._scopes) == 1
            getattr(waiting.client, leave)()
            assert await waiting.take() == b""
            assert waiting.client.is_closed
            assert not server.node.long_commands._scopes


async def test_a_client_killed_while_it_waits(autojump_clock: object) -> None:
    """CLIENT KILL ends the wait; what was behind it is not executed."""
    async with serving() as server:
        waiting, other = LiveClient(server.io.connect()), LiveClient(server.io.connect())
        await waiting.ask("WAIT 1 0", "SET a 1")
        assert await other.ask("CLIENT KILL ID 1", "EXISTS a") == b":1\r\n:0\r\n"
        assert waiting.client.is_closed
        assert await other.ask("EXISTS a") == b":0\r\n"


async def test_silenced_waits(autojump_clock: object) -> None:
    """CLIENT REPLY OFF holds for replies that come later, too."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        await client.ask("CLIENT REPLY OFF", "WAIT 1 100", "CLIENT REPLY ON", "PING")
        await trio.sleep(1)
        assert await client.take() == b"+OK\r\n" + PONG


async def test_a_stop_cancels_what_waits(autojump_clock: object) -> None:
    """A server with clients that wait for ever still stops."""
    async with serving() as server:
        await LiveClient(server.io.connect()).ask("WAIT 1 0")


@pytest.mark.parametrize(
    ("failure", "reply"),
    [
        (CommandError("ERR no"), b"-ERR no\r\n"),
        (DiskFullError("full"), b"-ERR full\r\n"),
        (ZeroDivisionError("a fault"), b"-ERR internal error (ZeroDivisionError)\r\n"),
    ],
)
async def test_failures_become_replies(
    failure: Exception, reply: bytes, autojump_clock: object
) -> None:
    """In tasks and in slices; the client's next commands run."""

    async def work() -> Reply:
        raise failure

    def steps() -> Generator[None, None, Reply]:
        yield
        raise failure

    async with serving() as server:
        client = LiveClient(server.io.connect())
        await client.ask("PING")
        session = next(iter(server.node.registry.all()))
        for outcome in (Later(work), Slices(steps())):
            session.is_busy = True
            server.node.long_commands.start(session, outcome)
            server.io.wake()
            assert await client.take() == reply
            assert await client.ask("PING") == PONG


def test_effects_of_a_failed_slice_are_dropped() -> None:
    """Those of slices before it were applied and stay."""
    server = SimulatedServer().open()
    client = server.connect()
    session = server.session(client)
    context = server.node.context

    def steps() -> Generator[None, None, Reply]:
        context.effects.put_string(context.database, b"kept", b"1")
        yield
        context.effects.put_string(context.database, b"dropped", b"1")
        raise CommandError("ERR no")

    session.is_busy = True
    server.node.long_commands.start(session, Slices(steps()))
    server.step()
    assert client.take() == b"-ERR no\r\n"
    assert server.ask(client, "EXISTS kept", "EXISTS dropped") == b":1\r\n:0\r\n"


def test_a_slice_whose_effects_cannot_be_logged() -> None:
    """The tick is undone; the command's end is an error like every reply of the tick."""
    server = SimulatedServer().open()
    client = server.connect()
    session = server.session(client)
    context = server.node.context

    def steps() -> Generator[None, None, Reply]:
        context.effects.put_string(context.database, b"a", b"1")
        yield from ()
        return b"+DONE\r\n"

    server.files.on_call = FailWhile(errno.EIO, lambda operation, name: name.endswith(".wal"))
    session.is_busy = True
    server.node.long_commands.start(session, Slices(steps()))
    server.step()
    assert client.take().startswith(b"-MISCONF")
    assert server.ask(client, "EXISTS a") == b":0\r\n"
