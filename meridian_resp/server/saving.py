"""SAVE and BGSAVE in the engine's terms: everything logged so far is brought into tables.

The log alone already makes writes durable; a flush bounds the time that recovery takes. One
flush runs at a time, as a task owned by `run`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from meridian_resp.datatypes.keyspace import Keyspace
from storage import StorageError
from storage.engine import Engine

logger = logging.getLogger(__name__)


class Saving:
    """Runs flushes that commands ask for, and remembers the last one."""

    def __init__(self, engine: Engine, keyspace: Keyspace, wall_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._keyspace = keyspace
        self._wall_ms = wall_ms
        self._wanted = trio.Event()
        self.is_running = False
        self.last_s = wall_ms() // 1000
        self.was_good = True
        #: Effects applied when the last flush began; INFO's changes since then.
        self.changes_at_last = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do background flushes until cancelled."""
        task_status.started()
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            try:
                await self.flush()
            except StorageError as failure:
                logger.error("The flush that was asked for failed: %s", failure)
            finally:
                self.is_running = False

    def start(self) -> bool:
        """Begin a flush in the background; False if one runs already."""
        if self.is_running:
            return False
        self.is_running = True
        self._wanted.set()
        return True

    async def flush(self) -> None:
        """Flush and wait; a cancellation leaves the flush to the engine. Raises StorageError."""
        changes = self._keyspace.changes
        try:
            await self._engine.flush()
        except StorageError:
            self.was_good = False
            raise
        self.was_good = True
        self.last_s = self._wall_ms() // 1000
        self.changes_at_last = changes
