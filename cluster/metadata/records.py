"""What the metadata log keeps in the journal: its records, and what they add up to.

    payload := version u8 | msgpack array

    MAP             the newest map held, in the bytes of cluster.map.codec (no version before
                    it, the codec has its own); empty: none any more
    RAFT_HARD_STATE [group, cluster, term, vote or nil, commit]
    RAFT_ENTRIES    [group, cluster, first index, entries]: they replace the entry of their first
                    index and all behind it
    RAFT_SNAPSHOT   [group, cluster, index, term, configuration, map]: replaces the whole log
    RAFT_DROPPED    [group, cluster, term, vote or nil]: this node takes no part any more; should
                    it do so again, it must remember that vote

`commit` says what is known to be committed, which is what lets a map be shown again after a
restart that was shown before it. Records of other groups are not ours and are skipped.

`recover` is the fold of a journal, `compacted` its inverse: a shortest journal with that fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, TypeVar

import attrs
import msgspec
from attrs import frozen

from cluster.errors import ClusterError
from cluster.identity import ClusterId, id_from_bytes, id_to_bytes
from cluster.journal.records import Record, RecordKind
from cluster.map.codec import decode_map, encode_map
from cluster.map.values import ClusterMap
from cluster.metadata.options import METADATA_GROUP
from cluster.raft import Configuration, Entry, HardState, MemoryStableLog, Snapshot
from cluster.wire.messages import WireError
from cluster.wire.raft_entries import (
    Number,
    PackedId,
    WireConfiguration,
    WireEntry,
    pack_configuration,
    pack_entries,
    unpack_configuration,
    unpack_entries,
)

VERSION = 1
#: Clusters that this node has left and whose last vote it remembers.
PAST_VOTES_MAX = 8
_Group = Annotated[int, msgspec.Meta(ge=0)]
_T = TypeVar("_T", bound=msgspec.Struct)


class MetadataRecordError(ClusterError):
    """A record of the journal is whole, but not one that this program can read."""

    def __init__(self, kind: RecordKind, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return f"record {self.kind.name} of the cluster journal: {self.reason}"


class _HardState(msgspec.Struct, frozen=True, array_like=True):
    group: _Group
    cluster: PackedId
    term: Number
    vote: PackedId | None
    commit: Number


class _Entries(msgspec.Struct, frozen=True, array_like=True):
    group: _Group
    cluster: PackedId
    first_index: Number
    entries: list[WireEntry]


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    group: _Group
    cluster: PackedId
    index: Number
    term: Number
    configuration: WireConfiguration
    map: bytes


class _Dropped(msgspec.Struct, frozen=True, array_like=True):
    group: _Group
    cluster: PackedId
    term: Number
    vote: PackedId | None


@frozen
class DurableGroup:
    """What is durable of this node's part in the group of a cluster.

    `map_data` is the map that the snapshot stands for; empty for a member that waits for its
    first snapshot. `entries` follow the snapshot.
    """

    cluster: ClusterId
    snapshot: Snapshot = Snapshot()
    map_data: bytes = b""
    hard_state: HardState = HardState()
    entries: tuple[Entry, ...] = ()

    def stable_log(self) -> MemoryStableLog:
        """Return the log as the core of Raft reads it."""
        log = MemoryStableLog(self.snapshot)
        log.append(self.entries)
        return log


@frozen
class RecoveredMetadata:
    """What a journal says of the metadata log.

    `past_votes` holds the last term and vote in clusters of the past, oldest first.
    """

    map: ClusterMap | None = None
    group: DurableGroup | None = None
    past_votes: tuple[tuple[ClusterId, HardState], ...] = ()

    def past_vote(self, cluster: ClusterId) -> HardState:
        """Return the term and vote with which this node begins in a cluster."""
        return dict(self.past_votes).get(cluster, HardState())


def map_record(held: ClusterMap | None) -> Record:
    """Return the record of the newest map held."""
    return Record(RecordKind.MAP, encode_map(held) if held else b"")


def hard_state_record(cluster: ClusterId, state: HardState) -> Record:
    """Return the record of a term, a vote and how far the log is committed."""
    body = _HardState(
        METADATA_GROUP, id_to_bytes(cluster), state.term, _pack_vote(state), state.commit
    )
    return _record(RecordKind.RAFT_HARD_STATE, body)


def entries_record(cluster: ClusterId, entries: Sequence[Entry]) -> Record:
    """Return the record of a run of entries."""
    assert entries, cluster
    body = _Entries(METADATA_GROUP, id_to_bytes(cluster), entries[0].index, pack_entries(entries))
    return _record(RecordKind.RAFT_ENTRIES, body)


def snapshot_record(cluster: ClusterId, snapshot: Snapshot, map_data: bytes) -> Record:
    """Return the record of a snapshot that takes the place of the whole log."""
    body = _Snapshot(
        METADATA_GROUP,
        id_to_bytes(cluster),
        snapshot.index,
        snapshot.term,
        pack_configuration(snapshot.configuration),
        map_data,
    )
    return _record(RecordKind.RAFT_SNAPSHOT, body)


def dropped_record(cluster: ClusterId, state: HardState) -> Record:
    """Return the record of leaving the group of a cluster."""
    body = _Dropped(METADATA_GROUP, id_to_bytes(cluster), state.term, _pack_vote(state))
    return _record(RecordKind.RAFT_DROPPED, body)


def recover(records: Iterable[Record]) -> RecoveredMetadata:
    """Return what a journal says; records of other cores are skipped.

    Raises:
        MetadataRecordError: a record cannot be read.
    """
    fold = RecordFold()
    for record in records:
        fold.add(record)
    return fold.result()


def compacted(recovered: RecoveredMetadata) -> list[Record]:
    """Return the fewest records that say the same."""
    records = [dropped_record(cluster, state) for cluster, state in recovered.past_votes]
    if recovered.map is not None:
        records.append(map_record(recovered.map))
    group = recovered.group
    if group is not None:
        if group.map_data:
            records.append(snapshot_record(group.cluster, group.snapshot, group.map_data))
        if group.entries:
            records.append(entries_record(group.cluster, group.entries))
        records.append(hard_state_record(group.cluster, group.hard_state))
    return records


class RecordFold:
    """Adds records up, one after the other."""

    def __init__(self, start: RecoveredMetadata | None = None) -> None:
        start = start or RecoveredMetadata()
        self._map_data = encode_map(start.map) if start.map else b""
        self._group = start.group
        self._log = start.group.stable_log() if start.group else None
        self._past = dict(start.past_votes)

    def add(self, record: Record) -> None:
        """Take in the next record.

        Raises:
            MetadataRecordError: it cannot be read.
        """
        if record.kind is RecordKind.MAP:
            self._map_data = record.payload
        elif record.kind is RecordKind.CLUSTER_LEFT:
            self._map_data = b""
            self._drop()
        elif record.kind in _ADD:
            try:
                _ADD[record.kind](self, record)
            except WireError as failure:
                raise MetadataRecordError(record.kind, failure.reason) from failure

    def result(self) -> RecoveredMetadata:
        """Return what the records so far add up to."""
        group = self._group
        if group is not None and self._log is not None:
            log = self._log
            entries = log.entries(log.first_index, log.last_index + 1, 1 << 62)
            group = attrs.evolve(group, entries=tuple(entries))
        return RecoveredMetadata(
            decode_map(self._map_data) if self._map_data else None,
            group,
            tuple(self._past.items())[-PAST_VOTES_MAX:],
        )

    def _add_hard_state(self, record: Record) -> None:
        body = _body(record, _HardState)
        if body.group == METADATA_GROUP:
            state = HardState(body.term, _unpack_vote(body.vote), body.commit)
            self._group = attrs.evolve(self._begin(body.cluster), hard_state=state)

    def _add_entries(self, record: Record) -> None:
        body = _body(record, _Entries)
        if body.group != METADATA_GROUP:
            return
        self._begin(body.cluster)
        log = self._log
        assert log is not None
        if not log.first_index <= body.first_index <= log.last_index + 1:
            raise MetadataRecordError(record.kind, f"a hole before entry {body.first_index}")
        log.append(unpack_entries(body.entries, body.first_index))

    def _add_snapshot(self, record: Record) -> None:
        body = _body(record, _Snapshot)
        if body.group != METADATA_GROUP:
            return
        snapshot = Snapshot(body.index, body.term, unpack_configuration(body.configuration))
        group = self._begin(body.cluster)
        self._group = attrs.evolve(group, snapshot=snapshot, map_data=body.map)
        self._log = MemoryStableLog(snapshot)

    def _add_dropped(self, record: Record) -> None:
        body = _body(record, _Dropped)
        if body.group == METADATA_GROUP:
            cluster = ClusterId(id_from_bytes(body.cluster))
            self._remember(cluster, HardState(body.term, _unpack_vote(body.vote)))
            self._group = self._log = None

    def _begin(self, packed: bytes) -> DurableGroup:
        """Return the group of this cluster; one of another cluster is over."""
        cluster = ClusterId(id_from_bytes(packed))
        if self._group is None or self._group.cluster != cluster:
            self._drop()
            self._group = DurableGroup(cluster)
            self._log = MemoryStableLog(Snapshot(0, 0, Configuration()))
        return self._group

    def _drop(self) -> None:
        if self._group is not None:
            state = self._group.hard_state
            self._remember(self._group.cluster, HardState(state.term, state.vote))
        self._group = self._log = None

    def _remember(self, cluster: ClusterId, state: HardState) -> None:
        """Keep the last vote in a cluster; the newest cluster stands last."""
        self._past.pop(cluster, None)
        self._past[cluster] = state


_ADD: dict[RecordKind, Callable[[RecordFold, Record], None]] = {
    RecordKind.RAFT_HARD_STATE: RecordFold._add_hard_state,
    RecordKind.RAFT_ENTRIES: RecordFold._add_entries,
    RecordKind.RAFT_SNAPSHOT: RecordFold._add_snapshot,
    RecordKind.RAFT_DROPPED: RecordFold._add_dropped,
}


def _record(kind: RecordKind, body: msgspec.Struct) -> Record:
    return Record(kind, bytes((VERSION,)) + msgspec.msgpack.encode(body))


def _body(record: Record, kind: type[_T]) -> _T:
    if record.payload[:1] != bytes((VERSION,)):
        raise MetadataRecordError(record.kind, "a version that this program does not know")
    try:
        return msgspec.msgpack.decode(memoryview(record.payload)[1:], type=kind)
    except msgspec.DecodeError as failure:
        raise MetadataRecordError(record.kind, str(failure)) from failure


def _pack_vote(state: HardState) -> bytes | None:
    return id_to_bytes(state.vote) if state.vote is not None else None


def _unpack_vote(packed: bytes | None) -> str | None:
    return id_from_bytes(packed) if packed is not None else None
