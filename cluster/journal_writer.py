"""The task that makes saves durable: one thread call at a time, everything that waits in one sync.

A save is reported when it and all before it are on disk, never otherwise. While the disk refuses,
nothing is reported and the control plane keeps its promises by waiting; the same saves are tried
again, on a fresh file as the journal does, after a growing pause. A rewrite makes the saves before
it needless, so they are not even written.

Saves that wait are bounded: a node that could not write for so long has no use, and stops.

When the node begins anew under another id, the journal of the new id takes over; saves of the
former life that wait are given up, since nobody has acted on them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import trio

from cluster.control.outputs import Save
from cluster.errors import ClusterStopped
from cluster.journal.records import Record
from cluster.journal.state_directory import OpenedState
from cluster.options import JournalOptions
from cluster.ports import RecordJournal
from cluster.statistics import JournalStatistics
from storage.blocking import BlockingRunner
from storage.errors import StorageError
from storage.wakeup import Wakeup

logger = logging.getLogger(__name__)

Renew = Callable[[], OpenedState]
OnRenewed = Callable[[OpenedState], None]


class JournalWriter:
    """Owns the journal while the node runs.

    Attributes:
        on_saved: called in the Trio thread with the number up to which saves are durable.
    """

    def __init__(
        self, journal: RecordJournal, options: JournalOptions, *, run_blocking: BlockingRunner
    ) -> None:
        self.on_saved: Callable[[int], None] = lambda number: None
        self._journal = journal
        self._options = options
        self._run_blocking = run_blocking
        self._waiting: list[Save] = []
        self._waiting_bytes = 0
        self._renewal: tuple[Renew, OnRenewed] | None = None
        self._wakeup = Wakeup()
        self._saves = self._syncs = self._failures = 0
        self._is_failing = False

    def save(self, save: Save) -> None:
        """Make a save durable after all before it.

        Raises:
            ClusterStopped: too much waits already.
        """
        assert self._renewal is None, "a save of a life that is over"
        assert not self._waiting or save.number > self._waiting[-1].number, save.number
        self._add([save])
        if self._waiting_bytes > self._options.waiting_bytes_max:
            raise ClusterStopped("the cluster's journal could not be written for too long")
        self._wakeup.ring()

    def renew(self, renew: Renew, on_renewed: OnRenewed) -> None:
        """Begin anew: `renew` blocks, and is tried until it succeeds; no saves meanwhile."""
        assert self._renewal is None, "begins anew already"
        self._waiting.clear()
        self._waiting_bytes = 0
        self._renewal = renew, on_renewed
        self._wakeup.ring()

    async def run(self) -> None:
        """Write until cancelled; a write in progress is finished, then the file is closed."""
        pause_s = self._options.retry_min_s
        try:
            while True:
                if not (self._waiting or self._renewal):
                    await self._wakeup.wait()
                elif await (self._renew() if self._renewal else self._write()):
                    pause_s = self._options.retry_min_s
                else:
                    await trio.sleep(pause_s)
                    pause_s = min(2 * pause_s, self._options.retry_max_s)
        finally:
            self._journal.close()

    def statistics(self) -> JournalStatistics:
        """Return the figures of this moment."""
        return JournalStatistics(
            saves=self._saves,
            syncs=self._syncs,
            failures=self._failures,
            waiting=len(self._waiting),
            size_bytes=self._journal.size_bytes,
            is_failing=self._is_failing,
        )

    def _add(self, saves: Sequence[Save]) -> None:
        for save in saves:
            if save.is_rewrite:
                self._waiting.clear()
                self._waiting_bytes = 0
            self._waiting.append(save)
            self._waiting_bytes += _size(save)

    async def _write(self) -> bool:
        """Make all that waits durable; say whether that worked."""
        saves, self._waiting, self._waiting_bytes = self._waiting, [], 0
        try:
            await self._run_blocking(write_saves, self._journal, saves)
        except (OSError, StorageError) as failure:
            if self._renewal is None:
                later, self._waiting, self._waiting_bytes = self._waiting, [], 0
                self._add([*saves, *later])
            self._fail(failure)
            return False
        self._succeed()
        self._saves += len(saves)
        self._syncs += 1
        if self._renewal is None:
            self.on_saved(saves[-1].number)
        return True

    async def _renew(self) -> bool:
        """Change over to the journal of the next id; say whether that worked."""
        assert self._renewal is not None and not self._waiting, self._waiting
        renew, on_renewed = self._renewal
        try:
            state = await self._run_blocking(renew)
        except (OSError, StorageError) as failure:
            self._fail(failure)
            return False
        self._succeed()
        self._journal.close()
        self._journal = state.journal
        self._renewal = None
        on_renewed(state)
        return True

    def _succeed(self) -> None:
        if self._is_failing:
            self._is_failing = False
            logger.warning("The cluster's journal can be written again")

    def _fail(self, failure: OSError | StorageError) -> None:
        self._failures += 1
        if not self._is_failing:
            self._is_failing = True
            logger.error(
                "The cluster's journal could not be written, which is tried again; "
                "until then this node agrees to nothing: %s",
                failure,
            )


def write_saves(journal: RecordJournal, saves: Sequence[Save]) -> None:
    """Make saves durable together; blocks.

    Raises:
        OSError, StorageError: none of them is.
    """
    assert not any(save.is_rewrite for save in saves[1:]), "needless saves before a rewrite"
    records: list[Record] = [record for save in saves for record in save.records]
    if saves[0].is_rewrite:
        journal.rewrite(records)
    else:
        journal.append(records)
        journal.sync()


def _size(save: Save) -> int:
    return 64 + sum(32 + len(record.payload) for record in save.records)
