"""Running jobs here, or in workers with a fall-back."""

from __future__ import annotations

from collections.abc import Generator

import pytest
import trio

from storage.compaction.job import FlushJob, Job, JobResult
from storage.errors import WorkerError
from storage.executor import WORKER_ATTEMPTS, InProcessExecutor, WorkerExecutor
from storage.options import TableOptions
from tests.harness.crashable_files import CrashableFileSystem

JOB = FlushJob("simulated", (), 1, TableOptions())


async def test_slices_let_other_tasks_run() -> None:
    """Between two slices other tasks get their turn."""
    turns: list[str] = []

    def slices() -> Generator[int, None, JobResult]:
        for _ in range(3):
            turns.append("slice")
            yield 1
        return JobResult(entries_read=3)

    async def other() -> None:
        for _ in range(3):
            turns.append("other")
            await trio.lowlevel.checkpoint()

    executor = InProcessExecutor(CrashableFileSystem())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        result = await executor.run_slices(slices())
    assert result.entries_read == 3
    first, last = turns.index("slice"), len(turns) - turns[::-1].index("slice")
    assert "other" in turns[first:last]


async def test_cancelled_job_cleans_up() -> None:
    """Cancellation closes the generator, whose clean-up runs."""
    cleaned: list[bool] = []

    def slices() -> Generator[int, None, JobResult]:
        try:
            while True:
                yield 1
        finally:
            cleaned.append(True)

    with trio.move_on_after(0):
        await InProcessExecutor(CrashableFileSystem()).run_slices(slices())
    assert cleaned == [True]


async def test_job_runs_here_when_workers_fail_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two worker failures, then the same job in this process."""
    executor = WorkerExecutor(CrashableFileSystem(), 1)
    attempts: list[Job] = []

    async def fail(job: Job) -> JobResult:
        attempts.append(job)
        await trio.lowlevel.checkpoint()
        raise WorkerError("flush", "died")

    monkeypatch.setattr(executor.pool, "execute", fail)
    assert (await executor.run(JOB)).tables == ()
    assert attempts == [JOB] * WORKER_ATTEMPTS
    assert executor.fallbacks == 1
