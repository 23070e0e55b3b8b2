"""One member's part in the log: what is saved, what waits for it, and what a restart finds."""

from __future__ import annotations

from random import Random

from cluster.identity import NodeId, id_to_bytes
from cluster.journal.records import RecordKind
from cluster.map.codec import encode_command, encode_map
from cluster.map.commands import SetSetting
from cluster.map.genesis import genesis_map
from cluster.metadata.events import Save
from cluster.metadata.group import (
    GENESIS_INDEX,
    CommandApplied,
    MapAdvanced,
    MetadataGroup,
    News,
    ProposalRefused,
    first_durable,
)
from cluster.metadata.options import METADATA_GROUP, MetadataOptions
from cluster.metadata.records import DurableGroup
from cluster.metadata.saving import SaveQueue
from cluster.raft import ChangeMembership, Configuration, Entry, HardState, Snapshot
from cluster.raft.messages import (
    AppendReply,
    AppendRequest,
    Message,
    SnapshotRequest,
    VoteReply,
    VoteRequest,
)
from cluster.wire.messages import RaftMessage
from cluster.wire.raft_messages import decode_raft_message, encode_raft_message
from tests.sim.metadata_world import CLUSTER, genesis_of, node_id

N1, N2, N3 = (node_id(number) for number in range(1, 4))
OPTIONS = MetadataOptions(snapshot_entries=5, kept_entries=2)
VOTERS = Configuration.of(N1, N2, N3)


class LoneGroup:
    """Node 1; a test plays the others and the disk."""

    def __init__(self, durable: DurableGroup | None = None, *, voters: int = 1) -> None:
        self.genesis = genesis_of(voters, 3)
        self.first = genesis_map(self.genesis)
        self.sent: list[tuple[NodeId, RaftMessage]] = []
        self.saves = SaveQueue()
        self.now = 1.0
        self.group = MetadataGroup(
            N1,
            OPTIONS,
            durable or first_durable(CLUSTER, self.genesis.voters, self.first),
            saves=self.saves,
            send=lambda node, message: self.sent.append((node, message)),
            rng=Random(1),
            now=self.now,
        )
        self.group.settle(self.now)

    def save(self) -> list[Save]:
        """Finish what is under way, once."""
        saves = self.saves.take()
        if saves:
            self.saves.saved(saves[-1].number, self.now)
        self.group.settle(self.now)
        return saves

    def finish(self) -> list[News]:
        """Finish everything; return the news."""
        while self.save():
            self.group.check_invariants()
        news, self.group.news = self.group.news, []
        return news

    def set_value(self, identifier: int) -> list[News]:
        """Change the map."""
        command = encode_command(SetSetting("name", f"value{identifier}"))
        self.group.propose(identifier, command, self.now)
        self.group.settle(self.now)
        return self.finish()

    def receive(self, message: Message, snapshot: bytes = b"", *, source: NodeId = N2) -> None:
        """A message of another member arrives."""
        data = encode_raft_message(message)
        wire = RaftMessage(METADATA_GROUP, data, snapshot, id_to_bytes(CLUSTER))
        self.group.receive(source, wire, self.now)
        self.group.settle(self.now)

    def said(self) -> list[Message]:
        """What was sent since the last look."""
        said = [decode_raft_message(message.message) for _, message in self.sent]
        self.sent.clear()
        return said


def test_the_genesis_stands_for_entry_1() -> None:
    """So nobody is ever sent entries that follow a map it lacks."""
    lone = LoneGroup()
    durable = lone.group.durable()
    assert durable.snapshot == Snapshot(GENESIS_INDEX, 1, Configuration.of(N1))
    assert lone.group.map == lone.first
    assert not lone.group.is_formed


def test_the_first_committed_entry_forms() -> None:
    """The map of the genesis is news only then."""
    lone = LoneGroup()
    assert lone.finish() == [MapAdvanced(lone.first, ())]
    assert lone.group.is_formed and lone.group.is_leader


def test_a_change_is_news_when_its_commit_index_is_durable() -> None:
    """The answer is known before, the map is shown after."""
    lone = LoneGroup()
    lone.finish()
    lone.group.propose(7, encode_command(SetSetting("name", "value")), lone.now)
    lone.group.settle(lone.now)
    lone.save()
    assert [type(item) for item in lone.group.news] == [CommandApplied]
    (save,) = lone.save()
    assert [record.kind for record in save.records] == [RecordKind.RAFT_HARD_STATE]
    (_, advanced) = lone.group.news
    assert isinstance(advanced, MapAdvanced)
    assert advanced.map.settings == {"name": "value"}
    assert [change.after.epoch for change in advanced.changes] == [2]


def test_a_restart_finds_the_same_map_without_asking() -> None:
    """The group of three cannot commit alone, and needs not to."""
    lone = LoneGroup()
    lone.finish()
    for number in range(1, 4):
        lone.set_value(number)
    again = LoneGroup(lone.group.durable())
    assert again.group.map == lone.group.map
    advanced = [item for item in again.group.news if isinstance(item, MapAdvanced)]
    assert advanced[-1].map.settings == {"name": "value3"}


def test_what_is_under_way_is_part_of_what_will_be_durable() -> None:
    """A journal that is written anew behind a save must not lose what the save wrote."""
    lone = LoneGroup()
    lone.finish()
    lone.group.propose(7, encode_command(SetSetting("name", "value")), lone.now)
    lone.group.settle(lone.now)
    assert [entry.index for entry in lone.group.durable().entries] == [2, 3]
    lone.finish()
    durable = lone.group.durable()
    assert (durable.hard_state.commit, len(durable.entries)) == (3, 2)


def test_snapshots_drop_entries_but_for_a_tail() -> None:
    """The log stays short, and the map is what it was."""
    lone = LoneGroup()
    lone.finish()
    for number in range(1, 20):
        lone.set_value(number)
    status = lone.group.status()
    assert status.last_index == 21
    assert status.first_index >= status.last_index - OPTIONS.snapshot_entries - 2
    durable = lone.group.durable()
    assert len(durable.entries) < OPTIONS.snapshot_entries
    assert LoneGroup(durable).group.map == lone.group.map


def test_a_vote_is_sent_when_it_is_durable() -> None:
    """A crash must not let this node vote twice in a term."""
    lone = LoneGroup(voters=3)
    lone.receive(
        VoteRequest(source=N2, target=N1, term=5, last_index=1, last_term=1, is_transfer=True)
    )
    assert lone.said() == []
    lone.save()
    (reply,) = lone.said()
    assert isinstance(reply, VoteReply) and reply.is_granted
    assert lone.group.durable().hard_state == HardState(5, N2, 1)


def test_a_closed_group_says_nothing_any_more() -> None:
    """What a save releases after the cluster was left stays unsaid."""
    lone = LoneGroup(voters=3)
    lone.receive(
        VoteRequest(source=N2, target=N1, term=5, last_index=1, last_term=1, is_transfer=True)
    )
    lone.group.is_closed = True
    lone.save()
    assert lone.said() == []


def append(previous: int, *entries: Entry, commit: int = 0) -> AppendRequest:
    """Entries of the leader, node 2."""
    return AppendRequest(
        source=N2,
        target=N1,
        term=5,
        previous_index=previous,
        previous_term=min(previous, 1),
        entries=entries,
        commit=commit,
        round=1,
    )


def test_a_new_member_waits_for_a_snapshot() -> None:
    """It refuses entries, and begins with the map that the leader sends."""
    lone = LoneGroup(DurableGroup(CLUSTER))
    lone.receive(append(8))
    lone.save()
    (reply,) = lone.said()
    assert isinstance(reply, AppendReply) and reply.is_rejected
    assert lone.group.map is None
    request = SnapshotRequest(
        source=N2, target=N1, term=5, snapshot=Snapshot(8, 4, VOTERS), round=1
    )
    lone.receive(request, encode_map(lone.first))
    lone.receive(request, encode_map(lone.first))
    (save,) = lone.save()
    assert RecordKind.RAFT_SNAPSHOT in [record.kind for record in save.records]
    assert lone.group.is_formed
    assert lone.finish() == [MapAdvanced(lone.first, ())]
    assert LoneGroup(lone.group.durable()).group.map == lone.first


def test_entries_that_follow_nothing_are_not_taken() -> None:
    """A member without a map has nothing to apply them to; no log of ours begins so."""
    lone = LoneGroup(DurableGroup(CLUSTER))
    lone.receive(append(0, Entry(1, 5, b"command"), commit=1))
    assert (lone.said(), lone.group.status().last_index) == ([], 0)


def test_messages_that_do_not_fit_are_dropped() -> None:
    """Another sender than it says, and a snapshot of bytes that are no map."""
    lone = LoneGroup(DurableGroup(CLUSTER))
    lone.receive(append(8), source=N3)
    request = SnapshotRequest(
        source=N2, target=N1, term=5, snapshot=Snapshot(8, 4, VOTERS), round=1
    )
    lone.receive(request, b"no map")
    assert (lone.said(), lone.saves.take()) == ([], [])


def test_a_member_that_lags_is_sent_the_map() -> None:
    """The newest snapshot, with its data beside the message."""
    lone = LoneGroup()
    lone.finish()
    for number in range(1, 20):
        lone.set_value(number)
    lone.group.handle(ChangeMembership(token=0, learners=(N2,)), lone.now)
    lone.group.settle(lone.now)
    (first,) = lone.said()
    assert isinstance(first, AppendRequest)
    lone.receive(
        AppendReply(
            source=N2,
            target=N1,
            term=first.term,
            index=first.previous_index,
            round=0,
            is_rejected=True,
        )
    )
    wire = next(message for _, message in lone.sent if message.snapshot)
    request = decode_raft_message(wire.message)
    assert isinstance(request, SnapshotRequest)
    assert request.snapshot == lone.group.durable().snapshot
    assert wire.snapshot == lone.group.durable().map_data


def test_a_proposal_to_who_does_not_lead_is_refused_by_its_id() -> None:
    """So the proposer turns to somebody else."""
    lone = LoneGroup(voters=3)
    (refused,) = lone.set_value(7)
    assert isinstance(refused, ProposalRefused) and refused.identifier == 7


def test_who_campaigns_without_being_a_member_is_a_stray() -> None:
    """The leader may tell it that it is none."""
    lone = LoneGroup()
    lone.receive(
        VoteRequest(source=N3, target=N1, term=1, last_index=1, last_term=1, is_pre=True),
        source=N3,
    )
    assert lone.group.strays == {N3}
