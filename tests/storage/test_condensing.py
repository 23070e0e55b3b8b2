"""Flushing a memtable whose keys were written over and over: from a copy without the old ones."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio
import trio.testing

from storage import condensing
from storage.blocking import run_inline
from storage.compaction.condensed import read_pieces
from storage.compaction.job import FlushJob, JobResult
from storage.compaction.shares import WHOLE_PERCENT
from storage.engine import Engine
from storage.executor import InProcessExecutor
from storage.memtable import Memtable
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
        self.shares: list[int] = []

    def set_shares(self, flush: int, compaction: int) -> None:
        """Remember what a flush may take."""
        self.shares.append(flush)

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


@asynccontextmanager
async def resting_engine() -> AsyncIterator[tuple[Engine, Recorder]]:
    """An engine whose flusher runs, with one seal that may rest."""
    engine, recorder = open_engine(CrashableFileSystem())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine._flusher.run)
        overwrite(engine, 1)
        await trio.testing.wait_all_tasks_blocked()
        yield engine, recorder
        nursery.cancel_scope.cancel()


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
    async with resting_engine() as (engine, recorder):
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
    assert_newest(engine, 1 + (RESTING_MAX + 1) * PUTS)


async def test_on_a_full_disk_the_segments_that_could_go_rested(autojump_clock: object) -> None:
    """What rests is flushed as soon as no segment can be reserved or writes are refused."""
    async with resting_engine() as (engine, recorder):
        assert recorder.jobs == []
        engine.note_reserve_error(OSError(errno.ENOSPC, "no space"))
        await trio.testing.wait_all_tasks_blocked()
        assert len(recorder.jobs) == 1


async def test_what_would_rest_hurried_the_flush_before_it() -> None:
    """Seals behind a flush count only if they are work of their own."""
    files = CrashableFileSystem()
    engine, _ = open_engine(files)
    flusher = engine._flusher
    for number in range(2 * RESTING_MAX - 1):
        overwrite(engine, 1 + number * PUTS)
    flusher._under_way = engine.seals[:RESTING_MAX]
    flusher.count()
    assert flusher.waiting() == 1
    assert engine.delay_s() == 0.0
    engine.seals[-1].memtable.puts = 0
    flusher.count()
    assert flusher.waiting() == RESTING_MAX
    flusher._under_way = []


async def test_refused_writes_waited_for_a_gentle_flush() -> None:
    """With so much piled up that writes are refused the flush takes all of a core."""
    files = CrashableFileSystem()
    engine, recorder = open_engine(files)
    for number in range(2 * engine.options.sealed_memtables_max + 1):
        overwrite(engine, 1 + number * PUTS)
    assert engine.refusal is not None
    recorder.shares.clear()
    await engine.background_step()
    assert engine.refusal is None
    assert recorder.shares[0] == WHOLE_PERCENT


async def test_a_small_flush_taught_a_wrong_price() -> None:
    """Its fixed cost divided by a few bytes made the next flush 200 times as dear."""
    engine, _ = open_engine(CrashableFileSystem())
    flusher = engine._flusher
    before = flusher._cpu_s_per_byte
    flusher._learn(0.01, 1000)
    assert flusher._cpu_s_per_byte == before
    flusher._learn(0.2, 10 << 20)
    assert flusher._cpu_s_per_byte == 0.2 / (10 << 20)
    flusher._learn(100.0, 10 << 20)
    assert flusher._cpu_s_per_byte == 60e-9


async def test_large_records_made_pieces_of_megabytes() -> None:
    """Each is written between two turns of the event loop, so it is bounded in bytes as well."""
    memtable = Memtable()
    memtable.apply([(b"\x01%04d" % key, b"v" * 60_000) for key in range(300)])
    memtable.apply([(b"\x02%04d" % key, b"v") for key in range(300)])
    pieces = list(condensing._pieces(memtable))
    assert max(map(len, pieces)) < 100_000
    data = b"".join(pieces)
    found = {}
    for _, keys, records in read_pieces(data, "name", len(data)):
        found.update(zip(keys, records, strict=True))
    assert found == memtable.shards[1] | memtable.shards[2]
