"""Records of the metadata log: their bytes, and what a journal adds up to."""

from __future__ import annotations

import attrs
import pytest

from cluster.identity import ClusterId, id_from_bytes
from cluster.journal.records import Record, RecordKind
from cluster.map.codec import encode_map
from cluster.map.genesis import genesis_map
from cluster.metadata.records import (
    PAST_VOTES_MAX,
    DurableGroup,
    MetadataRecordError,
    RecoveredMetadata,
    compacted,
    dropped_record,
    entries_record,
    hard_state_record,
    map_record,
    recover,
    snapshot_record,
)
from cluster.raft import Configuration, Entry, EntryKind, HardState, Snapshot
from tests.sim.metadata_world import genesis_of

A, B = (id_from_bytes(bytes([number]) * 16) for number in (1, 2))
HERE = ClusterId(id_from_bytes(b"\xcc" * 16))
THERE = ClusterId(id_from_bytes(b"\xdd" * 16))
MEMBERS = Configuration.of(A, B)
MAP = genesis_map(genesis_of(1, 2))
ENTRIES = (
    Entry(5, 2, b"", EntryKind.EMPTY),
    Entry(6, 2, b"six"),
    Entry(7, 3, b"", EntryKind.CONFIGURATION, MEMBERS),
)
SNAPSHOT = snapshot_record(HERE, Snapshot(4, 2, MEMBERS), b"map at 4")
CLUSTER = "c410" + "cc" * 16


def group_of(*records: Record) -> DurableGroup:
    """The group in a journal."""
    group = recover(records).group
    assert group is not None
    return group


def indexes(group: DurableGroup) -> list[tuple[int, int]]:
    """Where which term stands."""
    return [(entry.index, entry.term) for entry in group.entries]


@pytest.mark.parametrize(
    ("record", "golden"),
    [
        (
            hard_state_record(HERE, HardState(3, B, 6)),
            f"01 95 01 {CLUSTER} 03 c410{'02' * 16} 06",
        ),
        (hard_state_record(HERE, HardState(3, None, 6)), f"01 95 01 {CLUSTER} 03 c0 06"),
        (
            entries_record(HERE, ENTRIES[:2]),
            f"01 94 01 {CLUSTER} 05 92 940201c400c0 940200c403736978c0",
        ),
        (
            SNAPSHOT,
            f"01 96 01 {CLUSTER} 04 02 95 92 c410{'01' * 16} c410{'02' * 16} 90 90 90 c2 "
            "c408 6d61702061742034",
        ),
        (dropped_record(HERE, HardState(3, B)), f"01 94 01 {CLUSTER} 03 c410{'02' * 16}"),
    ],
    ids=["hard state", "no vote", "entries", "snapshot", "dropped"],
)
def test_bytes_of_version_1_hold(record: Record, golden: str) -> None:
    """Journals with these bytes exist."""
    assert record.payload == bytes.fromhex(golden)


def test_entries_add_up_behind_a_snapshot() -> None:
    """The log is the snapshot and every run of entries behind it."""
    group = group_of(
        SNAPSHOT,
        entries_record(HERE, ENTRIES[:2]),
        hard_state_record(HERE, HardState(2, A, 4)),
        entries_record(HERE, ENTRIES[2:]),
        hard_state_record(HERE, HardState(3, None, 6)),
    )
    assert group == DurableGroup(
        HERE, Snapshot(4, 2, MEMBERS), b"map at 4", HardState(3, None, 6), ENTRIES
    )


def test_entries_replace_all_behind_their_first() -> None:
    """A new leader's entry takes the place of an old one's, and of what followed it."""
    group = group_of(
        SNAPSHOT, entries_record(HERE, ENTRIES), entries_record(HERE, [Entry(6, 4, b"other")])
    )
    assert indexes(group) == [(5, 2), (6, 4)]


def test_a_snapshot_replaces_the_log() -> None:
    """A snapshot that came from the leader is not the state of the entries before it."""
    later = snapshot_record(HERE, Snapshot(9, 4, MEMBERS), b"map at 9")
    group = group_of(SNAPSHOT, entries_record(HERE, ENTRIES), later)
    assert (indexes(group), group.snapshot.index, group.map_data) == ([], 9, b"map at 9")


def test_the_newest_map_counts() -> None:
    """Each map is whole; an empty one takes the last one back."""
    newer = attrs.evolve(MAP, epoch=9)
    assert recover([map_record(MAP), map_record(newer)]).map == newer
    assert recover([map_record(MAP), map_record(None)]).map is None


def test_a_vote_outlives_the_group() -> None:
    """Who takes part again in the same cluster must not vote a second time in a term."""
    recovered = recover(
        [
            SNAPSHOT,
            hard_state_record(HERE, HardState(7, A, 4)),
            dropped_record(HERE, HardState(7, A)),
        ]
    )
    assert recovered.group is None
    assert recovered.past_vote(HERE) == HardState(7, A)
    assert recovered.past_vote(THERE) == HardState()


def test_leaving_the_cluster_ends_map_and_group() -> None:
    """The record of leaving is enough, should the process end before anything else is written."""
    left = Record(RecordKind.CLUSTER_LEFT, b"")
    recovered = recover(
        [map_record(MAP), SNAPSHOT, hard_state_record(HERE, HardState(7, A)), left]
    )
    assert (recovered.map, recovered.group) == (None, None)
    assert recovered.past_vote(HERE) == HardState(7, A)


def test_a_group_of_another_cluster_begins_anew() -> None:
    """Logs of two clusters never run into each other."""
    group = group_of(
        SNAPSHOT, entries_record(HERE, ENTRIES), hard_state_record(THERE, HardState(1, None, 0))
    )
    assert (group.cluster, group.entries, group.map_data) == (THERE, (), b"")


def test_past_votes_are_bounded() -> None:
    """Old clusters are forgotten, the oldest first."""
    clusters = [ClusterId(id_from_bytes(bytes([n]) * 16)) for n in range(1, PAST_VOTES_MAX + 3)]
    recovered = recover([dropped_record(cluster, HardState(2, A)) for cluster in clusters])
    assert [cluster for cluster, _ in recovered.past_votes] == clusters[2:]


def test_records_of_others_are_skipped() -> None:
    """Other cores share the journal, and other groups the kinds."""
    other = bytearray(hard_state_record(HERE, HardState(7, A)).payload)
    assert other[2] == 1, "the number of the group"
    other[2] = 2
    records = [Record(RecordKind.CLAIMS, b"x"), Record(RecordKind.RAFT_HARD_STATE, bytes(other))]
    assert recover(records) == RecoveredMetadata()


@pytest.mark.parametrize("has_map", [True, False])
@pytest.mark.parametrize(
    "group",
    [
        None,
        DurableGroup(HERE, hard_state=HardState(4, B)),
        DurableGroup(HERE, Snapshot(4, 2, MEMBERS), b"map", HardState(3, A, 6), ENTRIES),
    ],
    ids=["no group", "waiting for a snapshot", "a whole group"],
)
def test_a_journal_written_anew_says_the_same(group: DurableGroup | None, has_map: bool) -> None:
    """`compacted` is the inverse of `recover`."""
    said = RecoveredMetadata(MAP if has_map else None, group, ((THERE, HardState(9, A)),))
    assert recover(compacted(said)) == said


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([Record(RecordKind.RAFT_ENTRIES, b"\x02")], "version"),
        ([Record(RecordKind.RAFT_ENTRIES, b"\x01\xc1")], "RAFT_ENTRIES"),
        ([entries_record(HERE, ENTRIES)], "hole"),
    ],
    ids=["another version", "garbage", "a hole in the log"],
)
def test_what_cannot_be_read_is_named(records: list[Record], reason: str) -> None:
    """A journal that was written by something else is not guessed at."""
    with pytest.raises(MetadataRecordError, match=reason):
        recover(records)


def test_the_map_record_is_the_bytes_of_the_map() -> None:
    """Its format is that of the map and needs no other."""
    assert map_record(MAP).payload == encode_map(MAP)
