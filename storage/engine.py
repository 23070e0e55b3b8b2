"""The storage engine: the store plus the tasks that make it durable, small and quick.

`Engine` is what the layers above use. Reads and writes are plain calls of the one task that owns
the engine (the reactor); everything slow happens in the tasks that `run` starts in its own
nursery:

    syncer     makes the log durable by policy, tells `on_synced`; rewrites after a failed sync
    keeper     reserves log segments, seals, clears refusals
    flusher    turns sealed segments into level-0 tables
    compactor  merges tables
    executor   worker processes that do the work of the last two

All files go through `storage.files`, all blocking calls through `run_blocking`, so that the same
engine runs on a simulated disk.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import trio
from attrs import evolve

from storage import pressure
from storage.archive import Archive
from storage.blocking import run_in_thread
from storage.compaction.shares import WHOLE_PERCENT
from storage.compactor import Compactor
from storage.durations import Durations
from storage.errors import WriteRefusedError
from storage.executor import InProcessExecutor, WorkerExecutor
from storage.filenames import LOCK
from storage.flusher import Flusher
from storage.installer import Installer
from storage.keeper import Keeper
from storage.options import MEGABYTE, FsyncPolicy, StorageOptions
from storage.os_files import OsFileSystem
from storage.recovery import recover_log, reopen_last
from storage.statistics import LevelStatistics, StorageStatistics
from storage.store import Store, random_salt
from storage.syncer import Syncer
from storage.table_set import TableSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.blocking import BlockingRunner
    from storage.executor import Executor
    from storage.files import DirectoryLock, FileSystem

logger = logging.getLogger(__name__)

SPARE_POLL_S = 0.01


class Engine(Store):
    """A durable sorted map of records. Open it with `run`; see `Store` for reads and writes."""

    def __init__(
        self,
        options: StorageOptions,
        files: FileSystem | None = None,
        *,
        run_blocking: BlockingRunner = run_in_thread,
        salt: Callable[[], int] = random_salt,
        unix_ms: Callable[[], int] | None = None,
        executor: Executor | None = None,
    ) -> None:
        """Make an engine; nothing is opened yet.

        Args:
            options: checked here.
            files: the disk; the real directory `options.directory` by default.
            run_blocking: how blocking calls are made.
            salt: source of segment salts.
            unix_ms: wall clock in milliseconds.
            executor: runs flushes and compactions; by default worker processes as the options
                say, or slices in this process if there are none.

        Raises:
            OptionError: an option is out of bounds.
        """
        options.validate()
        super().__init__(options, files or OsFileSystem(options.directory), salt)
        self._run_blocking = run_blocking
        self._unix_ms = unix_ms or _unix_ms
        self._executor = executor or self._make_executor()
        self._keeper = Keeper(self, run_blocking)
        self._syncer = Syncer(self, run_blocking, self._keeper.wakeup.ring)
        self._table_set = TableSet(self.files, options.cache_size_mb * MEGABYTE)
        self._installer = Installer(self, self._table_set, run_blocking)
        self._archive = self._open_archive()
        self._flusher = Flusher(
            self,
            self._table_set,
            self._executor,
            self._installer,
            run_blocking,
            self._unix_ms,
            self._archive,
        )
        self._compactor = Compactor(
            options, self._table_set, self._executor, self._installer, self._unix_ms
        )
        self._durations = Durations()
        self._flusher.on_begun = self._share_out
        self._flusher.on_flushed = self._note_flush
        self._compactor.on_compacted = self._note_compaction
        self._lock: DirectoryLock | None = None
        self._recovered_batches = 0
        self._recovery_seconds = 0.0
        self.on_attention = self._attend
        self.on_trouble = self._flusher.wakeup.ring
        if options.fsync is FsyncPolicy.ALWAYS:
            self.on_appended = self._syncer.wakeup.ring

    @property
    def appended_offset(self) -> int:
        """Bytes ever appended to the log; grows only."""
        return self.log.appended_offset

    @property
    def synced_offset(self) -> int:
        """Bytes of the log that are durable; at most `appended_offset`."""
        return self.log.synced_offset

    @property
    def live_keyspaces(self) -> Callable[[], frozenset[int] | None]:
        """Hook: ids of the keyspaces to keep; compaction drops the others'. None keeps all."""
        return self._compactor.live_keyspaces

    @live_keyspaces.setter
    def live_keyspaces(self, hook: Callable[[], frozenset[int] | None]) -> None:
        self._compactor.live_keyspaces = hook

    @property
    def on_expired(self) -> Callable[[list[tuple[bytes, int]]], None]:
        """Hook: (storage key, version) of expired metadata records that compaction has met."""
        return self._compactor.on_expired

    @on_expired.setter
    def on_expired(self, hook: Callable[[list[tuple[bytes, int]]], None]) -> None:
        self._compactor.on_expired = hook

    @property
    def on_synced(self) -> Callable[[], None] | None:
        """Called in the Trio thread after `synced_offset` grew."""
        return self._syncer.on_synced

    @on_synced.setter
    def on_synced(self, callback: Callable[[], None] | None) -> None:
        self._syncer.on_synced = callback

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Open the directory, then serve until cancelled; then sync the log and close.

        Raises:
            DirectoryLockedError: another process has the directory open.
            CorruptionError, FormatVersionError: the directory cannot be opened as it is.
            OSError: the directory cannot be read.
        """
        await self._run_blocking(self.open)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._syncer.run)
                nursery.start_soon(self._keeper.run)
                await nursery.start(self._executor.serve)
                nursery.start_soon(self._flusher.run)
                nursery.start_soon(self._compactor.run)
                task_status.started()
        finally:
            with trio.CancelScope(shield=True):
                await self._shut_down()

    def open(self) -> None:
        """Lock and recover the directory (blocking; `run` calls it)."""
        started = time.perf_counter()
        self._lock = self.files.lock(LOCK)
        try:
            self._recover()
        except BaseException:
            self._lock.release()
            raise
        self._recovery_seconds = time.perf_counter() - started

    def _recover(self) -> None:
        tables = self._table_set
        tables.open()
        tables.manifest.settle()
        if self._archive is not None:
            self._archive.keep_older(tables.wal_start()[0], self._unix_ms())
        recovered = recover_log(self.files, *tables.wal_start())
        tables.remove_orphans()
        if recovered.dropped:
            logger.warning("the log ended in the middle of a write; dropped %s", recovered.dropped)
        writer = None
        problem: OSError | None = None
        try:
            writer = reopen_last(self.files, recovered, self.options.segment_bytes)
        except OSError as error:
            problem = error
        self.install_tables(tables.sources(), tables.ranges())
        self.begin(recovered, writer)
        self._recovered_batches = recovered.batches
        if writer is None:
            try:
                self.note_spare(self.log.reserve(self.log.spare_name()))
            except OSError as error:
                problem = error
        if problem is not None:
            logger.error("no log segment could be opened for writing: %s", problem)
            self.note_reserve_error(problem)

    async def _shut_down(self) -> None:
        try:
            await self.sync()
        except Exception as error:
            logger.error("the log could not be synced while closing: %s", error)
        self.close()
        self._table_set.close()
        if self._lock is not None:
            self._lock.release()

    async def sync(self) -> None:
        """Return when the log is durable up to `appended_offset` as it is now.

        Raises:
            WriteRefusedError: it cannot be made durable at present.
        """
        await self._syncer.sync_now()

    async def background_step(self) -> None:
        """Do what the background tasks find to do now, once, one after the other.

        For a caller that wants no concurrency (the simulator); `run` is not running then.
        """
        await self._keeper.step()
        if self.seals:
            await self._flusher.flush_oldest()
        await self._compactor.step()
        await self._keeper.step()

    async def flush(self) -> None:
        """Return when everything committed so far is in tables.

        Raises:
            WriteRefusedError: the memtable cannot be sealed now.
        """
        target = self.log.appended_offset
        self._flusher.askers += 1
        self._flusher.wakeup.ring()
        self._share_out()
        try:
            # More than once only if a failed sync moves records to another segment meanwhile.
            while self.log_start(self.seals)[1] < target:
                await trio.lowlevel.checkpoint()
                await self._seal_up_to(target)
                await self._flusher.wait_flushed(self.seals[-1].number if self.seals else 0)
        finally:
            self._flusher.askers -= 1
            self._share_out()

    async def _seal_up_to(self, target: int) -> None:
        """Seal the open segment if it holds something from before an offset of the log."""
        writer = self.log.writer
        if self.log.is_empty() or (writer is not None and writer.header.base_offset >= target):
            return
        if self._blocked is not None:
            raise WriteRefusedError(self._blocked)
        while self.log.spare is None and self.log.writer is writer:
            if self._reserve_error is not None or self._blocked is not None:
                raise WriteRefusedError(self.refusal or "no log segment can be reserved")
            self._keeper.wakeup.ring()
            await trio.sleep(SPARE_POLL_S)
        if self.log.writer is writer:
            self._try_seal()
        if self.log.writer is writer and not self.log.is_empty():
            raise WriteRefusedError(self.refusal or "the next log segment can't be opened")

    def delay_s(self) -> float:
        """Return how long writers should pause per tick: 0.0 unless the workers are behind."""
        waiting = self._flusher.waiting()
        return pressure.delay_s(waiting, self._level0_tables(), self.options)

    def _level0_tables(self) -> int:
        return len(self._table_set.version.level(0))

    def _share_out(self) -> None:
        """Tell the workers how much of a core they may take from now on."""
        gentle = self._flusher.gentle_percent
        flush = pressure.flush_percent(self._flusher.waiting(), gentle, self.options)
        is_hurried = self._flusher.askers > 0 or self.refusal is not None
        self._executor.set_shares(
            WHOLE_PERCENT if is_hurried else flush,
            pressure.compaction_percent(self._level0_tables(), self.options),
        )

    def reconfigure(self, options: StorageOptions) -> None:
        """Take over the options that may change while running; others stay as they were.

        Those are `fsync` and `compaction_throughput_mb`.

        Raises:
            OptionError: an option is out of bounds; nothing is changed.
        """
        options.validate()
        self.options = evolve(
            self.options,
            fsync=options.fsync,
            compaction_throughput_mb=options.compaction_throughput_mb,
        )
        self.log.keep_copies(options.fsync is not FsyncPolicy.NO)
        is_always = options.fsync is FsyncPolicy.ALWAYS
        self.on_appended = self._syncer.wakeup.ring if is_always else None
        self._syncer.wakeup.ring()

    def statistics(self) -> StorageStatistics:
        """Return the engine's numbers of this moment."""
        log = self.log
        writer = log.writer
        cache = self._table_set.cache.statistics()
        return StorageStatistics(
            wal_size_bytes=0 if writer is None else writer.position,
            wal_segments=len(self.seals) + (writer is not None),
            wal_segment_number=0 if writer is None else writer.number,
            appended_offset=log.appended_offset,
            synced_offset=log.synced_offset,
            syncs=self._syncer.syncs,
            sync_failures=self._syncer.failures,
            memtable_bytes=self._memtable.estimated_bytes,
            memtable_entries=self._memtable.count(),
            sealed_memtables=len(self.seals),
            sealed_bytes=sum(seal.memtable.estimated_bytes for seal in self.seals),
            levels=self._level_statistics(),
            flushes=self._flusher.flushes,
            flush_failures=self._flusher.failures,
            last_flush_seconds=self._flusher.last_seconds,
            last_flush_unix_ms=self._flusher.last_unix_ms,
            compactions=self._compactor.compactions,
            compaction_failures=self._compactor.failures,
            background_jobs=self._flusher.is_busy + self._compactor.is_busy,
            cache_bytes=cache.bytes,
            cache_misses=cache.misses,
            refusal=self.refusal,
            delay_s=self.delay_s(),
            recovered_batches=self._recovered_batches,
            recovery_seconds=self._recovery_seconds,
        )

    def _level_statistics(self) -> tuple[LevelStatistics, ...]:
        version = self._table_set.version
        found = []
        for level in range(max(len(version.levels), self._durations.levels())):
            tables = version.level(level)
            negatives, false_positives = self._table_set.bloom_counts(level)
            buckets = self._durations.buckets(level)
            found.append(
                LevelStatistics(
                    level=level,
                    tables=len(tables),
                    bytes=version.level_bytes(level),
                    entries=sum(table.entries for table in tables),
                    compactions=sum(buckets),
                    compaction_seconds=self._durations.seconds(level),
                    compaction_buckets=buckets,
                    bloom_probes=negatives + false_positives,
                    bloom_negatives=negatives,
                    bloom_false_positives=false_positives,
                )
            )
        return tuple(found)

    def _note_flush(self, seconds: float) -> None:
        self._durations.add(0, seconds)
        self._share_out()
        self._compactor.wakeup.ring()

    def _note_compaction(self, level: int, seconds: float) -> None:
        self._durations.add(level, seconds)
        self._share_out()

    def _make_executor(self) -> Executor:
        if self.options.workers == 0:
            return InProcessExecutor(self.files)
        return WorkerExecutor(self.files, self.options.workers + 1)

    def _open_archive(self) -> Archive | None:
        directory = self.options.wal_archive_dir
        if directory is None:
            return None
        target = OsFileSystem(directory)
        return Archive(self.files, target, self.options.wal_archive_days, self._run_blocking)

    def _attend(self) -> None:
        self._keeper.wakeup.ring()
        self._flusher.count()
        self._flusher.note_gone()
        self._share_out()
        if self.seals:
            self._flusher.wakeup.ring()
        if self.log.has_sealed_unsynced():
            self._syncer.wakeup.ring()


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000
