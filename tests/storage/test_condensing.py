"""Flushing a memtable whose keys were written over and over: from a copy without the old ones."""

from __future__ import annotations

import errno
import logging
from random import Random

import pytest
import trio
import trio.testing

from storage.blocking import run_inline
from storage.compaction.job import FlushJob, JobResult
from storage.engine import Engine
from storage.executor import InProcessExecutor
from storage.options import StorageOptions
from storage.records import WriteBatch, encode_string
from storage.seal_groups import REST_S_MAX, RESTING_MAX
from tests.harness.crashable_files import MODES, CrashableFileSystem, SimulatedCrash
from tests.harness.failing_files import FailWhile

SEGMENT = 1 << 20
KEYS = 700
PUTS = 9100


class Recorder(InProcessExecutor):
    """Remembers the jobs that it ran."""

    def __init__(self, files: CrashableFileSystem) -> None:
        super().__init__(files)
        self.jobs: list[FlushJob] = []

    async def run(self, job):  # type: ignore[no-untyped-def] # as in its base
        if isinstance(job, FlushJob):
            self.jobs.append(job)
        result: JobResult = await super().run(job)
        return result


def open_engine(files: CrashableFileSystem) -> tuple[Engine, Recorder]:
    """An open engine without tasks."""
    options = StorageOptions("sim", segment_bytes_override=SEGMENT, workers=0, cache_size_mb=1)
    recorder = Recorder(files)
    engine = Engine(options, files, run_blocking=run_inline, executor=recorder)
    engine.open()
    return engine, recorder


def key_of(index: int) -> bytes:
    """Keys of several shards."""
    return bytes((index % 3,)) + b"%05d" % index


def overwrite(engine: Engine, version: int, *, puts: int = PUTS) -> None:
    """Write the same keys again and again, and seal."""
    for first in range(0, puts, 100):
        batch = WriteBatch()
        for index in range(first, first + 100):
            batch.put(key_of(index % KEYS), encode_string(version + index, b"%d" % index))
        engine.commit(batch)
    engine.note_spare(engine.log.reserve(engine.log.spare_name()))
    engine.seal()


def assert_newest(engine: Engine, version: int, *, puts: int = PUTS) -> None:
    """Every key has its last record."""
    newest = {index % KEYS: index for index in range(puts)}
    for number, index in newest.items():
        assert engine.get(key_of(number)) == encode_string(version + index, b"%d" % index)
    assert len(list(engine.scan(b"", b"\xff"))) == KEYS


class CrashAt:
    """Ends the process at a call."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, number: int, operation: str, name: str) -> None:
        if number >= self.number:
            raise SimulatedCrash


def leftovers(files: CrashableFileSystem) -> list[str]:
    """Temporary files."""
    return [name for name in files.names() if name.endswith(".tmp")]


async def test_a_flush_decoded_what_later_effects_had_overwritten() -> None:
    """9,100 effects of 700 keys: a worker reads 700, and the table is that of all effects."""
    files = CrashableFileSystem()
    engine, recorder = open_engine(files)
    overwrite(engine, 1)
    await engine.background_step()
    (job,) = recorder.jobs
    assert [segment.is_condensed for segment in job.segments] == [True]
    assert (job.segments[0].limit_offset or 0) < SEGMENT // 10
    assert engine.seals == []
    assert engine.statistics().levels[0].entries == KEYS
    assert_newest(engine, 1)
    assert leftovers(files) == []


async def test_several_become_one_table() -> None:
    """Seals of the same keys are flushed together, the newest record wins."""
    files = CrashableFileSystem()
    engine, recorder = open_engine(files)
    for number in range(RESTING_MAX):
        overwrite(engine, 1 + number * PUTS)
    await engine.background_step()
    assert len(recorder.jobs[0].segments) == RESTING_MAX
    level0 = engine.statistics().levels[0]
    assert (level0.tables, level0.entries) == (1, KEYS)
    assert_newest(engine, 1 + (RESTING_MAX - 1) * PUTS)


@pytest.mark.parametrize("operation", ["create", "append"])
async def test_a_copy_that_cannot_be_written_costs_only_time(
    operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker reads the log then; nothing is left behind."""
    files = CrashableFileSystem()
    engine, recorder = open_engine(files)
    overwrite(engine, 1)
    files.on_call = FailWhile(
        errno.EIO, lambda called, name: called == operation and name.endswith(".tmp")
    )
    with caplog.at_level(logging.WARNING):
        await engine.background_step()
    assert "could not be condensed" in caplog.text
    assert [segment.is_condensed for segment in recorder.jobs[0].segments] == [False]
    assert_newest(engine, 1)
    assert leftovers(files) == []


async def test_a_copy_took_the_last_space_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """On a disk with little room what is left is for the log and the tables."""
    files = CrashableFileSystem()
    engine, recorder = open_engine(files)
    overwrite(engine, 1)
    files.capacity = sum(files.size(name) for name in files.names()) + SEGMENT
    await engine.background_step()
    assert "bytes are free" in caplog.text
    assert [segment.is_condensed for segment in recorder.jobs[0].segments] == [False]
    assert_newest(engine, 1)


async def test_a_damaged_copy_is_flushed_from_memory(caplog: pytest.LogCaptureFixture) -> None:
    """Its checksums say so, and the memtable has everything."""
    files = CrashableFileSystem()
    engine, _ = open_engine(files)
    overwrite(engine, 1)

    def damage(number: int, operation: str, name: str) -> None:
        if operation == "map" and name.endswith(".tmp"):
            files._entries[name].content[100] ^= 0xFF

    files.on_call = damage
    await engine.background_step()
    files.on_call = None
    assert "flushing from memory" in caplog.text
    assert_newest(engine, 1)
    assert leftovers(files) == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_crash_in_the_middle_leaves_the_log(mode: str) -> None:
    """Whatever has become of the copy: recovery forgets it and replays the segment."""
    for crash_at in range(1, 60):
        files = CrashableFileSystem()
        engine, _ = open_engine(files)
        overwrite(engine, 1)
        await engine.sync()
        files.on_call = CrashAt(files.calls + crash_at)
        try:
            await engine.background_step()
        except (SimulatedCrash, BaseExceptionGroup):
            found = files.crash_clone(Random(crash_at), mode)
            again, _ = open_engine(found)
            assert_newest(again, 1)
            assert leftovers(found) == []
            again.close()
        else:
            assert crash_at > 10
            return
    raise AssertionError("the flush did not end")


async def test_small_seals_rest_until_there_are_a_few(autojump_clock: object) -> None:
    """One rests for a minute; who waits for it does not; three are flushed at once."""
    files = CrashableFileSystem()
    engine, recorder = open_engine(files)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine._flusher.run)
        overwrite(engine, 1)
        await trio.testing.wait_all_tasks_blocked()
        assert recorder.jobs == [] and engine.delay_s() == 0.0
        await engine.flush()
        assert len(recorder.jobs) == 1

        for number in range(1, RESTING_MAX + 1):
            assert len(recorder.jobs) == 1
            overwrite(engine, 1 + number * PUTS)
            await trio.testing.wait_all_tasks_blocked()
        assert len(recorder.jobs) == 2
        assert len(recorder.jobs[1].segments) == RESTING_MAX

        overwrite(engine, 1 + (RESTING_MAX + 1) * PUTS)
        await trio.testing.wait_all_tasks_blocked()
        assert len(recorder.jobs) == 2
        engine._flusher._resting_since -= REST_S_MAX  # type: ignore[operator] # it rests
        engine._flusher.wakeup.ring()
        await trio.testing.wait_all_tasks_blocked()
        assert len(recorder.jobs) == 3
        nursery.cancel_scope.cancel()
    assert_newest(engine, 1 + (RESTING_MAX + 1) * PUTS)
