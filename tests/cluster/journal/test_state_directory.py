"""Identity and journal together."""

from __future__ import annotations

import errno
from pathlib import Path
from random import Random

import pytest

from cluster.journal.records import Record, RecordKind
from cluster.journal.state_directory import (
    OpenedState,
    cluster_files,
    open_state,
    renew_state,
)
from storage.errors import CorruptionError
from tests.harness.crashable_files import MODES, CrashableFileSystem, SimulatedCrash
from tests.harness.failing_files import crash_at

VOTE = Record(RecordKind.RAFT_HARD_STATE, b"term 1")
LEFT = Record(RecordKind.CLUSTER_LEFT, b"")


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


def test_a_renewed_node_is_another_one() -> None:
    """It has a new id, knows what it was given and nothing of the former node."""
    files = CrashableFileSystem()
    former = start_and_vote(files, 1)
    fresh = renew_state(files, [LEFT], Random(2))
    assert fresh.identity.node != former.identity.node
    assert fresh.identity.boot.generation == 1
    assert files.names() == [fresh.journal.name, "node"]
    fresh.journal.append([VOTE])
    fresh.journal.sync()
    again = open_state(files, Random(3))
    assert again.identity.node == fresh.identity.node
    assert again.records == (LEFT, VOTE)
    assert files.names() == [again.journal.name, "node"]


@pytest.mark.parametrize("operation", ["append", "sync", "rename", "sync_dir"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_renewal_that_failed_is_tried_again(operation: str, count: int) -> None:
    """Until it succeeds nobody knows who will be found, but each has its own journal."""
    files = CrashableFileSystem()
    former = start_and_vote(files, 1)
    calls = [0]

    def fail_once(number: int, called: str, name: str) -> None:
        calls[0] += called == operation
        if called == operation and calls[0] == count:
            raise OSError(errno.EIO, "Input/output error")

    files.on_call = fail_once
    with pytest.raises(OSError, match="Input/output"):
        renew_state(files, [LEFT], Random(2))
    files.on_call = None
    for mode in MODES:
        found = open_state(files.crash_clone(Random(1), mode), Random(4))
        is_former = found.identity.node == former.identity.node
        assert found.records == ((VOTE,) if is_former else (LEFT,))
    fresh = renew_state(files, [LEFT], Random(3))
    found = open_state(files.crash_clone(Random(1), "dropped"), Random(4))
    assert found.identity.node == fresh.identity.node and found.records == (LEFT,)


def test_crash_at_every_call_of_two_starts_and_a_renewal() -> None:
    """No power cut leaves a directory that refuses to start, or records under another id."""
    number, is_over = 0, False
    while not is_over:
        number += 1
        files = CrashableFileSystem()
        files.on_call = crash_at(number)
        voted = ""
        try:
            voted = start_and_vote(files, 1).identity.node
            open_state(files, Random(2))
            renew_state(files, [LEFT], Random(3))
            is_over = True
        except SimulatedCrash:
            files.on_call = None
        for mode in MODES:
            clone = files.crash_clone(Random(number), mode)
            state = open_state(clone, Random(4))
            if voted:
                is_former = state.identity.node == voted
                assert state.records == ((VOTE,) if is_former else (LEFT,)), (number, mode)
                assert is_former or number > 20
            assert open_state(clone, Random(5)).records == state.records
    assert number > 30


def test_the_directory_is_made(tmp_path: Path) -> None:
    """It lies in the data directory, which may have been made just now."""
    files = cluster_files(str(tmp_path))
    open_state(files, Random(1))
    assert (tmp_path / "cluster" / "node").read_text().startswith("meridian-node 1\nid ")
