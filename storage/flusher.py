"""The task that turns sealed log segments into level-0 tables, oldest first.

A worker reads the segment files (nothing is handed over but their numbers) and writes one table;
the installer makes it part of the manifest together with the new start of the log, and in the
same step the sealed memtables leave the store. Then the segments are archived, if that is wanted,
and removed. Small seals that wait together are flushed together (seal_groups.py).

A flush that fails is tried again with growing pauses, for ever: the log keeps the data, and
back-pressure slows writers. A segment that cannot be read any more (damaged after it was
written) is flushed from its memtable, which holds the same effects.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import trio
from attrs import evolve

from storage import condensing, pressure, seal_groups
from storage.compaction.job import FlushJob, JobResult, SegmentInput
from storage.errors import CorruptionError, StorageError
from storage.filenames import segment_name
from storage.manifest.edit import AddedTable, VersionEdit
from storage.memtable_flush import flush_memtables
from storage.table_set import WAL_START, encode_wal_start
from storage.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.archive import Archive
    from storage.blocking import BlockingRunner
    from storage.executor import Executor
    from storage.installer import Installer
    from storage.store import Seal, Store
    from storage.table_set import TableSet

logger = logging.getLogger(__name__)

RETRY_FIRST_S = 0.1
RETRY_MAX_S = 10.0
_RELEASE_EACH = 1
#: Steps of a measurement between two turns of the event loop when more seals, or people, wait.
_URGENT_STEPS = 8
#: Processor time of a flush per byte read, until one has been measured.
_CPU_S_PER_BYTE = 15e-9
_CPU_S_PER_BYTE_BOUNDS = (3e-9, 60e-9)
_LEARN_BYTES_MIN = 4 << 20


class Flusher:
    """Flushes the seals of one store.

    Attributes:
        wakeup: rung when there is a new seal, and when `askers` grew.
        askers: how many wait for what is sealed (counted by the engine); nothing rests then.
        on_begun: called when it is known how much work a flush is.
        on_flushed: called after each flush with its seconds (there is a new level-0 table).
        gentle_percent: share of a core that the flush under way asks for if nobody waits.
        flushes, failures, last_seconds, last_unix_ms: for the statistics.
    """

    def __init__(
        self,
        store: Store,
        tables: TableSet,
        executor: Executor,
        installer: Installer,
        run_blocking: BlockingRunner,
        unix_ms: Callable[[], int],
        archive: Archive | None = None,
    ) -> None:
        self.wakeup = Wakeup()
        self.on_begun: Callable[[], None] = _nothing
        self.on_flushed: Callable[[float], None] = _nothing_after
        self.askers = 0
        self.gentle_percent = pressure.GENTLE_FLUSH_PERCENT
        self.flushes = 0
        self.failures = 0
        self.last_seconds = 0.0
        self.last_unix_ms = unix_ms()
        self._store = store
        self._tables = tables
        self._executor = executor
        self._installer = installer
        self._run_blocking = run_blocking
        self._unix_ms = unix_ms
        self._archive = archive
        self._flushed = trio.Event()
        self._began = time.perf_counter()
        self._cpu_s_per_byte = _CPU_S_PER_BYTE
        self._resting_since: float | None = None
        self._under_way: list[Seal] = []
        self._merged = 0

    async def run(self) -> None:
        """Flush for ever; cancelled, it abandons the flush in progress (the log has the data)."""
        pause_s = RETRY_FIRST_S
        while True:
            if not self._store.seals:
                await self.wakeup.wait()
                continue
            await self._measure()
            rest_s = self._rest_s(trio.current_time())
            if rest_s:
                with trio.move_on_after(rest_s):
                    await self.wakeup.wait()
                continue
            while not await self.flush_oldest():
                await trio.sleep(pause_s)
                pause_s = min(RETRY_MAX_S, 2 * pause_s)
            pause_s = RETRY_FIRST_S

    @property
    def is_busy(self) -> bool:
        """Whether a flush is running."""
        return bool(self._under_way)

    def waiting(self) -> int:
        """Sealed memtables that are work of their own: not those that rest, and a group is one."""
        return max(0, len(self._store.seals) - self._merged)

    def count(self) -> None:
        """Count anew what `waiting` says, after seals came or went: it is asked at every tick."""
        seals = self._store.seals
        behind = [seal for seal in seals if seal not in self._under_way]
        resting_max = min(seal_groups.RESTING_MAX, self._store.options.sealed_memtables_max) - 1
        merged = min(max(0, len(seals) - len(behind) - 1), resting_max)
        if all(seal_groups.seems_overwritten(seal.memtable) for seal in behind):
            merged += min(len(behind), resting_max)
        self._merged = merged

    async def _measure(self) -> None:
        """Find out what is left in the seals, at leisure if the others may rest."""
        for seal in list(self._store.seals):
            if seal.contents is None:
                contents = seal_groups.NOTHING
                is_urgent = False
                for step, so_far in enumerate(seal_groups.measured(seal.memtable)):
                    contents = so_far
                    if step % _URGENT_STEPS == 0:
                        is_urgent = self._is_urgent(seal)
                    if step % _URGENT_STEPS == 0 or not is_urgent:
                        await trio.lowlevel.checkpoint()
                seal.contents = contents
                seal.memtable.estimated_bytes = contents.memory_bytes

    def _is_urgent(self, seal: Seal) -> bool:
        """Whether somebody, or the flush of another seal, waits for what is left in this one."""
        if self.askers or self._store.is_in_trouble:
            return True
        return not all(seal_groups.is_overwritten(s) for s in self._store.seals if s is not seal)

    def _rest_s(self, now: float) -> float:
        """How long to wait for more seals, in seconds; 0.0 if these should be flushed now."""
        store = self._store
        options = store.options
        if self.askers or store.is_in_trouble:
            return 0.0
        sealed_max = options.sealed_memtables_max
        if not seal_groups.may_rest(store.seals, options.segment_bytes, sealed_max):
            return 0.0
        if self._resting_since is None:
            self._resting_since = now
        return max(0.0, self._resting_since + seal_groups.REST_S_MAX - now)

    async def wait_flushed(self, number: int) -> None:
        """Return when the log segment of this number, and all before it, have gone."""
        while any(seal.number <= number for seal in self._store.seals):
            await self._flushed.wait()

    def note_gone(self) -> None:
        """Let those look again who wait for seals to go."""
        flushed, self._flushed = self._flushed, trio.Event()
        flushed.set()

    async def flush_oldest(self) -> bool:
        """Flush the oldest seal and small ones behind it; say whether that worked."""
        await self._measure()
        seals = seal_groups.together(self._store.seals, self._store.options.segment_bytes)
        if not seals:
            return True  # a rewrite of the log has taken them up
        self._resting_since = None
        self._under_way = seals
        started = time.perf_counter()
        filling_s, self._began = (started - self._began) / len(seals), started
        try:
            result = await self._build(seals, filling_s)
            await self._install(seals, result)
        except (StorageError, OSError) as error:
            self.failures += 1
            logger.error("a flush of %d segments failed: %s", len(seals), error)
            return False
        finally:
            self._under_way = []
            self.count()
        self.flushes += 1
        self.last_seconds = time.perf_counter() - started
        self.last_unix_ms = self._unix_ms()
        self.note_gone()
        self.on_flushed(self.last_seconds)
        await self._clean_up(seals)
        return True

    async def _build(self, seals: list[Seal], filling_s: float) -> JobResult:
        job = FlushJob(
            directory=self._store.files.directory,
            segments=(),
            output_number=self._tables.new_numbers(),
            options=self._store.options.table_options(0),
            now_ms=self._unix_ms(),
        )
        segments: list[SegmentInput] = []
        try:
            for seal in seals:
                segments.append(await self._input(seal))
            size = sum(map(_input_bytes, segments, seals))
            cpu_s = size * self._cpu_s_per_byte
            self.gentle_percent = pressure.gentle_flush_percent(cpu_s, filling_s)
            self.count()
            self.on_begun()
            result = await self._executor.run(evolve(job, segments=tuple(segments)))
            self._learn(result.cpu_s, size)
            return result
        except CorruptionError as error:
            logger.error("%s; flushing from memory", error)
        finally:
            condensed = [segment.name for segment in segments if segment.is_condensed]
            with trio.CancelScope(shield=True):
                await self._installer.unlink(condensed)
        job = evolve(job, output_number=self._tables.new_numbers())
        memtables = [seal.memtable for seal in seals]
        return await self._executor.run_slices(flush_memtables(self._store.files, job, memtables))

    def _learn(self, cpu_s: float, size: int) -> None:
        """Remember what a flush cost, if it was long enough to tell."""
        if size >= _LEARN_BYTES_MIN:
            least, most = _CPU_S_PER_BYTE_BOUNDS
            self._cpu_s_per_byte = min(most, max(least, cpu_s / size))

    async def _input(self, seal: Seal) -> SegmentInput:
        """What a worker has to read for a seal: its segment, or less where that has all."""
        if seal_groups.is_overwritten(seal):
            try:
                await self._run_blocking(condensing.check_room, self._store)
                return await condensing.condense(self._store.files, seal, self._run_blocking)
            except OSError as error:
                logger.warning("segment %d could not be condensed: %s", seal.number, error)
        return SegmentInput(seal.number, seal.end_offset)

    async def _install(self, seals: list[Seal], result: JobResult) -> None:
        store = self._store

        def make_edit() -> VersionEdit:
            left = [seal for seal in store.seals if seal not in seals]
            number, base_offset = store.log_start(left)
            start = {WAL_START: encode_wal_start(number, base_offset)}
            added = tuple(AddedTable(0, table) for table in result.tables)
            return VersionEdit(added=added, values=start)

        def remove_seals() -> None:
            store.seals = [seal for seal in store.seals if seal not in seals]
            store.assess()

        await self._installer.install(make_edit, remove_seals)

    async def _clean_up(self, seals: list[Seal]) -> None:
        names = [segment_name(seal.number) for seal in seals]
        if self._archive is not None:
            await self._archive.keep(names, self._unix_ms())
        await self._installer.unlink(names)
        for seal in seals:
            parts = seal.memtable.parts()
            seal.memtable = type(seal.memtable)()
            while parts:
                # Freed a few at a time, see `Memtable.parts`.
                del parts[-_RELEASE_EACH:]
                await trio.lowlevel.checkpoint()


def _input_bytes(segment: SegmentInput, seal: Seal) -> int:
    """Bytes that a worker has to read of a segment."""
    return (segment.limit_offset or 0) if segment.is_condensed else seal_groups.size(seal)


def _nothing() -> None:
    pass


def _nothing_after(seconds: float) -> None:
    pass
