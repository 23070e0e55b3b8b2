"""The task that keeps the store writable: reserves segments, seals, clears refusals.

It is woken when something needs attention and, while something is wrong, looks again every
second: tries to reserve the next segment (a full disk that was cured is noticed by that), probes
a segment after a failed append by writing zeros where the record was to go.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from storage.wakeup import Wakeup

if TYPE_CHECKING:
    from storage.blocking import BlockingRunner
    from storage.store import Store

logger = logging.getLogger(__name__)

RETRY_INTERVAL_S = 1.0
PROBE_BYTES = 4096


class Keeper:
    """Keeps one store writable.

    Attributes:
        wakeup: rung when a segment was sealed or is to be, and when an append failed.
    """

    def __init__(self, store: Store, run_blocking: BlockingRunner) -> None:
        self.wakeup = Wakeup()
        self._store = store
        self._run_blocking = run_blocking

    async def run(self) -> None:
        """Look after the store for ever."""
        while True:
            await self.step()
            in_trouble = self._store.refusal is not None or self._store.log.spare is None
            await self.wakeup.wait(RETRY_INTERVAL_S if in_trouble else None)

    async def step(self) -> None:
        """Do what is needed now, once."""
        store = self._store
        if store.log.spare is None and await self._reserve():
            # A store without an open segment opens the first one, and wants a spare again.
            await self._reserve()
        store.use_spare()
        if store.needs_probe():
            await self._probe()
        store.seal_if_wanted()

    async def _reserve(self) -> bool:
        """Reserve the next segment; say whether that worked and another one is wanted."""
        store = self._store
        refusal_before = store.refusal
        try:
            file = await self._run_blocking(store.log.reserve, store.log.spare_name())
        except OSError as error:
            logger.error("no next log segment could be reserved: %s", error)
            store.note_reserve_error(error)
            return False
        store.note_spare(file)
        if refusal_before is not None and store.refusal is None:
            logger.warning("writes are taken again")
        return store.log.spare is None

    async def _probe(self) -> None:
        store = self._store
        writer = store.log.writer
        assert writer is not None
        outcome: OSError | None = None
        try:
            zeros = bytes(PROBE_BYTES)
            await self._run_blocking(writer.file.write_at, writer.file.position, zeros)
        except OSError as error:
            outcome = error
        if store.log.writer is writer:
            store.note_probe(outcome)
