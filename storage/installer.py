"""Put finished tables into service: open them, make the edit durable, swap, unlink what left.

Edits go one at a time. An append to the manifest that failed leaves the edit in doubt, so the same
edit is tried again until it is durable, once a second; everything that would follow waits.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.blocking import BlockingRunner
    from storage.manifest.edit import VersionEdit
    from storage.manifest.state import ManifestState
    from storage.store import Store
    from storage.table_set import TableSet

logger = logging.getLogger(__name__)

RETRY_INTERVAL_S = 1.0


class Installer:
    """The only writer of the manifest.

    Attributes:
        failures: appends to the manifest that failed.
    """

    def __init__(self, store: Store, tables: TableSet, run_blocking: BlockingRunner) -> None:
        self.failures = 0
        self._store = store
        self._tables = tables
        self._run_blocking = run_blocking
        self._lock = trio.Lock()

    async def install(
        self, make_edit: Callable[[], VersionEdit], on_installed: Callable[[], None]
    ) -> None:
        """Install one edit.

        Cancelled, it leaves either the old or the new state behind, never a mixture: what is
        durable decides at the next start.

        Args:
            make_edit: called when it is this edit's turn.
            on_installed: called in the same step in which the new tables become visible.

        Raises:
            OSError, CorruptionError: a new table cannot be opened; nothing was changed.
        """
        async with self._lock:
            edit = make_edit()
            new = [added.table for added in edit.added]
            moved = {removed.number for removed in edit.removed}
            new = [table for table in new if table.number not in moved]
            opened = await self._run_blocking(self._tables.open_tables, new)
            state = await self._append(edit)
            names = self._tables.install(state.version, opened)
            on_installed()
            self._store.install_tables(self._tables.sources(), self._tables.ranges())
        await self.unlink(names)
        await self._let_go()

    async def unlink(self, names: list[str]) -> None:
        """Remove files that nothing names any more; a failure costs only space until a restart."""
        for name in names:
            with contextlib.suppress(OSError):
                await self._run_blocking(self._store.files.unlink, name)

    async def _let_go(self) -> None:
        """Drop tables that left the layout, a megabyte of their mappings at a time."""
        retired, self._tables.retired = self._tables.retired, []
        while retired:
            for _ in retired.pop().release_slices():
                await trio.lowlevel.checkpoint()

    async def _append(self, edit: VersionEdit) -> ManifestState:
        while True:
            try:
                return await self._run_blocking(self._tables.append, edit)
            except OSError as error:
                self.failures += 1
                logger.error("the manifest could not be written: %s", error)
                await trio.sleep(RETRY_INTERVAL_S)
