"""The task that compacts: asks the picker what is due, has it done, installs the result.

One compaction at a time; flushes go on beside it. A job that fails is picked again after a pause
that grows to a minute: nothing is lost by waiting, only reads get slower, and back-pressure holds
writers back when level 0 grows.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import trio

from storage.compaction.job import CompactionJob, JobResult
from storage.compaction.picker import pick
from storage.errors import StorageError
from storage.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.executor import Executor
    from storage.installer import Installer
    from storage.options import StorageOptions
    from storage.table_set import TableSet

logger = logging.getLogger(__name__)

RETRY_FIRST_S = 1.0
RETRY_MAX_S = 60.0


class Compactor:
    """Compacts the tables of one engine.

    Attributes:
        wakeup: rung after a flush.
        live_keyspaces, on_expired: see `Engine`.
        on_compacted: called with the level written and the seconds after each compaction.
        compactions, failures: for the statistics.
        is_busy: a compaction is running.
    """

    def __init__(
        self,
        options: StorageOptions,
        tables: TableSet,
        executor: Executor,
        installer: Installer,
        unix_ms: Callable[[], int],
    ) -> None:
        self.wakeup = Wakeup()
        self.live_keyspaces: Callable[[], frozenset[int] | None] = _unknown
        self.on_expired: Callable[[list[tuple[bytes, int]]], None] = _ignore
        self.on_compacted: Callable[[int, float], None] = _nothing
        self.compactions = 0
        self.failures = 0
        self.is_busy = False
        self._options = options
        self._tables = tables
        self._executor = executor
        self._installer = installer
        self._unix_ms = unix_ms

    async def run(self) -> None:
        """Compact for ever; cancelled, it abandons the compaction in progress."""
        pause_s = RETRY_FIRST_S
        while True:
            failures = self.failures
            if not await self.step():
                await self.wakeup.wait()
            elif self.failures > failures:
                await trio.sleep(pause_s)
                pause_s = min(RETRY_MAX_S, 2 * pause_s)
            else:
                pause_s = RETRY_FIRST_S

    async def step(self) -> bool:
        """Do the most urgent compaction; False if none is due."""
        pointers = self._tables.state.pointers
        job = pick(self._tables.version, self._options, self.live_keyspaces(), pointers=pointers)
        if job is None:
            return False
        started = time.perf_counter()
        self.is_busy = True
        try:
            await self._compact(job)
        except (StorageError, OSError) as error:
            self.failures += 1
            logger.error("a compaction into level %d failed: %s", job.output_level, error)
            return True
        finally:
            self.is_busy = False
        self.compactions += 1
        self.on_compacted(job.output_level, time.perf_counter() - started)
        return True

    async def _compact(self, job: CompactionJob) -> None:
        result = JobResult()
        if not job.is_move:
            numbers = self._tables.new_numbers(job.outputs_max)
            job = job.started(numbers, self._unix_ms())
            result = await self._executor.run(job)
        await self._installer.install(lambda: job.edit(result), _installed)
        if result.expired:
            self.on_expired([(found.key, found.version) for found in result.expired])


def _unknown() -> None:
    return None


def _ignore(expired: list[tuple[bytes, int]]) -> None:
    pass


def _nothing(level: int, seconds: float) -> None:
    pass


def _installed() -> None:
    pass
