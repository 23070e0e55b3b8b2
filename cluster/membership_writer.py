"""The task that keeps the membership table in SQLite up to date.

Changes are gathered for a moment, so that a burst becomes one transaction, and written in a
thread; every `refresh_s` all rows are written, since heartbeats age by themselves. What waits is
bounded by the number of nodes: of each only the newest view is kept.

An error of SQLite is logged at most once a minute and never stops the node: the next refresh
writes everything again.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import trio

from cluster.identity import NodeId
from cluster.membership.events import MemberView
from cluster.membership.membership_table import MemberRow, TableBatch, member_row
from storage.blocking import BlockingRunner
from storage.wakeup import Wakeup

logger = logging.getLogger(__name__)

GATHER_S = 0.2
LOG_INTERVAL_S = 60.0


class Table(Protocol):
    """What is written to: `MembershipTable`."""

    def write(self, batch: TableBatch) -> None:
        """Do a batch in one transaction."""

    def close(self) -> None:
        """Close the file."""


class Reading(Protocol):
    """What the detector says about a node that is watched."""

    @property
    def phi(self) -> float:
        """Its suspicion."""

    @property
    def age_s(self) -> float:
        """Seconds since the last heartbeat."""


class MembershipSource(Protocol):
    """Where rows come from: the control plane and the clocks."""

    def members(self) -> Sequence[MemberView]:
        """What gossip holds about every node, this one too."""

    def phi(self) -> Mapping[NodeId, Reading]:
        """The detector's readings now."""

    def monotonic(self) -> float:
        """Seconds of the clock of the views."""

    def wall_ms(self) -> int:
        """Unix milliseconds."""


class MembershipWriter:
    """Gathers changes of members and writes them.

    Attributes:
        batches: transactions done.
        failures: transactions that failed.
    """

    def __init__(
        self,
        table: Table,
        source: MembershipSource,
        *,
        run_blocking: BlockingRunner,
        refresh_s: float,
        retention_s: float,
    ) -> None:
        """Make one; nothing is written before `run`.

        Args:
            table: what is written to.
            source: where rows come from.
            run_blocking: calls the table in a thread.
            refresh_s: pause between writing all rows.
            retention_s: how long the row of a node that is not heard of any more stays.
        """
        assert 0 < refresh_s < 30, "active_nodes forgets nodes after 30 s"
        self.batches = 0
        self.failures = 0
        self._table = table
        self._source = source
        self._run_blocking = run_blocking
        self._refresh_s = refresh_s
        self._retention_ms = round(retention_s * 1000)
        self._changed: dict[NodeId, MemberView] = {}
        self._removed: dict[NodeId, None] = {}
        self._wakeup = Wakeup()
        self._complained_at: float | None = None

    def changed(self, view: MemberView) -> None:
        """A node appeared, or something is held otherwise about it."""
        self._removed.pop(view.node, None)
        self._changed[view.node] = view
        self._wakeup.ring()

    def forgotten(self, node: NodeId) -> None:
        """A node is no longer known; its row goes."""
        self._changed.pop(node, None)
        self._removed[node] = None
        self._wakeup.ring()

    async def run(self) -> None:
        """Write until cancelled; a write in progress is finished, then the file is closed."""
        try:
            refresh_at = trio.current_time()
            while True:
                await self._wakeup.wait(max(0.0, refresh_at - trio.current_time()))
                await trio.sleep(GATHER_S)
                is_refresh = trio.current_time() >= refresh_at
                if is_refresh:
                    refresh_at = trio.current_time() + self._refresh_s
                await self._write(is_refresh=is_refresh)
        finally:
            with trio.CancelScope(shield=True):
                await self._run_blocking(self._table.close)

    async def _write(self, *, is_refresh: bool) -> None:
        changed, self._changed = self._changed, {}
        removed, self._removed = self._removed, {}
        if is_refresh:
            views: Iterable[MemberView] = self._source.members()
        else:
            views = changed.values()
        batch = TableBatch(
            self._rows(views), tuple(removed), self._source.wall_ms() - self._retention_ms
        )
        try:
            await self._run_blocking(self._table.write, batch)
        except (sqlite3.Error, OSError) as failure:
            self.failures += 1
            # A node may have come back meanwhile; then its row stays.
            self._removed = {n: None for n in removed if n not in self._changed} | self._removed
            self._complain(failure)
            return
        self.batches += 1

    def _rows(self, views: Iterable[MemberView]) -> tuple[MemberRow, ...]:
        source = self._source
        now, wall_ms, readings = source.monotonic(), source.wall_ms(), source.phi()
        rows = []
        for view in views:
            reading = readings.get(view.node)
            phi = None if reading is None else reading.phi
            silent_s = None if reading is None else reading.age_s
            rows.append(member_row(view, phi=phi, silent_s=silent_s, now=now, wall_ms=wall_ms))
        return tuple(rows)

    def _complain(self, failure: Exception) -> None:
        now = self._source.monotonic()
        if self._complained_at is None or now - self._complained_at >= LOG_INTERVAL_S:
            self._complained_at = now
            logger.warning("The membership table could not be written: %s", failure)
