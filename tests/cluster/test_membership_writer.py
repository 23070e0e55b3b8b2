"""The task that writes the membership table, in virtual time."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence

import pytest
import trio
from attrs import define, evolve, field, frozen

from cluster.identity import Boot, Endpoint, NodeId
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts
from cluster.membership.membership_table import TableBatch
from cluster.membership.messages import MemberStatus
from cluster.membership_writer import MembershipWriter, Reading
from storage.blocking import run_inline
from tests.harness.slow_thread import SlowThread

A, B = NodeId("a"), NodeId("b")
WALL_MS = 1_700_000_000_000


def view_of(node: NodeId, status: MemberStatus = MemberStatus.ALIVE) -> MemberView:
    """What is held about a node."""
    endpoint = Endpoint("127.0.0.1", 7400)
    return MemberView(node, endpoint, Boot(1, 1), 0, None, NodeFacts(), status, changed_at=0.0)


@define
class MemoryTable:
    """A table that only remembers, and fails when told to."""

    batches: list[TableBatch] = field(factory=list)
    failure: Exception | None = None
    is_closed: bool = False

    def write(self, batch: TableBatch) -> None:
        """Remember."""
        if self.failure is not None:
            raise self.failure
        self.batches.append(batch)

    def close(self) -> None:
        """Remember."""
        self.is_closed = True

    def statuses(self) -> list[list[tuple[str, str]]]:
        """Node and status of every row, by batch."""
        return [[(row.node_id, row.status) for row in batch.rows] for batch in self.batches]


@frozen
class FixedReading:
    """A reading of the detector."""

    phi: float
    age_s: float


@define
class Source:
    """Members and clocks; the clock of the views is Trio's."""

    views: list[MemberView] = field(factory=lambda: [view_of(A)])
    readings: dict[NodeId, FixedReading] = field(factory=dict)

    def members(self) -> Sequence[MemberView]:
        """All of them."""
        return self.views

    def phi(self) -> Mapping[NodeId, Reading]:
        """All readings."""
        return self.readings

    def monotonic(self) -> float:
        """Virtual time."""
        return trio.current_time()

    def wall_ms(self) -> int:
        """A wall clock that stands still."""
        return WALL_MS


def make(table: MemoryTable, source: Source) -> MembershipWriter:
    """A writer without threads."""
    return MembershipWriter(
        table, source, run_blocking=run_inline, refresh_s=10.0, retention_s=3600.0
    )


async def run_for(writer: MembershipWriter, seconds: float) -> None:
    """Let it run for a time."""
    with trio.move_on_after(seconds):
        await writer.run()


async def test_everything_is_written_at_once_and_at_every_refresh(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Heartbeats age by themselves, so rows are written though nothing changed."""
    table, source = MemoryTable(), Source([view_of(A), view_of(B)])
    await run_for(make(table, source), 25.0)
    assert table.statuses() == [[("a", "alive"), ("b", "alive")]] * 3
    assert table.batches[0].keep_since_ms == WALL_MS - 3_600_000
    assert table.is_closed


async def test_changes_are_gathered(autojump_clock: trio.testing.MockClock) -> None:
    """A burst is one transaction, with the newest view of each node."""
    table = MemoryTable()
    writer = make(table, Source())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_for, writer, 9.0)
        await trio.sleep(1)
        writer.changed(view_of(B))
        writer.changed(view_of(B, MemberStatus.SUSPECTED))
        writer.changed(view_of(A, MemberStatus.DEAD))
        await trio.sleep(1)
        assert table.statuses()[1:] == [[("b", "suspected"), ("a", "dead")]]


async def test_forgotten_nodes_are_removed(autojump_clock: trio.testing.MockClock) -> None:
    """Unless they came back before it was written, and the other way round."""
    table = MemoryTable()
    writer = make(table, Source())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_for, writer, 9.0)
        await trio.sleep(1)
        writer.changed(view_of(B))
        writer.forgotten(B)
        writer.forgotten(A)
        writer.changed(view_of(A))
        await trio.sleep(1)
        (batch,) = table.batches[1:]
        assert [row.node_id for row in batch.rows] == [A]
        assert batch.removed == (B,)


async def test_readings_of_the_detector_go_in(autojump_clock: trio.testing.MockClock) -> None:
    """Where a node is watched, its heartbeat is what was heard."""
    table = MemoryTable()
    source = Source(readings={A: FixedReading(2.5, age_s=4.0)})
    await run_for(make(table, source), 1.0)
    (row,) = table.batches[0].rows
    assert row.last_heartbeat == "2023-11-14T22:13:16.000Z"
    assert '"phi": 2.5' in row.metadata


async def test_errors_are_logged_once_a_minute_and_made_up_for(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The node goes on; the next refresh that succeeds writes all rows and all removals."""
    caplog.set_level(logging.WARNING)
    table, source = MemoryTable(failure=sqlite3.OperationalError("disk is full")), Source()
    writer = make(table, source)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_for, writer, 130.0)
        await trio.sleep(1)
        writer.forgotten(B)
        await trio.sleep(61)
        assert writer.failures == 8
        assert [record.getMessage() for record in caplog.records] == [
            "The membership table could not be written: disk is full"
        ] * 2
        table.failure = None
        await trio.sleep(10)
        assert [(len(batch.rows), batch.removed) for batch in table.batches] == [(1, (B,))]
    assert writer.batches == len(table.batches) > 5


async def test_a_node_that_came_back_during_a_failure_keeps_its_row(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A removal that failed is not done later to a row that is right again."""
    table = MemoryTable(failure=OSError("gone"))
    source = Source([view_of(A), evolve(view_of(B), incarnation=1)])
    writer = make(table, source)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_for, writer, 15.0)
        await trio.sleep(1)
        writer.forgotten(B)
        await trio.sleep(1)
        writer.changed(view_of(B))
        table.failure = None
        await trio.sleep(1)
        assert table.batches[0].removed == ()


async def test_a_node_that_came_back_while_its_removal_failed_keeps_its_row(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A transaction takes its time, and what happens meanwhile is newer than what failed."""

    table = MemoryTable()
    writer = MembershipWriter(
        table, Source(), run_blocking=SlowThread(1.0), refresh_s=10.0, retention_s=3600.0
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_for, writer, 9.0)
        await trio.sleep(2)
        table.failure = OSError("gone")
        writer.forgotten(B)
        await trio.sleep(0.7)
        writer.changed(view_of(B))
        await trio.sleep(1)
        table.failure = None
        await trio.sleep(3)
        assert [batch.removed for batch in table.batches] == [(), ()]
