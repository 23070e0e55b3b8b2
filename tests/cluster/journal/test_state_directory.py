"""Identity and journal together."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from cluster.identity_store import retire_identity
from cluster.journal.records import Record, RecordKind
from cluster.journal.state_directory import OpenedState, cluster_files, open_state
from storage.errors import CorruptionError
from tests.harness.crashable_files import MODES, CrashableFileSystem, SimulatedCrash
from tests.harness.failing_files import crash_at

VOTE = Record(RecordKind.RAFT_HARD_STATE, b"term 1")


def start_and_vote(files: CrashableFileSystem, seed: int) -> OpenedState:
    """Begin a life and make a vote durable in it."""
    state = open_state(files, Random(seed))
    state.journal.append([VOTE])
    state.journal.sync()
    return state


def test_a_restart_finds_id_and_records() -> None:
    """The next life is of the same node and remembers."""
    files = CrashableFileSystem()
    first = start_and_vote(files, 1)
    second = open_state(files, Random(2))
    assert first.records == () and second.records == (VOTE,)
    assert second.identity.node == first.identity.node
    assert second.identity.boot.generation == 2


def test_an_identity_without_its_journal_is_refused() -> None:
    """A node that lost its votes must not go on under its id."""
    files = CrashableFileSystem()
    state = start_and_vote(files, 1)
    files.unlink(state.journal.name)
    with pytest.raises(CorruptionError, match=r"cluster/journal_\*\.log .* votes"):
        open_state(files, Random(2))


def test_a_journal_without_its_identity_is_refused() -> None:
    """Whose votes these are nobody knows."""
    files = CrashableFileSystem()
    start_and_vote(files, 1)
    files.unlink("node")
    with pytest.raises(CorruptionError, match="cluster/node is damaged: it is missing"):
        open_state(files, Random(2))


def test_a_retired_node_leaves_nothing_to_its_successor() -> None:
    """After a hard reset there is a new id, and no record of the former one."""
    files = CrashableFileSystem()
    former = start_and_vote(files, 1)
    retire_identity(files)
    fresh = open_state(files, Random(2))
    assert fresh.identity.node != former.identity.node
    assert fresh.records == () == open_state(files, Random(3)).records


def test_crash_at_every_call_of_two_starts_and_a_hard_reset() -> None:
    """No power cut leaves a directory that refuses to start, or a vote under another id."""
    number, is_over = 0, False
    while not is_over:
        number += 1
        files = CrashableFileSystem()
        files.on_call = crash_at(number)
        voted: list[str] = []
        try:
            voted.append(start_and_vote(files, 1).identity.node)
            open_state(files, Random(2))
            retire_identity(files)
            open_state(files, Random(3))
            is_over = True
        except SimulatedCrash:
            files.on_call = None
        for mode in MODES:
            clone = files.crash_clone(Random(number), mode)
            state = open_state(clone, Random(4))
            if state.records and voted:
                assert state.identity.node in voted, (number, mode)
            assert open_state(clone, Random(5)).records == state.records
    assert number > 25


def test_the_directory_is_made(tmp_path: Path) -> None:
    """It lies in the data directory, which may have been made just now."""
    files = cluster_files(str(tmp_path))
    open_state(files, Random(1))
    assert (tmp_path / "cluster" / "node").read_text().startswith("meridian-node 1\nid ")
