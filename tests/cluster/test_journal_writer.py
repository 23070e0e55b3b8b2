"""The task that makes saves durable, in virtual time."""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence
from random import Random

import pytest
import trio
from attrs import define, field

from cluster.control.outputs import Save
from cluster.errors import ClusterStopped
from cluster.journal.records import Record, RecordKind
from cluster.journal.state_directory import OpenedState, open_state, renew_state
from cluster.journal_writer import JournalWriter
from cluster.options import JournalOptions
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile
from tests.harness.slow_thread import SlowThread

DISK_S = 0.01


def record(text: str) -> Record:
    """A record with this in it."""
    return Record(RecordKind.RAFT_ENTRIES, text.encode())


def save(number: int, *texts: str, is_rewrite: bool = False) -> Save:
    """A save of records with these texts."""
    return Save(number, tuple(record(text) for text in texts), is_rewrite)


def texts(records: Sequence[Record]) -> list[str]:
    """What is in records."""
    return [each.payload.decode() for each in records]


@define
class Desk:
    """A writer on a simulated disk, and what it has reported."""

    files: CrashableFileSystem = field(factory=CrashableFileSystem)
    reported: list[int] = field(factory=list)
    writer: JournalWriter = field(init=False)

    def open(self, options: JournalOptions | None = None) -> OpenedState:
        """Begin a life."""
        state = open_state(self.files, Random(1))
        self.writer = JournalWriter(
            state.journal, options or JournalOptions(), run_blocking=SlowThread(DISK_S, DISK_S)
        )
        self.writer.on_saved = self.reported.append
        return state

    def found(self) -> list[str]:
        """What the next start finds after a power cut now."""
        clone = self.files.crash_clone(Random(1), "dropped")
        return texts(open_state(clone, Random(2)).records)


@pytest.fixture
def desk() -> Desk:
    """An open one."""
    made = Desk()
    made.open()
    return made


async def test_saved_means_durable(
    desk: Desk, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """Nothing is reported before a power cut could not take it any more."""
    nursery.start_soon(desk.writer.run)
    desk.writer.save(save(1, "a"))
    await trio.sleep(DISK_S / 2)
    assert (desk.reported, desk.found()) == ([], [])
    await trio.sleep(DISK_S)
    assert (desk.reported, desk.found()) == ([], ["a"])
    await trio.sleep(DISK_S)
    assert desk.reported == [1]


async def test_what_waits_shares_a_sync(
    desk: Desk, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """While one save is written others gather; together they take one more write."""
    nursery.start_soon(desk.writer.run)
    desk.writer.save(save(1, "a"))
    await trio.sleep(DISK_S / 2)
    for number in range(2, 7):
        desk.writer.save(save(number, str(number)))
    await trio.sleep(1)
    assert desk.reported == [1, 6]
    assert desk.found() == ["a", "2", "3", "4", "5", "6"]
    statistics = desk.writer.statistics()
    assert (statistics.saves, statistics.syncs, statistics.waiting) == (6, 2, 0)


async def test_a_rewrite_replaces_what_waits_before_it(
    desk: Desk, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """The saves before it are reported with it; those behind it are in the new file."""
    desk.writer.save(save(1, "a"))
    desk.writer.save(save(2, "all", is_rewrite=True))
    desk.writer.save(save(3, "b"))
    assert desk.writer.statistics().waiting == 2
    nursery.start_soon(desk.writer.run)
    await trio.sleep(1)
    assert (desk.reported, desk.found()) == ([3], ["all", "b"])


async def test_a_disk_that_refuses_delays_and_loses_nothing(
    desk: Desk,
    autojump_clock: trio.testing.MockClock,
    nursery: trio.Nursery,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No report until it is durable, pauses that grow, one line at the beginning and one after."""
    caplog.set_level(logging.WARNING)
    desk.files.on_call = fault = FailWhile(errno.EIO, lambda called, name: called == "sync")
    nursery.start_soon(desk.writer.run)
    desk.writer.save(save(1, "a"))
    await trio.sleep(DISK_S / 2)
    desk.writer.save(save(2, "b"))
    await trio.sleep(60)
    statistics = desk.writer.statistics()
    assert desk.reported == [] and statistics.is_failing
    assert 12 <= statistics.failures <= 20
    fault.active = False
    await trio.sleep(6)
    assert (desk.reported, desk.found()) == ([2], ["a", "b"])
    assert not desk.writer.statistics().is_failing
    assert [entry.levelname for entry in caplog.records] == ["ERROR", "WARNING"]
    desk.files.on_call = FailWhile(errno.EIO, lambda called, name: called == "sync")
    failures = desk.writer.statistics().failures
    desk.writer.save(save(3, "c"))
    await trio.sleep(1)
    assert desk.writer.statistics().failures > failures + 2, "the pauses are short again"


async def test_a_node_that_cannot_write_for_too_long_stops() -> None:
    """What waits is bounded by bytes."""
    desk = Desk()
    desk.open(JournalOptions(waiting_bytes_max=1000))
    desk.writer.save(save(1, "a" * 800))
    desk.writer.save(save(2, "b" * 800, is_rewrite=True))
    with pytest.raises(ClusterStopped, match="could not be written"):
        desk.writer.save(save(3, "c" * 800))


async def test_a_cancellation_lets_a_write_finish(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The file is closed only after it; what still waited is not written."""
    desk = Desk()
    state = desk.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.writer.run)
        desk.writer.save(save(1, "a"))
        await trio.sleep(DISK_S * 1.5)
        desk.writer.save(save(2, "b"))
        nursery.cancel_scope.cancel()
    assert desk.found() == ["a"]
    with pytest.raises(AssertionError, match="closed"):
        state.journal.append([record("c")])


async def test_beginning_anew(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """Saves of the former life that wait are given up; those of the new one are its own."""
    desk = Desk()
    former = desk.open()
    nursery.start_soon(desk.writer.run)
    desk.writer.save(save(1, "former"))
    await trio.sleep(DISK_S / 2)
    desk.writer.save(save(2, "waits"))
    states: list[OpenedState] = []
    desk.writer.renew(lambda: renew_state(desk.files, [record("left")], Random(3)), states.append)
    await trio.sleep(1)
    assert desk.reported == [], "a report would be for a plane that is no more"
    assert len(states) == 1
    with pytest.raises(AssertionError, match="closed"):
        former.journal.append([record("former")])
    desk.writer.save(save(1, "new"))
    await trio.sleep(1)
    assert (desk.reported, desk.found()) == ([1], ["left", "new"])


@pytest.mark.parametrize("when_s", [DISK_S / 2, 1.0])
async def test_beginning_anew_on_a_disk_that_refuses(
    desk: Desk, when_s: float, autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """It is tried until it succeeds; meanwhile nothing of the former life is written.

    It begins while a write is under way, and between two attempts.
    """
    desk.files.on_call = fault = FailWhile(errno.EIO, lambda called, name: called == "sync")
    nursery.start_soon(desk.writer.run)
    desk.writer.save(save(1, "former"))
    await trio.sleep(when_s)
    states: list[OpenedState] = []
    desk.writer.renew(lambda: renew_state(desk.files, [], Random(3)), states.append)
    await trio.sleep(20)
    assert states == []
    fault.active = False
    await trio.sleep(6)
    assert len(states) == 1
    assert (desk.reported, desk.found()) == ([], [])
