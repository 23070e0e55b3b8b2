"""The worker pool with real processes: results, deaths, cancellation, no orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import trio

from storage.compaction.job import (
    CompactionJob,
    FlushJob,
    InputTable,
    SegmentInput,
    encode_job,
)
from storage.compaction.pool import WorkerPool
from storage.errors import ClosedError, CorruptionError, WorkerError
from storage.filenames import segment_name, table_name
from storage.options import TableOptions
from storage.os_files import OsFileSystem
from storage.records import WriteBatch, encode_string
from tests.harness.segments import write_segment

pytestmark = pytest.mark.process


def flush_job(directory, number=2, count=3):
    """A flush of that many records."""
    files, batch = OsFileSystem(str(directory)), WriteBatch()
    for index in range(count):
        batch.put(b"k%05d\x00\x00" % index, encode_string(index, b"v"))
    limit = write_segment(files, number, [batch])
    return FlushJob(str(directory), (SegmentInput(number, limit),), number, TableOptions())


async def endless_job(directory, pool):
    """A compaction throttled to a byte per second: it does not end in the time of a test."""
    (metadata,) = (await pool.execute(flush_job(directory, 50, 5000))).tables
    return CompactionJob(
        str(directory),
        (InputTable(0, metadata),),
        1,
        TableOptions(),
        1 << 20,
        throughput_bytes=1,
        first_output_number=60,
    )


async def started(pool, directory):
    """Wait until the endless job has begun to write."""
    while table_name(60) not in OsFileSystem(str(directory)).names():
        await trio.lowlevel.checkpoint()
    assert len(pool.pids) >= 1


def is_alive(pid):
    """Whether a process exists that is not a zombie of somebody else."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
async def pool(nursery):
    """A running pool of one worker; after the test no process of it is left."""
    pool = WorkerPool(1)
    await nursery.start(pool.run)
    yield pool
    pids = pool.pids
    nursery.cancel_scope.cancel()
    with trio.CancelScope(shield=True), trio.fail_after(20):
        while any(map(is_alive, pids)):
            await trio.lowlevel.checkpoint()


async def test_jobs_one_after_the_other(pool, tmp_path):
    """One process does many jobs; errors of a job arrive and cost no process."""
    for number in (2, 3):
        result = await pool.execute(flush_job(tmp_path, number))
        assert result.tables[0].number == number
    with pytest.raises(CorruptionError):
        job = FlushJob(str(tmp_path), (SegmentInput(2, 1 << 40),), 4, TableOptions())
        await pool.execute(job)
    with pytest.raises(FileNotFoundError):
        await pool.execute(FlushJob(str(tmp_path), (SegmentInput(9),), 4, TableOptions()))
    statistics = pool.statistics()
    assert (statistics.jobs, statistics.failures, statistics.processes_started) == (4, 2, 1)
    assert (statistics.busy, statistics.waiting, statistics.workers) == (0, 0, 1)


async def test_killed_worker_is_replaced(pool, tmp_path):
    """kill -9 in the middle of a job fails that job; the next one finds a new process."""
    job = await endless_job(tmp_path, pool)
    (victim,) = pool.pids

    async def kill():
        await started(pool, tmp_path)
        os.kill(victim, signal.SIGKILL)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(kill)
        with pytest.raises(WorkerError, match="-9"):
            await pool.execute(job)
    assert victim not in pool.pids
    assert (await pool.execute(flush_job(tmp_path))).tables[0].entries == 3
    assert pool.statistics().processes_started == 2


async def test_worker_that_died_idle_is_replaced_unnoticed(pool, tmp_path):
    """A process killed between jobs costs no job."""
    await pool.execute(flush_job(tmp_path))
    (victim,) = pool.pids
    os.kill(victim, signal.SIGKILL)
    while is_alive(victim) and _state(victim) != "Z":
        await trio.lowlevel.checkpoint()
    assert (await pool.execute(flush_job(tmp_path, 3))).tables[0].entries == 3
    assert pool.statistics().failures == 0


def _state(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


async def test_cancelled_job_kills_its_worker(pool, tmp_path):
    """Cancelling `execute` ends the process that has the job; the pool goes on."""
    job = await endless_job(tmp_path, pool)
    (victim,) = pool.pids
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, job)
        await started(pool, tmp_path)
        nursery.cancel_scope.cancel()
    assert (await pool.execute(flush_job(tmp_path))).tables[0].entries == 3
    assert not is_alive(victim)


async def test_cancelled_in_the_queue(pool, tmp_path):
    """A job cancelled while it waits for a worker is never started."""
    job = await endless_job(tmp_path, pool)
    waiting = flush_job(tmp_path, 7)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, job)
        await started(pool, tmp_path)
        with trio.move_on_after(0):
            await pool.execute(waiting)
        nursery.cancel_scope.cancel()
    await pool.execute(flush_job(tmp_path, 8))
    assert not OsFileSystem(str(tmp_path)).exists(table_name(7))


async def test_stopping_leaves_no_process(tmp_path):
    """When `run` is cancelled its processes are gone and whoever waits is told."""
    pool = WorkerPool(2)
    outcomes = []

    async def expect_closed(job):
        with pytest.raises(ClosedError):
            await pool.execute(job)
        outcomes.append("closed")

    async with trio.open_nursery() as callers:
        async with trio.open_nursery() as owner:
            await owner.start(pool.run)
            job = await endless_job(tmp_path, pool)
            callers.start_soon(expect_closed, job)
            await started(pool, tmp_path)
            pids = pool.pids
            owner.cancel_scope.cancel()
        assert pids and not any(map(is_alive, pids))
    assert outcomes == ["closed"]
    assert pool.pids == frozenset()
    with pytest.raises(ClosedError):
        await pool.execute(job)


async def test_bad_commands_are_reported(tmp_path):
    """A worker that cannot start, greets wrongly or ends at once fails the job by name."""
    job = flush_job(tmp_path)
    for command, error in (
        (["/nonexistent/python"], FileNotFoundError),
        ([sys.executable, "-c", "pass"], WorkerError),
        ([sys.executable, "-c", "print('x' * 100)"], WorkerError),
    ):
        pool = WorkerPool(1, command)
        async with trio.open_nursery() as nursery:
            await nursery.start(pool.run)
            with pytest.raises(error):
                await pool.execute(job)
            assert pool.pids == frozenset()
            nursery.cancel_scope.cancel()


async def test_too_many_jobs(pool, tmp_path):
    """Jobs beyond the bound of the queue are refused, not hoarded."""
    job = await endless_job(tmp_path, pool)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.execute, job)
        await started(pool, tmp_path)
        for _ in range(64):
            nursery.start_soon(pool.execute, job)
        await trio.testing.wait_all_tasks_blocked()
        assert pool.statistics().waiting == 64
        with pytest.raises(WorkerError, match="wait"):
            await pool.execute(job)
        nursery.cancel_scope.cancel()


async def test_a_running_job_hears_that_it_must_hurry(tmp_path):
    """Its share was fixed when it began, so writers who came later waited for its naps."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # on a shared core only does a worker give way
    try:
        pool = WorkerPool(1)
        pool.shares.set(1, 1)
        async with trio.open_nursery() as nursery:
            await nursery.start(pool.run)
            await pool.execute(flush_job(tmp_path))
            ended = trio.Event()

            async def flush_much():
                result = await pool.execute(flush_job(tmp_path, 3, 50_000))
                assert result.tables[0].entries == 50_000
                ended.set()

            nursery.start_soon(flush_much)
            with trio.move_on_after(0.5) as soon:
                await ended.wait()
            assert soon.cancelled_caught, "a hundredth of a core was enough"
            pool.shares.set(100, 100)
            with trio.fail_after(10):
                await ended.wait()
            nursery.cancel_scope.cancel()
    finally:
        os.sched_setaffinity(0, cores)


PARENT = """
import sys, trio
from storage.compaction.job import decode_job
from storage.compaction.pool import WorkerPool

async def main():
    pool = WorkerPool(1)
    async with trio.open_nursery() as nursery:
        await nursery.start(pool.run)
        job = decode_job(bytes.fromhex(sys.argv[1]))
        nursery.start_soon(pool.execute, job)
        while not pool.pids:
            await trio.lowlevel.checkpoint()
        print(*pool.pids, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


async def test_killed_parent_leaves_no_orphan(pool, tmp_path):
    """A worker in the middle of a job ends by itself when its parent is killed with -9."""
    job = await endless_job(tmp_path, pool)
    command = [sys.executable, "-c", PARENT, encode_job(job).hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:  # noqa: ASYNC220 - a helper
        worker = int(parent.stdout.readline())
        files = OsFileSystem(str(tmp_path))
        with trio.fail_after(20):
            while not files.exists(table_name(60)):
                await trio.lowlevel.checkpoint()
            parent.kill()
            parent.wait()
            while is_alive(worker):
                await trio.lowlevel.checkpoint()
    # It cleaned up behind itself, too.
    assert not files.exists(table_name(60))
    assert files.exists(segment_name(50))


async def test_a_second_process_was_started_though_one_was_idle(tmp_path):
    """A job goes to the process that had the last one; two jobs at a time start another."""
    pool = WorkerPool(3)
    async with trio.open_nursery() as nursery:
        await nursery.start(pool.run)
        for number in range(2, 6):
            await pool.execute(flush_job(tmp_path, number))
        assert pool.statistics().processes_started == 1
        async with trio.open_nursery() as both:
            both.start_soon(pool.execute, flush_job(tmp_path, 6))
            both.start_soon(pool.execute, flush_job(tmp_path, 7))
        assert pool.statistics().processes_started == 2
        pids = pool.pids
        assert len(pids) == 2
        nursery.cancel_scope.cancel()
    assert not any(map(is_alive, pids))
