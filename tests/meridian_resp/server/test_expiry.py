"""Active expiry: calendar, sweep, share of time, and when it rests."""

from __future__ import annotations

import errno

import trio

from meridian_resp.server.expiry import BUSY_S, CYCLE_S
from storage.keys import metadata_key
from storage.records import TOMBSTONE
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile
from tests.harness.simulated_server import LiveClient, SimulatedServer, line, serving


def fill(server: SimulatedServer, count: int, lifetime_ms: int) -> None:
    """Write keys that live so long."""
    client = server.connect()
    for start in range(0, count, 500):
        commands = [f"SET key:{n} v PX {lifetime_ms}" for n in range(start, start + 500)]
        server.ask(client, *commands)


def keys_left(server: SimulatedServer) -> int:
    """Keys that exist, expired ones included until their deletion is logged."""
    return server.node.keyspace.databases[0].count


async def test_keys_go_without_being_asked_for(autojump_clock: object) -> None:
    """Soon after its time a key is deleted by a logged tombstone, others stay."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        await client.ask("SET a 1 PX 500", "SET b 1 PX 60000", "SET c 1")
        await trio.sleep(0.45)
        assert keys_left(server) == 3
        await trio.sleep(0.4)
        assert keys_left(server) == 2
        record = server.engine.get(
            metadata_key(server.node.keyspace.databases[0].keyspace_id, b"a")
        )
        assert record is not None
        assert record[0] & TOMBSTONE
        assert server.node.keyspace.counters.expired_keys == 1
        assert server.node.statistics().expiry_seconds > 0


async def test_the_sweep_finds_what_the_calendar_does_not_know(autojump_clock: object) -> None:
    """After a restart keys expire actively although nobody has read them."""
    files = CrashableFileSystem()
    async with serving(files=files) as server:
        client = LiveClient(server.io.connect())
        await client.ask(*[f"SET key:{n} v PX 1000" for n in range(50)], "SET stays v")
    async with serving(files=files) as server:
        assert keys_left(server) == 51
        await trio.sleep(0.5)
        assert keys_left(server) == 51
        await trio.sleep(1.5)
        assert keys_left(server) == 1


async def test_a_calendar_that_had_to_forget(autojump_clock: object) -> None:
    """Keys beyond its bound are found by another sweep once there is room."""
    async with serving() as server:
        server.node.keyspace.expiry_index._items_max = 10
        client = LiveClient(server.io.connect())
        await trio.sleep(1)
        await client.ask(*[f"SET key:{n} v PX 500" for n in range(100)])
        assert len(server.node.keyspace.expiry_index) == 10
        await trio.sleep(3)
        assert keys_left(server) == 0


async def test_it_rests_when_told(autojump_clock: object) -> None:
    """DEBUG SET-ACTIVE-EXPIRE 0 stops it, 1 lets it go on."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        server.node.set_active_expiry(False)
        await client.ask("SET a 1 PX 100")
        await trio.sleep(2)
        assert keys_left(server) == 1
        server.node.set_active_expiry(True)
        await trio.sleep(0.5)
        assert keys_left(server) == 0


async def test_it_goes_on_after_a_full_disk(autojump_clock: object) -> None:
    """Deletions that could not be logged are undone and done when writes are possible again."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        await client.ask(*[f"SET key:{n} v PX 500" for n in range(20)])
        fault = FailWhile(errno.ENOSPC, lambda operation, name: name.endswith(".wal"))
        server.files.on_call = fault
        await trio.sleep(3)
        assert keys_left(server) == 20
        assert fault.failures
        fault.active = False
        await trio.sleep(5)
        assert keys_left(server) == 0


async def test_keys_above_a_limit_that_was_lowered_ended_the_server(
    autojump_clock: object,
) -> None:
    """They can be deleted, by their time and by a client, but not written."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        long, other = "k" * 400, "o" * 400
        await client.ask(f"SET {long} v PX 500", f"SET {other} v")
        await client.ask("CONFIG SET key-size-max-bytes 100")
        await trio.sleep(2)
        assert keys_left(server) == 1
        assert (await client.ask(f"APPEND {other} v")).startswith(b"-ERR key is too long")
        assert await client.ask(f"DEL {other}") == b":1\r\n"


def test_a_cycle_is_bounded_in_time() -> None:
    """Many keys that expire at once are deleted over several cycles."""
    server = SimulatedServer().open()
    fill(server, 2000, 100)
    server.pass_s(1)
    server.io.reading_s = CYCLE_S / 4
    assert server.node.expiry._cycle(server.io.monotonic())
    deleted = 2000 - keys_left(server)
    assert 0 < deleted <= 400
    server.io.reading_s = 0
    while server.node.expiry._cycle(server.io.monotonic()):
        pass
    assert keys_left(server) == 0


def test_more_effort_means_longer_cycles() -> None:
    """At effort 10 a cycle may take two and a half times as long."""
    deleted = []
    for effort in (1, 10):
        server = SimulatedServer(active_expire_effort=effort).open()
        fill(server, 2000, 100)
        server.pass_s(1)
        server.io.reading_s = CYCLE_S / 4
        server.node.expiry._cycle(server.io.monotonic())
        deleted.append(2000 - keys_left(server))
    assert deleted[0] * 2 <= deleted[1]


async def test_cycles_follow_hz(autojump_clock: object) -> None:
    """At hz 1 a key may stay about a second longer; a backlog does not wait for that."""
    async with serving(hz=1) as server:
        client = LiveClient(server.io.connect())
        await trio.sleep(1.5)
        await client.ask("SET a 1 PX 100")
        await trio.sleep(0.35)
        assert keys_left(server) == 1
        await trio.sleep(1.2)
        assert keys_left(server) == 0
        assert BUSY_S < 1 / 10


def test_what_compaction_reports_is_looked_at() -> None:
    """A reported key is deleted if it is expired, and left alone if it was written again."""
    server = SimulatedServer().open()
    client = server.connect()
    server.ask(client, "SET a 1 PX 100", "SET b 1")
    database = server.node.keyspace.databases[0]
    server.node.keyspace.expiry_index.take_due(1 << 60, 100)
    server.pass_s(1)
    reported = [(metadata_key(database.keyspace_id, key), 1) for key in (b"a", b"b")]
    server.engine.on_expired(reported)
    server.pass_s(1)
    server.node.expiry._cycle(server.io.monotonic())
    assert keys_left(server) == 1
    assert server.ask(client, "GET b") == b"$1\r\n1\r\n"


def test_keys_of_flushed_databases_are_passed_over() -> None:
    """The calendar's entries of a keyspace that is gone do no harm."""
    server = SimulatedServer().open()
    client = server.connect()
    client.send(line("SET a 1 PX 100") + line("FLUSHALL") + line("SET a 1"))
    server.step()
    server.pass_s(1)
    server.node.expiry._cycle(server.io.monotonic())
    assert keys_left(server) == 1
