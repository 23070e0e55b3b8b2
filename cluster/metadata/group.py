"""This node's part in the Raft group of the metadata log: core, saved log and the map.

The duties that `cluster.raft.ready` lists are done here, on the records of the journal:

* each `Ready` that saves becomes one save; several may be under way, and they are done in order;
* what may be said only after a save waits in the `SaveQueue`;
* committed commands are applied at once, but a new map is news only when the commit index that it
  rests on is durable (a hard state of some 50 bytes): a map that was shown once is shown again
  after a restart, even if nobody else can be reached.

The genesis takes the place of entry 1 of term 1: every first voter begins with a snapshot there.
So a log never begins at 0, a node that joins with nothing cannot be sent entries that follow a map
it lacks, and the first entry that is committed is number 2. A node that joins begins with an empty
log and waits for a snapshot.

Snapshots of this node need no record: they follow from what is durable. `durable()` says what that
is, with everything that is under way, for a journal that is written anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Union

from attrs import frozen

from cluster.errors import ClusterError
from cluster.identity import ClusterId, NodeId, id_to_bytes
from cluster.journal.records import Record
from cluster.map.codec import decode_map, encode_map
from cluster.map.deltas import NumberedCommand
from cluster.map.state_machine import apply_command
from cluster.map.values import ClusterMap, CommandResult
from cluster.metadata.log_entries import decode_log_entry, encode_log_entry
from cluster.metadata.options import METADATA_GROUP, MetadataOptions
from cluster.metadata.records import (
    DurableGroup,
    RecordFold,
    RecoveredMetadata,
    entries_record,
    hard_state_record,
    snapshot_record,
)
from cluster.metadata.saving import SaveQueue
from cluster.raft import (
    Applied,
    Campaign,
    Configuration,
    Entry,
    EntryKind,
    Event,
    HardState,
    Propose,
    RaftGroup,
    RaftStatus,
    Ready,
    Refusal,
    Role,
    Saved,
    Snapshot,
    SnapshotReported,
    Unreachable,
)
from cluster.raft.messages import AppendRequest, Message, SnapshotRequest, VoteRequest
from cluster.wire.messages import RaftMessage, WireError
from cluster.wire.raft_messages import decode_raft_message, encode_raft_message

GENESIS_INDEX = 1
GENESIS_TERM = 1


@frozen
class Change:
    """A command that changed the map, and the maps before and after."""

    before: ClusterMap
    after: ClusterMap
    numbered: NumberedCommand


@frozen
class CommandApplied:
    """A command was applied here; its answer may be given when the map of its epoch is shown."""

    identifier: int
    result: CommandResult


@frozen
class MapAdvanced:
    """The log has led to this map, which is durable. `changes` lead to it, if they are known."""

    map: ClusterMap
    changes: tuple[Change, ...]


@frozen
class ProposalRefused:
    """A proposal did not get into this node's log."""

    identifier: int
    reason: Refusal


News = Union[CommandApplied, MapAdvanced, ProposalRefused]


def first_durable(
    cluster: ClusterId, voters: tuple[NodeId, ...], first: ClusterMap
) -> DurableGroup:
    """Return what every first voter of a cluster begins with."""
    snapshot = Snapshot(GENESIS_INDEX, GENESIS_TERM, Configuration.of(*voters))
    state = HardState(term=GENESIS_TERM, commit=GENESIS_INDEX)
    return DurableGroup(cluster, snapshot, encode_map(first), state)


class MetadataGroup:
    """One voter or learner.

    Invariants (`check_invariants`): the map is that of the last applied entry; an advance of the
    map becomes news in the order of its epochs; nothing is sent that promises what is not durable.
    """

    def __init__(
        self,
        node: NodeId,
        options: MetadataOptions,
        durable: DurableGroup,
        *,
        saves: SaveQueue,
        send: Callable[[NodeId, RaftMessage], None],
        rng: Random,
        now: float,
    ) -> None:
        """Start from what is durable, or is being saved before anything else.

        Args:
            send: carries a message to a member; may lose it.
        """
        self.cluster = durable.cluster
        self.map = decode_map(durable.map_data) if durable.map_data else None
        """The state machine: the map at the last applied entry; None before a first snapshot."""
        self.is_formed = durable.snapshot.index > GENESIS_INDEX
        """Whether an entry of the log is known to be committed."""
        self.news: list[News] = []
        self.is_closed = False
        """Set by the owner that leaves the cluster: nothing is said any more."""
        self.strays: set[NodeId] = set()
        """Nodes that campaign and do not know that they are no members any more."""
        self._heard_at: float | None = None
        self._node = node
        self._options = options
        self._saves = saves
        self._send = send
        self._stable = durable.stable_log()
        self._handed = durable.hard_state
        """Term, vote and commit index in the newest record, durable or under way."""
        self._durable_commit = durable.hard_state.commit
        """How far a restart would know the log to be committed."""
        self._snapshot_map = self.map
        self._changes: list[Change] = []
        self._arriving: dict[int, ClusterMap] = {}
        self._pending: deque[tuple[Record, ...]] = deque()
        self._core = RaftGroup(
            node,
            options.raft,
            self._stable,
            hard_state=durable.hard_state,
            applied=durable.snapshot.index,
            random=rng,
            now=now,
        )
        if self.is_formed:
            self._announce(())
        if self._core.configuration.members() == [node]:
            self.campaign(now)

    # What the owner tells.

    def campaign(self, now: float) -> None:
        """Try to lead now, without waiting for a timer."""
        self._core.handle(Campaign(), now)

    def receive(self, source: NodeId, message: RaftMessage, now: float) -> None:
        """Take in a message of another member; one that does not fit is dropped."""
        if message.group != METADATA_GROUP or message.cluster != id_to_bytes(self.cluster):
            return
        try:
            inner = decode_raft_message(message.message)
            if isinstance(inner, SnapshotRequest):
                arrived = decode_map(message.snapshot)
                if arrived.cluster != self.cluster:
                    return
                self._arriving = {inner.snapshot.index: arrived}
        except (WireError, ClusterError):
            return
        if inner.source != source or inner.target != self._node:
            return
        if isinstance(inner, AppendRequest) and inner.previous_index < GENESIS_INDEX:
            return  # entries that follow nothing: no log of ours begins so
        if isinstance(inner, VoteRequest) and source not in self._core.configuration.members():
            self.strays.add(source)
        self._heard_at = now
        self._core.handle(inner, now)

    def handle(self, event: Event, now: float) -> None:
        """Hand a request for the core on: a change of members, a transfer."""
        self._core.handle(event, now)

    def propose(self, identifier: int, command: bytes, now: float) -> None:
        """Append a command to the log of this leader; it is refused on anybody else."""
        self._core.handle(Propose(identifier, encode_log_entry(identifier, command)), now)

    def link_failed(self, node: NodeId, now: float) -> None:
        """Take in that what was sent to a node may be lost."""
        self._core.handle(Unreachable(node), now)
        self._core.handle(SnapshotReported(node, is_delivered=False), now)

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        return self._core.deadline()

    def on_deadline(self, now: float) -> None:
        """Let time pass."""
        self._core.on_deadline(now)

    def settle(self, now: float) -> None:
        """Do what the core wants, until it wants no more."""
        while readies := self._core.take():
            for ready in readies:
                self._act(ready, now)
        self._arriving.clear()
        self.strays.difference_update(self._core.configuration.members())

    # What the owner asks.

    @property
    def is_leader(self) -> bool:
        """Whether this node leads, as far as it knows."""
        return self._core.role is Role.LEADER

    @property
    def leader(self) -> NodeId | None:
        """Who leads, as far as this node knows."""
        leader = self._core.leader
        return NodeId(leader) if leader is not None else None

    def speaks(self, now: float) -> bool:
        """Whether a member said something of late; a learner that was removed hears nothing."""
        heard_at = self._heard_at
        return heard_at is not None and now - heard_at < self._options.member_patience_s

    @property
    def term(self) -> int:
        """The current term."""
        return self._core.term

    @property
    def configuration(self) -> Configuration:
        """The members of the group."""
        return self._core.configuration

    @property
    def vote(self) -> HardState:
        """Term and vote, which a node must never forget."""
        return HardState(self._handed.term, self._handed.vote)

    def status(self) -> RaftStatus:
        """Return the state of the core."""
        return self._core.status()

    def durable(self) -> DurableGroup:
        """Return what will be durable when all saves under way are done."""
        snapshot = self._stable.snapshot()
        entries = self._stable.entries(snapshot.index + 1, self._stable.last_index + 1, 1 << 62)
        now_durable = DurableGroup(
            self.cluster,
            snapshot,
            encode_map(self._snapshot_map) if self._snapshot_map else b"",
            self._handed,
            tuple(entries),
        )
        fold = RecordFold(RecoveredMetadata(group=now_durable))
        for records in self._pending:
            for record in records:
                fold.add(record)
        group = fold.result().group
        assert group is not None
        return group

    def check_invariants(self) -> None:
        """Assert what the class promises."""
        self._core.check_invariants()
        self._stable.check_invariants()
        if self.map is not None:
            self.map.check_invariants()
            assert self.map.cluster == self.cluster

    # The duties of a `Ready`, in its order.

    def _act(self, ready: Ready, now: float) -> None:
        for message in ready.messages:
            self._post(message, now)
        arrived = self._arriving.get(ready.snapshot.index) if ready.snapshot else None
        for refused in ready.refused:
            if refused.token:
                self.news.append(ProposalRefused(refused.token, refused.reason))
        records = self._records(ready, arrived)
        if records:
            self._pending.append(records)
        if records or ready.messages_after_save:
            self._saves.add(records, partial(self._saved, ready, arrived), now=now)
        if ready.committed:
            self._apply(ready.committed, now)

    def _records(self, ready: Ready, arrived: ClusterMap | None) -> tuple[Record, ...]:
        records: list[Record] = []
        if ready.snapshot is not None:
            assert arrived is not None, ready.snapshot
            data = encode_map(arrived)
            records.append(snapshot_record(self.cluster, ready.snapshot, data))
        if ready.entries:
            records.append(entries_record(self.cluster, ready.entries))
        if ready.hard_state is not None:
            self._handed = ready.hard_state
            records.append(hard_state_record(self.cluster, ready.hard_state))
        return tuple(records)

    def _saved(self, ready: Ready, arrived: ClusterMap | None, now: float) -> None:
        if ready.is_saving:
            self._pending.popleft()
        if ready.snapshot is not None:
            self._stable.install(ready.snapshot)
            self.map = self._snapshot_map = arrived
            self._changes.clear()
            self.is_formed = True
            self._announce(())
        self._stable.append(ready.entries)
        if ready.hard_state is not None:
            self._durable_commit = ready.hard_state.commit
        if ready.is_saving:
            self._core.handle(Saved(ready.number), now)
        for message in ready.messages_after_save:
            self._post(message, now)

    def _apply(self, entries: tuple[Entry, ...], now: float) -> None:
        is_news = not self.is_formed
        self.is_formed = True
        for entry in entries:
            if entry.kind is EntryKind.COMMAND:
                is_news |= self._apply_command(entry)
        last = entries[-1]
        self._core.handle(Applied(last.index), now)
        if is_news:
            changes, self._changes = tuple(self._changes), []
            if last.index <= self._durable_commit:
                self._announce(changes)
            elif last.index <= self._handed.commit:
                self._saves.add((), partial(self._commit_saved, self.map, changes), now=now)
            else:
                self._save_commit(last.index, changes, now)
        if last.index - self._stable.snapshot().index >= self._options.snapshot_entries:
            self._make_snapshot(last)

    def _apply_command(self, entry: Entry) -> bool:
        """Apply a command; return whether the map changed."""
        assert self.map is not None, entry
        before = self.map
        decoded = decode_log_entry(entry.data)
        self.map, result = apply_command(before, decoded.identifier, decoded.command)
        self.news.append(CommandApplied(decoded.identifier, result))
        if self.map.epoch == before.epoch:
            return False
        numbered = NumberedCommand(decoded.identifier, decoded.command)
        self._changes.append(Change(before, self.map, numbered))
        return True

    def _save_commit(self, index: int, changes: tuple[Change, ...], now: float) -> None:
        self._handed = HardState(self._handed.term, self._handed.vote, index)
        records = (hard_state_record(self.cluster, self._handed),)
        self._pending.append(records)
        self._saves.add(records, partial(self._hint_saved, index), now=now)
        self._saves.add((), partial(self._commit_saved, self.map, changes), now=now)

    def _hint_saved(self, index: int, now: float) -> None:
        del now
        self._pending.popleft()
        self._durable_commit = index

    def _commit_saved(
        self, reached: ClusterMap | None, changes: tuple[Change, ...], now: float
    ) -> None:
        del now
        self._announce_map(reached, changes)

    def _announce(self, changes: tuple[Change, ...]) -> None:
        self._announce_map(self.map, changes)

    def _announce_map(self, reached: ClusterMap | None, changes: tuple[Change, ...]) -> None:
        assert reached is not None
        self.news.append(MapAdvanced(reached.published(), changes))

    def _make_snapshot(self, last: Entry) -> None:
        """Note the state as a snapshot, and drop entries that it stands for, but for a tail."""
        configuration = self._core.configuration_at(last.index)
        self._stable.set_snapshot(Snapshot(last.index, last.term, configuration))
        self._snapshot_map = self.map
        self._stable.compact(max(last.index - self._options.kept_entries, 0))

    def _post(self, message: Message, now: float) -> None:
        if self.is_closed:
            return
        data = b""
        if isinstance(message, SnapshotRequest):
            if message.snapshot != self._stable.snapshot() or self._snapshot_map is None:
                # Newer by now: the core sends that one when it hears of the member again.
                self._core.handle(SnapshotReported(message.target, is_delivered=False), now)
                return
            data = encode_map(self._snapshot_map)
        wire = RaftMessage(
            METADATA_GROUP, encode_raft_message(message), data, id_to_bytes(self.cluster)
        )
        self._send(NodeId(message.target), wire)
