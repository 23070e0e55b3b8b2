"""Flushing seals, on an engine whose tasks are stepped by hand."""

from __future__ import annotations

import errno

import trio
import trio.testing

from storage.blocking import run_inline
from storage.compaction.shares import WHOLE_PERCENT
from storage.engine import Engine
from storage.executor import InProcessExecutor
from storage.options import StorageOptions
from storage.pressure import GENTLE_FLUSH_PERCENT
from storage.records import WriteBatch, encode_string
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile


def open_engine(files: CrashableFileSystem) -> Engine:
    """An open engine without tasks."""
    options = StorageOptions("sim", segment_bytes_override=4096, workers=0, cache_size_mb=1)
    engine = Engine(options, files, run_blocking=run_inline)
    engine.open()
    return engine


async def seal(engine: Engine, *keys: bytes) -> None:
    """Commit records and seal them, without flushing."""
    batch = WriteBatch()
    for key in keys:
        batch.put(key, encode_string(1, b""))
    engine.commit(batch)
    engine.note_spare(engine.log.reserve(engine.log.spare_name()))
    engine.seal()


async def test_small_seals_are_flushed_together() -> None:
    """Two small seals become one table; their segments go, the data stays."""
    files = CrashableFileSystem()
    engine = open_engine(files)
    await seal(engine, b"\x01a")
    await seal(engine, b"\x01b")
    await engine.background_step()
    assert engine.seals == []
    level0 = engine.statistics().levels[0]
    assert (level0.tables, level0.entries) == (1, 2)
    assert {"segment_0000000001.wal", "segment_0000000002.wal"}.isdisjoint(files.names())
    assert [key for key, _ in engine.scan(b"", b"\xff")] == [b"\x01a", b"\x01b"]


async def test_failed_flush_keeps_everything() -> None:
    """A table that cannot be written is counted as a failure; the next attempt succeeds."""
    files = CrashableFileSystem()
    engine = open_engine(files)
    await seal(engine, b"\x01a")
    fault = FailWhile(errno.EIO, lambda operation, name: name.startswith("table_"))
    files.on_call = fault
    await engine.background_step()
    assert 1 == engine.statistics().flush_failures == len(engine.seals)
    fault.active = False
    await engine.background_step()
    assert engine.statistics().flushes == 1
    assert engine.seals == []
    assert encode_string(1, b"") == engine.get(b"\x01a")


async def test_the_more_seals_wait_the_more_of_a_core_a_flush_takes() -> None:
    """Workers hear of it at once, in the middle of a job too, and of the end of the hurry."""
    files = CrashableFileSystem()
    engine = open_engine(files)
    told: list[int] = []

    class Recorder(InProcessExecutor):
        def set_shares(self, flush: int, compaction: int) -> None:
            if told[-1:] != [flush]:
                told.append(flush)

    engine._executor = Recorder(files)
    for number in range(4):
        # Each as large as a segment, so that no two are flushed together.
        await seal(engine, bytes((1, number)) * 2000)
    assert told == [GENTLE_FLUSH_PERCENT, 40, WHOLE_PERCENT]
    while engine.seals:
        await engine._flusher.flush_oldest()
    assert told[3] >= 15
    assert all(share <= GENTLE_FLUSH_PERCENT for share in told[4:])


async def test_who_waits_for_a_flush_was_not_counted(autojump_clock: object) -> None:
    """SAVE took twice as long; the flush hurries while somebody waits for it."""
    files = CrashableFileSystem()
    engine = open_engine(files)
    told: list[int] = []

    class Recorder(InProcessExecutor):
        def set_shares(self, flush: int, compaction: int) -> None:
            told.append(flush)

    engine._executor = Recorder(files)
    await seal(engine, b"\x01a")
    assert told[-1] <= GENTLE_FLUSH_PERCENT
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.flush)
        await trio.testing.wait_all_tasks_blocked()
        assert told[-1] == WHOLE_PERCENT
        await engine._flusher.flush_oldest()
    assert told[-1] <= GENTLE_FLUSH_PERCENT


async def test_who_waited_for_a_seal_that_a_failed_sync_took_back(autojump_clock: object) -> None:
    """Its records are written again to another segment; SAVE hung, and now flushes that one."""
    files = CrashableFileSystem()
    options = StorageOptions("sim", segment_bytes_override=1 << 20, workers=0, cache_size_mb=1)
    engine = Engine(options, files, run_blocking=run_inline)
    is_broken = False

    def fail(number: int, operation: str, name: str) -> None:
        nonlocal is_broken
        if is_broken and name.endswith(".sst"):
            raise OSError(errno.EIO, "input/output error")
        if is_broken and (operation, name) == ("sync", "segment_0000000001.wal"):
            is_broken = False
            raise OSError(errno.EIO, "input/output error")

    files.on_call = fail
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.run)
        await trio.sleep(0.05)
        batch = WriteBatch()
        batch.put(b"\x01a", encode_string(1, b""))
        engine.commit(batch)
        is_broken = True
        with trio.fail_after(60):
            await engine.flush()
        assert engine.statistics().sync_failures == 1
        assert engine.seals == []
        assert engine.statistics().levels[0].entries == 1
        nursery.cancel_scope.cancel()
