"""The task that makes the log durable, by policy.

`always`: whenever something was appended since the last sync, one sync in a thread covers all of
it; replies that wait for their offset leave when `on_synced` is called. `everysec`: once a second,
and when a segment was sealed, because what is not synced is kept in memory. `no`: only sealed
segments, so that their files can be closed.

After a failed sync nothing is synced or appended until the records concerned have been written
again to a fresh segment (see `write_ahead_log`); that is tried once a second, reads go on.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from storage.errors import WriteRefusedError
from storage.options import FsyncPolicy
from storage.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.blocking import BlockingRunner
    from storage.store import Store

logger = logging.getLogger(__name__)

SYNC_INTERVAL_S = 1.0
RETRY_INTERVAL_S = 1.0


class Syncer:
    """Owns all syncing of the log.

    Attributes:
        on_synced: called in the Trio thread after `synced_offset` grew; None if nobody cares.
        syncs: number of syncs done.
        failures: number of syncs that failed.
        wakeup: rung after an append under `always`, and when the log was sealed.
    """

    def __init__(
        self, store: Store, run_blocking: BlockingRunner, request_spare: Callable[[], None]
    ) -> None:
        self.on_synced: Callable[[], None] | None = None
        self.syncs = 0
        self.failures = 0
        self.wakeup = Wakeup()
        self._store = store
        self._run_blocking = run_blocking
        self._request_spare = request_spare
        self._lock = trio.Lock()

    async def run(self) -> None:
        """Sync for ever, by policy; a cancellation lets a sync in progress finish."""
        while True:
            # Read anew each time: the policy may be changed while running.
            policy = self._store.options.fsync
            if self._store.log.sync_failed:
                if not await self._rewrite():
                    await trio.sleep(RETRY_INTERVAL_S)
            elif policy is FsyncPolicy.ALWAYS:
                await self.wakeup.wait()
                while self._store.log.sync_target() is not None:
                    await self._sync_once()
                await self._forget()
            elif policy is FsyncPolicy.EVERYSEC:
                await self.wakeup.wait(SYNC_INTERVAL_S)
                # What the last sync made superfluous, if appends have not dropped it meanwhile.
                await self._forget()
                await self._sync_once()
            else:
                await self.wakeup.wait()
                if self._store.log.has_sealed_unsynced():
                    await self._sync_once()

    async def sync_now(self) -> None:
        """Return when the log is durable up to where it is appended now.

        Raises:
            WriteRefusedError: it cannot be made durable at present.
        """
        log = self._store.log
        wanted = log.appended_offset
        while log.synced_offset < wanted:
            if log.sync_failed and not await self._rewrite():
                raise WriteRefusedError(self._store.refusal or "the log cannot be synced")
            await self._sync_once()

    async def _forget(self) -> None:
        """Drop what is kept of records that are durable now, bit by bit."""
        while self._store.log.forget_durable():
            await trio.lowlevel.checkpoint()

    async def _sync_once(self) -> None:
        async with self._lock:
            log = self._store.log
            target = log.sync_target()
            if target is None:
                return
            try:
                await self._run_blocking(target.sync)
            except OSError as error:
                self.failures += 1
                logger.error("the write-ahead log could not be synced: %s", error)
                self._store.note_sync_error(error)
                self.wakeup.ring()  # whoever asked for this sync, the task repairs
                return
            self.syncs += 1
            log.synced(target)
            self._tell()

    async def _rewrite(self) -> bool:
        """Write the un-synced records again; say whether that worked (or was not needed)."""
        async with self._lock:
            log = self._store.log
            if not log.sync_failed:
                return True
            if log.spare is None:
                self._request_spare()
                return False
            rewrite = log.rewrite()
            try:
                writer = await self._run_blocking(rewrite.run)
            except OSError as error:
                rewrite.file.close()
                self._store.note_sync_error(error)
                return False
            self._store.install_rewrite(rewrite, writer)
            logger.warning("the un-synced records were written again to %s", rewrite.file.name)
            self._tell()
            return True

    def _tell(self) -> None:
        if self.on_synced is not None:
            self.on_synced()
