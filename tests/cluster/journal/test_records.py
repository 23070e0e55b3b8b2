"""The kinds of records."""

from __future__ import annotations

from cluster.journal.records import RecordKind
from tests.tidy.sources import ROOT


def test_the_numbers_on_disk() -> None:
    """A number never changes its meaning: it is on the disks of nodes that exist."""
    expected = {
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
    found = {kind.name: kind.value for kind in RecordKind}
    assert {name: found[name] for name in expected} == expected


def test_every_kind_is_documented() -> None:
    """With its number, in the page about these bytes."""
    text = (ROOT / "docs" / "formats" / "cluster-journal.md").read_text(encoding="utf-8")
    missing = [kind.name for kind in RecordKind if f"\n| {kind.value} | " not in text]
    assert missing == []
