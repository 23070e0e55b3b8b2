from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cluster.errors import LogCompactedError
from cluster.raft.configuration import Configuration
from cluster.raft.entries import Entry, Snapshot
from cluster.raft.log import RaftLog
from cluster.raft.stable_log import MemoryStableLog

ALL = 1 << 30


def entries(first: int, *terms: int) -> list[Entry]:
    """Entries of these terms from an index on."""
    return [Entry(index, term, b"x") for index, term in enumerate(terms, first)]


def filled(*terms: int) -> tuple[RaftLog, MemoryStableLog]:
    """A log whose entries are all saved."""
    disk = MemoryStableLog(Snapshot(0, 0, Configuration.of("1")))
    disk.append(entries(1, *terms))
    return RaftLog(disk, 0, 0), disk


def test_reading_spans_saved_and_unsaved() -> None:
    """Readers do not see where the saved part ends, but for what is replaced."""
    log, _ = filled(1, 1, 1)
    log.append(entries(3, 2, 2))
    assert [entry.term for entry in log.entries(1, ALL)] == [1, 1, 2, 2]
    assert [log.term_at(index) for index in range(6)] == [0, 1, 1, 2, 2, None]
    assert (log.last_index, log.saved_index, log.last_term) == (4, 2, 2)
    assert log.entries(5, ALL) == ()
    assert len(log.entries(1, 1)) == 1


def test_up_to_date_compares_terms_then_length() -> None:
    """Section 5.4.1: the later last term wins, then the longer log."""
    log, _ = filled(1, 2)
    ends = [(1, 3), (2, 2), (3, 2), (9, 1), (1, 2)]
    assert [log.is_up_to_date(*end) for end in ends] == [True, True, True, False, False]


def test_a_save_that_was_replaced_meanwhile_does_not_count() -> None:
    """Written, replaced and written again: each report marks only what is still wanted."""
    log, disk = filled()
    log.append(entries(1, 1, 1, 1))
    _, first = log.take_unsaved(1)
    log.append(entries(2, 2))
    _, second = log.take_unsaved(2)
    disk.append(first)
    assert log.saved(1)
    assert (log.saved_index, log.term_at(2)) == (1, 2)
    disk.append(second)
    assert log.saved(2)
    assert log.saved_index == 2
    log.check_invariants()


def test_only_saved_entries_are_applied_one_batch_at_a_time() -> None:
    """What a crash could take back is not applied, and batches wait for each other."""
    log, disk = filled(1)
    log.append(entries(2, 1, 1))
    log.commit_to(3)
    assert [entry.index for entry in log.take_committed(ALL)] == [1]
    _, unsaved = log.take_unsaved(1)
    disk.append(unsaved)
    log.saved(1)
    assert log.take_committed(ALL) == ()
    log.applied_to(1)
    assert [entry.index for entry in log.take_committed(1)] == [2]
    log.applied_to(2)
    assert [entry.index for entry in log.take_committed(ALL)] == [3]


def test_last_possible_match_skips_terms() -> None:
    """End of section 5.3: later terms and longer tails cannot be in the other log."""
    log, _ = filled(1, 1, 4, 4, 5)
    found = [log.last_possible_match(*place) for place in [(9, 9), (9, 4), (4, 3), (1, 1), (3, 0)]]
    assert found == [(5, 5), (4, 4), (2, 1), (1, 1), (0, 0)]


def test_committed_entries_are_never_replaced() -> None:
    """To replace one would be to break State Machine Safety; it is our own mistake."""
    log, _ = filled(1, 1)
    log.commit_to(2)
    with pytest.raises(AssertionError):
        log.append(entries(2, 2))
    with pytest.raises(AssertionError):
        log.commit_to(3)


def test_a_snapshot_counts_when_it_is_durable() -> None:
    """Until then nothing is applied and nothing before it can be read."""
    log, disk = filled(1, 1)
    log.restore(Snapshot(7, 3, Configuration.of("1")))
    log.append(entries(8, 3))
    log.commit_to(8)
    snapshot, unsaved = log.take_unsaved(1)
    assert snapshot is not None
    assert log.take_unsaved(2) == (None, ())
    assert (log.saved_index, log.take_committed(ALL), log.first_index) == (0, (), 8)
    with pytest.raises(LogCompactedError):
        log.entries(2, ALL)
    disk.install(snapshot)
    disk.append(unsaved)
    assert log.saved(1)
    assert (log.saved_index, log.applied) == (8, 7)
    assert [entry.index for entry in log.take_committed(ALL)] == [8]


class LogMachine(RuleBasedStateMachine):
    """Appends, truncations and late disks in any order, against a list of terms."""

    def __init__(self) -> None:
        super().__init__()
        self.log, self.disk = filled()
        self.model: list[int] = []
        self.number = 0
        self.writing: list[tuple[int, tuple[Entry, ...]]] = []

    @rule(back=st.integers(0, 3), count=st.integers(1, 3))
    def append(self, back: int, count: int) -> None:
        first = max(self.log.commit, len(self.model) - back) + 1
        term = max(self.model, default=0) + (back > 0)
        self.log.append(entries(first, *[term] * count))
        self.model = [*self.model[: first - 1], *[term] * count]

    @rule()
    def hand_out(self) -> None:
        self.number += 1
        _, unsaved = self.log.take_unsaved(self.number)
        if unsaved:
            self.writing.append((self.number, unsaved))

    @precondition(lambda self: self.writing)
    @rule()
    def finish(self) -> None:
        number, unsaved = self.writing.pop(0)
        self.disk.append(unsaved)
        self.log.saved(number)

    @rule(ahead=st.integers(0, 3))
    def commit(self, ahead: int) -> None:
        self.log.commit_to(min(self.log.commit + ahead, self.log.last_index))

    @rule()
    def apply(self) -> None:
        for entry in self.log.take_committed(40):
            assert self.disk.term_at(entry.index) == entry.term == self.model[entry.index - 1]
            self.log.applied_to(entry.index)

    @invariant()
    def holds(self) -> None:
        self.log.check_invariants()
        self.disk.check_invariants()
        assert [entry.term for entry in self.log.entries(1, ALL)] == self.model
        saved = self.log.saved_index
        assert [self.disk.term_at(i) for i in range(1, saved + 1)] == self.model[:saved]


TestLogMachine = LogMachine.TestCase
