"""Entries and configurations in bytes: what was packed comes back, and nonsense is refused."""

from __future__ import annotations

import pytest

from cluster.identity import id_from_bytes
from cluster.raft import Configuration, Entry, EntryKind
from cluster.wire.messages import WireError
from cluster.wire.raft_entries import (
    WireConfiguration,
    WireEntry,
    pack_configuration,
    pack_entries,
    unpack_configuration,
    unpack_entries,
)

A, B, C, D = (id_from_bytes(bytes([number]) * 16) for number in (1, 2, 3, 4))
JOINT = Configuration(
    voters=frozenset({A, B}),
    outgoing=frozenset({B, C}),
    learners=frozenset({D}),
    learners_next=frozenset({C}),
    is_auto_leave=True,
)


def test_a_joint_configuration_survives() -> None:
    """Every part of it comes back."""
    assert unpack_configuration(pack_configuration(JOINT)) == JOINT


def test_sets_are_written_sorted() -> None:
    """Equal configurations have equal bytes whatever they were made from."""
    packed = pack_configuration(Configuration.of(C, A, B))
    assert packed.voters == [b"\x01" * 16, b"\x02" * 16, b"\x03" * 16]


@pytest.mark.parametrize(
    "voters",
    [[b"\x02" * 16, b"\x01" * 16], [b"\x01" * 16, b"\x01" * 16]],
    ids=["unsorted", "repeated"],
)
def test_other_spellings_of_a_set_are_refused(voters: list[bytes]) -> None:
    """There is one way to write a set."""
    with pytest.raises(WireError):
        unpack_configuration(WireConfiguration(voters, [], [], [], is_auto_leave=False))


def test_a_learner_that_votes_is_refused() -> None:
    """A configuration that breaks its own promises never reaches the core."""
    both = [b"\x01" * 16]
    with pytest.raises(WireError, match="configuration"):
        unpack_configuration(WireConfiguration(both, [], both, [], is_auto_leave=False))


def test_a_run_of_entries_survives() -> None:
    """Indexes are counted up from where the run begins."""
    entries = (
        Entry(7, 2, b"", EntryKind.EMPTY),
        Entry(8, 2, b"data"),
        Entry(9, 3, b"", EntryKind.CONFIGURATION, JOINT),
    )
    assert unpack_entries(pack_entries(entries), 7) == entries


@pytest.mark.parametrize(
    "run",
    [
        [WireEntry(3, 0, b""), WireEntry(2, 0, b"")],
        [WireEntry(1, 2, b"")],
        [WireEntry(1, 0, b"", pack_configuration(JOINT))],
    ],
    ids=["terms fall", "no configuration", "configuration of a command"],
)
def test_a_run_that_nobody_writes_is_refused(run: list[WireEntry]) -> None:
    """Terms never fall, and a configuration stands where its kind says so."""
    with pytest.raises(WireError, match="entries"):
        unpack_entries(run, 1)
