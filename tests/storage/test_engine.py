"""The whole engine with its tasks, on a simulated disk and a virtual clock, and on a real disk."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import trio
import trio.testing

from storage.blocking import run_inline
from storage.engine import Engine
from storage.errors import ClosedError, DirectoryLockedError, DiskFullError, WriteRefusedError
from storage.keys import metadata_key
from storage.options import FsyncPolicy, StorageOptions
from storage.records import WriteBatch, encode_string, version_of
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile

EVERYTHING = (b"", b"\xff" * 8)


def options(fsync: FsyncPolicy = FsyncPolicy.ALWAYS, directory: str = "sim") -> StorageOptions:
    """Segments of 8 KB, no workers."""
    return StorageOptions(
        directory,
        fsync=fsync,
        segment_bytes_override=8192,
        wal_reserve_bytes=1024,
        workers=0,
        cache_size_mb=1,
    )


@asynccontextmanager
async def running(
    files: CrashableFileSystem, fsync: FsyncPolicy = FsyncPolicy.ALWAYS
) -> AsyncIterator[Engine]:
    """An engine that runs on a simulated disk."""
    engine = Engine(options(fsync), files, run_blocking=run_inline)
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        yield engine
        nursery.cancel_scope.cancel()


def put(engine: Engine, number: int, version: int = 1, size: int = 100) -> int:
    """Commit one record under a key of its own."""
    batch = WriteBatch()
    batch.put(metadata_key(0, b"key:%d" % number), encode_string(version, b"v" * size))
    return engine.commit(batch)


def refusal(engine: Engine) -> str:
    """Why writes are refused now, empty if they are not."""
    return engine.refusal or ""


def versions(engine: Engine) -> dict[bytes, int]:
    """Every key's version."""
    return {key: version_of(record) for key, record in engine.scan(*EVERYTHING)}


async def test_always_syncs_and_tells(autojump_clock: trio.testing.MockClock) -> None:
    """Under `always` a commit is soon durable, and the hook says so."""
    async with running(CrashableFileSystem()) as engine:
        told: list[int] = []
        engine.on_synced = lambda: told.append(engine.synced_offset)
        end = put(engine, 1)
        assert end == engine.appended_offset > engine.synced_offset
        await trio.testing.wait_all_tasks_blocked()
        assert [end] == told


async def test_everysec_syncs_within_a_second(autojump_clock: trio.testing.MockClock) -> None:
    """Under `everysec` nothing is synced at once, everything after a second."""
    async with running(CrashableFileSystem(), FsyncPolicy.EVERYSEC) as engine:
        end = put(engine, 1)
        await trio.testing.wait_all_tasks_blocked()
        assert engine.synced_offset < end
        await trio.sleep(1.1)
        assert end == engine.synced_offset


async def test_a_second_of_megabytes_was_kept_in_memory(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A full segment is synced at once, so that no more than about one is kept for a rewrite."""
    async with running(CrashableFileSystem(), FsyncPolicy.EVERYSEC) as engine:
        for number in range(100):
            put(engine, number, size=1000)
            await trio.testing.wait_all_tasks_blocked()
            waiting = engine.appended_offset - engine.synced_offset
            assert waiting <= 2 * engine.options.segment_bytes
            assert sum(map(len, engine.log.unsynced_payloads())) <= waiting
        assert trio.current_time() < 1


async def test_closing_syncs_and_reopening_finds_everything(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A stop by cancellation leaves everything durable, whatever the policy."""
    files = CrashableFileSystem()
    async with running(files, FsyncPolicy.NO) as engine:
        for number in range(200):
            put(engine, number)
            await trio.lowlevel.checkpoint()
        expected = versions(engine)
    with pytest.raises(ClosedError):
        put(engine, 1)
    async with running(files) as engine:
        assert len(expected) == 200
        assert expected == versions(engine)


async def test_segments_become_tables(autojump_clock: trio.testing.MockClock) -> None:
    """Full segments are flushed and removed; reads go on through tables; flush() empties all."""
    files = CrashableFileSystem()
    async with running(files) as engine:
        for number in range(300):
            put(engine, number % 150, version=number)
            await trio.testing.wait_all_tasks_blocked()
        statistics = engine.statistics()
        assert statistics.flushes > 2
        assert sum(level.tables for level in statistics.levels) > 0
        assert {number % 150: number for number in range(300)} == {
            number: version_of(engine.get(metadata_key(0, b"key:%d" % number)) or b"")
            for number in range(150)
        }
        await engine.flush()
        assert engine.statistics().memtable_entries == 0
        assert len(versions(engine)) == 150
        await trio.testing.wait_all_tasks_blocked()
        segments = [name for name in files.names() if name.endswith(".wal")]
        assert len(segments) <= 2


async def test_full_disk_refuses_writes_and_recovers(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Without room for the next segment: refused before the open one is full, reads go on."""
    files = CrashableFileSystem()
    async with running(files) as engine:
        await trio.testing.wait_all_tasks_blocked()
        files.capacity = sum(files.size(name) for name in files.names())
        number = 0
        while not refusal(engine):
            put(engine, number)
            number += 1
            await trio.testing.wait_all_tasks_blocked()
        assert "No space left" in refusal(engine)
        assert number == len(versions(engine))
        files.capacity = None
        await trio.sleep(5)
        assert not refusal(engine)
        put(engine, number)
        await engine.sync()
        assert number + 1 == len(versions(engine))


async def test_failed_append_is_undone_and_probed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A commit that cannot be logged changes nothing; writes come back when the disk does."""
    files = CrashableFileSystem()
    async with running(files) as engine:
        put(engine, 1)
        await trio.testing.wait_all_tasks_blocked()
        fault = FailWhile(errno.ENOSPC, lambda operation, name: operation in ("append", "write"))
        files.on_call = fault
        with pytest.raises(DiskFullError):
            put(engine, 2)
        with pytest.raises(WriteRefusedError):
            put(engine, 3)
        assert refusal(engine)
        assert len(versions(engine)) == 1
        await trio.sleep(3)
        assert refusal(engine)
        fault.active = False
        await trio.sleep(3)
        assert not refusal(engine)
        put(engine, 4)
        await engine.sync()
    async with running(files) as engine:
        assert len(versions(engine)) == 2


async def test_failed_sync_is_survived_without_trusting_the_file(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A sync fails once and the kernel forgets the pages: acknowledged writes are still durable.

    A later sync of the same file would succeed without writing them, so only records written
    again elsewhere survive the power cut.
    """
    files = CrashableFileSystem()
    async with running(files) as engine:
        put(engine, 1)
        await engine.sync()
        fault = FailWhile(errno.EIO, lambda operation, name: operation == "sync")
        files.on_call = fault
        end = put(engine, 2)
        await trio.testing.wait_all_tasks_blocked()
        assert refusal(engine) and engine.synced_offset < end
        fault.active = False
        await trio.sleep(5)
        assert not refusal(engine)
        assert end <= engine.synced_offset
        put(engine, 3)
        await engine.sync()
        disk = files.crash_clone(Random(1), "dropped")
    async with running(disk) as engine:
        assert len(versions(engine)) == 3


async def test_flush_survives_a_damaged_segment(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A sealed segment that cannot be read any more is flushed from memory."""
    files = CrashableFileSystem()
    async with running(files) as engine:
        await trio.testing.wait_all_tasks_blocked()
        put(engine, 1)
        put(engine, 2)
        file = files.open_append("segment_0000000001.wal")
        file.write_at(60, b"damaged")
        await engine.flush()
        assert len(versions(engine)) == 2
        assert engine.statistics().flushes == 1


async def test_out_of_order_effects_lose_before_they_are_logged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Entries older than what is stored, or hidden by a delete-range, are dropped."""
    async with running(CrashableFileSystem()) as engine:
        put(engine, 1, version=10)
        ranged = WriteBatch()
        start, end = sorted([metadata_key(0, b"key:2"), metadata_key(0, b"key:2") + b"\xff"])
        ranged.delete_range(start, end, 20)
        engine.commit(ranged)
        batch = WriteBatch()
        for number, version in ((1, 9), (1, 11), (1, 10), (2, 19), (3, 1)):
            key = metadata_key(0, b"key:%d" % number)
            batch.put(key, encode_string(version, b""))
        engine.commit_checked(batch)
        expected = {metadata_key(0, b"key:1"): 11, metadata_key(0, b"key:3"): 1}
        assert expected == versions(engine)
        await engine.flush()
        assert expected == versions(engine)


async def test_back_pressure_grows_with_waiting_flushes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """No delay normally; a delay when flushes cannot keep up; none when they have."""
    files = CrashableFileSystem()
    async with running(files) as engine:
        assert engine.delay_s() == 0.0
        fault = FailWhile(errno.EIO, lambda operation, name: name.startswith("table_"))
        files.on_call = fault
        number = 0
        while len(engine.seals) < 6:
            put(engine, number, size=1000)
            number += 1
            await trio.testing.wait_all_tasks_blocked()
        assert 0.0 < engine.delay_s() <= engine.options.background_delay_s_max
        fault.active = False
        await trio.sleep(30)
        assert engine.seals == [] and engine.delay_s() == 0.0
        assert number == len(versions(engine))


async def test_directory_is_locked(tmp_path: Path) -> None:
    """A second engine on the same real directory is refused by name; then it may open."""
    given = options(directory=str(tmp_path / "data"))
    async with trio.open_nursery() as nursery:
        first = Engine(given)
        await nursery.start(first.run)
        put(first, 1)
        with pytest.raises(DirectoryLockedError, match="in use by another process"):
            Engine(given).open()
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        second = Engine(given)
        await nursery.start(second.run)
        assert len(versions(second)) == 1
        nursery.cancel_scope.cancel()


@pytest.mark.process
async def test_worker_processes_flush_and_compact(tmp_path: Path) -> None:
    """On a real disk with real workers: data ends in tables and is all there."""
    given = StorageOptions(
        str(tmp_path / "data"),
        segment_bytes_override=1 << 16,
        wal_archive_dir=str(tmp_path / "archive"),
        workers=1,
    )
    async with trio.open_nursery() as nursery:
        engine = Engine(given)
        await nursery.start(engine.run)
        for round_number in range(5):
            for number in range(200):
                put(engine, number, version=round_number * 1000 + number)
            with trio.fail_after(30):
                await engine.flush()
        found = versions(engine)
        assert {4000 + number for number in range(200)} == set(found.values())
        assert engine.statistics().flushes >= 5
        nursery.cancel_scope.cancel()
    assert any(path.name.endswith(".wal.gz") for path in (tmp_path / "archive").iterdir())
