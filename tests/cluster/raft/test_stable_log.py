from __future__ import annotations

import pytest

from cluster.errors import LogCompactedError
from cluster.raft.configuration import Configuration
from cluster.raft.entries import Entry, EntryKind, Snapshot
from cluster.raft.stable_log import MemoryStableLog, StableLog, limited


def filled(*terms: int) -> MemoryStableLog:
    """A log of entries of these terms, from index 1."""
    log = MemoryStableLog(Snapshot(0, 0, Configuration.of("1")))
    log.append([Entry(index, term, b"abc") for index, term in enumerate(terms, 1)])
    return log


def test_appending_replaces_from_the_first_index_on() -> None:
    """A leader's entries take the place of what stood there and of all behind it."""
    log = filled(1, 1, 2, 2)
    log.append([Entry(3, 3)])
    assert [log.term_at(index) for index in range(5)] == [0, 1, 1, 3, None]
    log.check_invariants()
    with pytest.raises(AssertionError):
        log.append([Entry(9, 3)])


def test_compaction_keeps_the_term_before_the_first_entry() -> None:
    """The consistency check of the first entry left needs it."""
    log: StableLog
    log = memory = filled(1, 1, 2, 2)
    memory.set_snapshot(Snapshot(3, 2, Configuration.of("1")))
    memory.compact(2)
    assert (log.first_index, log.last_index) == (3, 4)
    assert [log.term_at(index) for index in (1, 2, 3)] == [None, 1, 2]
    with pytest.raises(LogCompactedError):
        log.entries(2, 4, 100)
    memory.compact(1)
    memory.check_invariants()
    with pytest.raises(AssertionError):
        memory.compact(4)


def test_a_received_snapshot_replaces_everything() -> None:
    """After installing, the log is empty and continues behind the snapshot."""
    log = filled(1, 1)
    log.install(Snapshot(9, 4, Configuration.of("2")))
    assert (log.first_index, log.last_index, log.term_at(9)) == (10, 9, 4)
    log.append([Entry(10, 4)])
    log.check_invariants()


def test_reading_is_limited_by_bytes_but_never_to_nothing() -> None:
    """One entry larger than the limit still travels, alone."""
    entries = filled(1, 1, 1).entries(1, 4, 1 << 20)
    size = entries[0].size_bytes
    assert [len(limited(entries, n)) for n in (1, size, 2 * size - 1, 2 * size)] == [1, 1, 1, 2]
    assert limited([], 1) == []


def test_configurations_are_found_after_a_restart() -> None:
    """The members in force are part of the log."""
    log = filled(1)
    members = Configuration.of("1", "2")
    log.append([Entry(2, 1, b"", EntryKind.CONFIGURATION, members), Entry(3, 1)])
    assert list(log.configurations()) == [(2, members)]
