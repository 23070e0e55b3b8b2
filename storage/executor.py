"""Who runs flushes and compactions: worker processes, or this process in slices.

A job is a generator of slices of a few milliseconds wherever it runs. In this process the event
loop gets its turn after every slice; a simulated disk has nothing else.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol

import trio

from storage.compaction.flush import flush
from storage.compaction.job import FlushJob, Job, JobResult

if TYPE_CHECKING:
    from storage.files import FileSystem

Slices = Generator[int, None, JobResult]


class Executor(Protocol):
    """Runs background jobs."""

    async def run(self, job: Job) -> JobResult:
        """Run one job to its end; cancelled, no output counts."""

    async def run_slices(self, slices: Slices) -> JobResult:
        """Run a generator of slices in this process."""


class InProcessExecutor:
    """Runs jobs in this process, giving way after every slice."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files

    async def run(self, job: Job) -> JobResult:
        """Run one job.

        Raises:
            CorruptionError: an input is damaged.
            OSError: the output could not be written.
        """
        return await self.run_slices(slices_of(self._files, job))

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


def slices_of(files: FileSystem, job: Job) -> Slices:
    """Return the generator that does a job."""
    assert isinstance(job, FlushJob), job
    return flush(files, job)
