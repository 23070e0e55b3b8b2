"""SAVE and BGSAVE."""

from __future__ import annotations

import errno

import trio

from tests.harness.failing_files import FailWhile
from tests.harness.memory_io import START_MS
from tests.harness.simulated_server import LiveClient, serving


async def test_save_brings_everything_into_tables(autojump_clock: object) -> None:
    """Its reply comes when the memtable is flushed; LASTSAVE and the count of changes follow."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        await client.ask("SET a 1", "SET b 2")
        await trio.sleep(10)
        client.send("SAVE", "GET a")
        await trio.sleep(1)
        assert await client.take() == b"+OK\r\n$1\r\n1\r\n"
        assert server.engine.statistics().memtable_entries == 0
        assert server.node.last_save() == (START_MS // 1000 + 10, True)
        saving = server.node.saving
        assert saving.changes_at_last == server.node.keyspace.changes == 2


async def test_a_background_flush(autojump_clock: object) -> None:
    """It is answered at once; another one meanwhile is refused; then it may be asked for again."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        await client.ask("SET a 1")
        assert server.node.start_background_flush()
        assert server.node.is_saving()
        assert not server.node.start_background_flush()
        await trio.sleep(1)
        assert not server.node.is_saving()
        assert server.engine.statistics().flushes == 1
        assert (await client.ask("BGSAVE")).startswith(b"+Background saving started")


async def test_a_flush_that_fails(autojump_clock: object) -> None:
    """SAVE answers an error, the last state is bad, and the next one that works mends it."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        failing = {"sync"}
        fault = FailWhile(
            errno.EIO, lambda operation, name: len(failing) > 1 or operation in failing
        )
        server.files.on_call = fault
        await client.ask("SET a 1")
        await trio.sleep(2)
        failing.add("everything")
        await trio.sleep(2)
        client.send("SAVE")
        await trio.sleep(1)
        assert (await client.take()).startswith(b"-")
        assert server.node.last_save()[1] is False
        assert server.node.start_background_flush()
        await trio.sleep(1)
        assert not server.node.is_saving()
        fault.active = False
        await trio.sleep(5)
        client.send("SAVE")
        await trio.sleep(3)
        assert await client.take() == b"+OK\r\n"
        assert server.node.last_save()[1] is True
