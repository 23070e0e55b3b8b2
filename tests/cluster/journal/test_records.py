"""The kinds of records."""

from __future__ import annotations

from cluster.journal.records import RecordKind


def test_the_numbers_on_disk() -> None:
    """A number never changes its meaning: it is on the disks of nodes that exist."""
    assert {kind.name: kind.value for kind in RecordKind} == {
        "CLAIMS": 1,
        "GENESIS_ACCEPTED": 2,
        "GENESIS_HELD": 3,
        "GENESIS_DROPPED": 4,
        "CLUSTER_ADOPTED": 5,
        "MAP": 6,
        "RAFT_HARD_STATE": 7,
        "RAFT_ENTRIES": 8,
        "RAFT_SNAPSHOT": 9,
        "RAFT_DROPPED": 10,
        "CLUSTER_LEFT": 11,
        "SENT_AWAY": 12,
    }
