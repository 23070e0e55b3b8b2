"""Run a job of either kind, in slices: what workers do, and the serving process when they fail."""

from __future__ import annotations

from collections.abc import Callable, Generator

from attrs import evolve

from storage.compaction.flush import flush
from storage.compaction.job import FlushJob, Job, JobResult
from storage.compaction.merge import compact
from storage.files import FileSystem


def slices(
    files: FileSystem,
    job: Job,
    monotonic: Callable[[], float],
    process_time: Callable[[], float],
) -> Generator[int, None, JobResult]:
    """Yield after every few milliseconds of work; the generator's value is the result.

    Yields bytes read or written by the slice. The result's times are filled in with the clocks
    given, in seconds. Errors and clean-up as in `flush.flush` and `merge.compact`.
    """
    started, cpu_started = monotonic(), process_time()
    if isinstance(job, FlushJob):
        result = yield from flush(files, job)
    else:
        result = yield from compact(files, job)
    return evolve(result, duration_s=monotonic() - started, cpu_s=process_time() - cpu_started)
