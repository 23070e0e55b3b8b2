"""The node: its parts wired together, its regular work, and settings that change."""

from __future__ import annotations

import errno
import threading

import trio
import trio.testing

from meridian_resp.config.choices import AppendFsync
from tests.harness.failing_files import FailWhile
from tests.harness.simulated_server import LiveClient, SimulatedServer, request, serving

PONG = b"+PONG\r\n"


async def test_idle_clients_are_closed(autojump_clock: object) -> None:
    """After `timeout` seconds without a command; not while they wait or monitor."""
    async with serving(timeout_s=10) as server:
        idle, busy, monitor, active = [LiveClient(server.io.connect()) for _ in range(4)]
        await idle.ask("PING")
        await busy.ask("WAIT 1 0")
        await monitor.ask("MONITOR")
        for _ in range(5):
            await trio.sleep(4)
            assert await active.ask("PING") == PONG
        closed = [one.client.is_closed for one in (idle, busy, monitor, active)]
        assert closed == [True, False, False, False]


async def test_clients_above_the_soft_limit_are_closed(autojump_clock: object) -> None:
    """Each second it is seen how long the limit is exceeded."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        server.node.settings.change([(b"client-output-buffer-limit", b"normal 0 100000 3")])
        await client.ask(request("SET", "big", b"v" * 300_000))
        client.send("GET big")
        await trio.sleep(2)
        assert not client.client.is_closed
        await trio.sleep(4)
        assert client.client.is_closed


async def test_a_refusal_of_the_engine_reaches_dispatch_and_goes(autojump_clock: object) -> None:
    """Disk full: writes are refused with MISCONF, reads go on; with space writes return."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        await client.ask("SET a 1")
        fault = FailWhile(errno.ENOSPC, lambda operation, name: name.endswith(".wal"))
        server.files.on_call = fault
        assert (await client.ask("SET a 2")).startswith(b"-MISCONF")
        await trio.sleep(1)
        reply = await client.ask("SET a 3", "GET a", "MULTI", "SET a 4", "EXEC")
        assert reply.startswith(b"-MISCONF")
        assert b"$1\r\n1\r\n" in reply
        assert b"-EXECABORT" in reply
        fault.active = False
        await trio.sleep(5)
        assert await client.ask("SET a 5", "GET a") == b"+OK\r\n$1\r\n5\r\n"


async def test_replies_wait_for_the_syncs_of_the_engine(autojump_clock: object) -> None:
    """Under `always` a reply comes as soon as the engine has synced; under everysec at once."""
    async with serving(appendfsync=AppendFsync.ALWAYS) as server:
        client = LiveClient(server.io.connect())
        server.files.on_call = fault = FailWhile(errno.EIO, lambda name, _: name == "sync")
        client.send("SET a 1")
        await trio.sleep(0.5)
        assert await client.take() == b""
        fault.active = False
        await trio.sleep(5)
        assert await client.take() == b"+OK\r\n"
        assert await client.ask("SET a 2", "GET a") == b"+OK\r\n$1\r\n2\r\n"
        assert server.engine.synced_offset == server.engine.appended_offset


async def test_linearizable_syncs_at_once(autojump_clock: object) -> None:
    """Under everysec, without waiting for the second to be over."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        assert await client.ask("CONSISTENCY LINEARIZABLE SET a 1") == b"+OK\r\n"
        assert server.engine.synced_offset == server.engine.appended_offset > 0


async def test_replies_that_wait_survive_a_change_of_policy(autojump_clock: object) -> None:
    """From `always` to `no` while a reply waits for a sync: it is sent."""
    async with serving(appendfsync=AppendFsync.ALWAYS) as server:
        client, other = LiveClient(server.io.connect()), LiveClient(server.io.connect())
        await client.ask("PING")
        server.files.on_call = fault = FailWhile(errno.EIO, lambda name, _: name == "sync")
        client.send("SET a 1")
        await trio.sleep(0.1)
        server.node.settings.change([(b"appendfsync", b"no")])
        fault.active = False
        await trio.sleep(5)
        assert await client.take() == b"+OK\r\n"
        assert await other.ask("SET b 1") == b"+OK\r\n"


def test_settings_that_parts_take_over() -> None:
    """CONFIG SET reaches the part that acts on it."""
    server = SimulatedServer().open()
    client = server.connect()
    node = server.node
    for name, value in (
        ("slowlog-log-slower-than", "777"),
        ("slowlog-max-len", "5"),
        ("latency-monitor-threshold", "33"),
        ("cache-size-mb", "7"),
        ("key-size-max-bytes", "9"),
        ("proto-max-bulk-len", "2000000"),
        ("appendfsync", "always"),
    ):
        assert server.ask(client, f"CONFIG SET {name} {value}") == b"+OK\r\n"
    assert node.slow_log.threshold_usec == 777
    assert node.latency.threshold_ms == 33
    assert node.keyspace.cache_bytes_max == 7 << 20
    assert node.keyspace.key_bytes_max == 9
    assert node.limits.bulk_bytes_max == 2_000_000
    assert node.reactor.waits_for_sync


async def test_shutdown_is_handed_on(autojump_clock: object) -> None:
    """SHUTDOWN tells whoever started the node, with the wish to save."""
    async with serving() as server:
        wishes: list[bool] = []
        server.node.on_shutdown = wishes.append
        client = LiveClient(server.io.connect())
        assert await client.ask("SHUTDOWN") == b""
        await client.ask("SHUTDOWN SAVE")
        assert wishes == [False, True]


async def test_long_work_is_done_beside_the_reactor() -> None:
    """In a thread of its own, so that clients go on being served."""
    server = SimulatedServer().open()
    threads: list[int] = []

    def work() -> bytes:
        threads.append(threading.get_ident())
        return b"done"

    assert await server.node.compute(work) == b"done"
    assert threads != [threading.get_ident()]


def test_statistics_are_reset() -> None:
    """CONFIG RESETSTAT sets the counters of all parts to zero."""
    server = SimulatedServer().open()
    client = server.connect()
    server.ask(client, "SET a 1", "GET a", "GET b", "NOSUCH")
    before = server.node.statistics()
    assert before.commands_processed == 3
    assert (before.keyspace_hits, before.keyspace_misses) == (1, 1)
    server.ask(client, "CONFIG RESETSTAT")
    after = server.node.statistics()
    assert after.keyspace_hits == after.keyspace_misses == after.connections_accepted == 0
    assert not after.errors_by_code
    assert after.commands_processed <= 1


async def test_draining(autojump_clock: object) -> None:
    """Clients get what they were answered, then are closed; nothing more is executed."""
    server = SimulatedServer(appendfsync=AppendFsync.ALWAYS).open()
    reader, writer, idle = (server.connect() for _ in range(3))
    server.ask(writer, request("SET", "big", b"v" * 200_000))
    await server.engine.sync()
    server.reactor.on_synced()
    assert writer.take() == b"+OK\r\n"
    reader.send(request("GET", "big"))
    server.step()
    writer.send(request("SET", "a", "1"))
    server.step()
    server.reactor.listeners.remove_all()
    received = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.reactor.drain)
        await trio.testing.wait_all_tasks_blocked()
        assert idle.is_closed
        assert writer.take() == b"+OK\r\n"
        assert writer.is_closed
        reader.send(request("SET", "late", "1"))
        while not reader.is_closed:
            received += reader.take()
            await trio.testing.wait_all_tasks_blocked()
    received += reader.take()
    assert received == b"$200000\r\n%b\r\n" % (b"v" * 200_000)
    assert not server.reactor._run_queue


async def test_draining_ends_with_clients_that_vanish(autojump_clock: object) -> None:
    """A client that is gone is not waited for; one that never reads is until the deadline."""
    server = SimulatedServer().open()
    gone, stuck = server.connect(buffer_bytes=10), server.connect(buffer_bytes=10)
    for client in (gone, stuck):
        client.send(request("ECHO", b"v" * 1000))
        while client.connection.waiting:
            server.step()
    with trio.move_on_after(5) as limit:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.reactor.drain)
            await trio.testing.wait_all_tasks_blocked()
            gone.reset()
            await trio.testing.wait_all_tasks_blocked()
            assert gone.is_closed
            assert not stuck.is_closed
    assert limit.cancelled_caught
    server.reactor.close_all()
    assert stuck.is_closed
