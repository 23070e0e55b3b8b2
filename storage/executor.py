"""Who runs flushes and compactions: worker processes, or this process in slices.

A job is a generator of slices of a few milliseconds wherever it runs. In this process the event
loop gets its turn after every slice; a simulated disk has nothing else. With workers, a job whose
worker failed twice (died, could not be started) is run here: slower for clients, but it gets done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol

import trio

from storage.compaction.execution import slices
from storage.compaction.job import Job, JobResult
from storage.compaction.pool import WorkerPool
from storage.errors import WorkerError

if TYPE_CHECKING:
    from storage.files import FileSystem

logger = logging.getLogger(__name__)

WORKER_ATTEMPTS = 2

Slices = Generator[int, None, JobResult]


class Executor(Protocol):
    """Runs background jobs."""

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Own what running jobs needs, until cancelled."""

    async def run(self, job: Job) -> JobResult:
        """Run one job to its end; cancelled, no output counts."""

    async def run_slices(self, slices: Slices) -> JobResult:
        """Run a generator of slices in this process."""

    def set_shares(self, flush: int, compaction: int) -> None:
        """Say how much of a core each may take from now on, in percent."""


class InProcessExecutor:
    """Runs jobs in this process, giving way after every slice."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Nothing is needed; returns at once."""
        task_status.started()
        await trio.lowlevel.checkpoint()

    async def run(self, job: Job) -> JobResult:
        """Run one job.

        Raises:
            CorruptionError: an input is damaged.
            OSError: the output could not be written.
        """
        clocks = time.monotonic, time.process_time
        return await self.run_slices(slices(self._files, job, *clocks))

    async def run_slices(self, slices: Slices) -> JobResult:
        """Run a generator of slices; closed on cancellation, so that it cleans up."""
        try:
            while True:
                try:
                    next(slices)
                except StopIteration as stop:
                    result: JobResult = stop.value
                    return result
                await trio.lowlevel.checkpoint()
        finally:
            slices.close()

    def set_shares(self, flush: int, compaction: int) -> None:
        """Nothing to say: the event loop gives every slice its turn."""


class WorkerExecutor:
    """Runs jobs in worker processes, and here when those fail.

    Attributes:
        pool: the processes.
        fallbacks: jobs that had to be run in this process.
    """

    def __init__(self, files: FileSystem, size: int) -> None:
        self.pool = WorkerPool(size)
        self.fallbacks = 0
        self._own = InProcessExecutor(files)

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Own the processes until cancelled; none is left behind."""
        await self.pool.run(task_status=task_status)

    async def run(self, job: Job) -> JobResult:
        """Run one job; cancelled, its worker is killed.

        Raises:
            CorruptionError: an input is damaged.
            OSError: the output could not be written.
            ClosedError: the engine is closing.
        """
        for attempt in range(1, WORKER_ATTEMPTS + 1):
            try:
                return await self.pool.execute(job)
            except WorkerError as error:
                logger.warning("attempt %d: %s", attempt, error)
        self.fallbacks += 1
        return await self._own.run(job)

    async def run_slices(self, slices: Slices) -> JobResult:
        """Run a generator of slices in this process."""
        return await self._own.run_slices(slices)

    def set_shares(self, flush: int, compaction: int) -> None:
        """Tell the workers, those that have a job included."""
        self.pool.shares.set(flush, compaction)
