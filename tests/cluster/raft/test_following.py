from __future__ import annotations

import attrs
import pytest

from cluster.raft import Propose, Read, Refusal, Snapshot
from cluster.raft.messages import (
    AppendReply,
    ForwardedProposal,
    HeartbeatReply,
    ReadReply,
    ReadRequest,
    SnapshotRequest,
)
from tests.sim.raft_member import PLAIN, LoneMember, last, only


def test_messages_before_the_commit_index_are_answered_with_it() -> None:
    """What is committed matches for certain; the leader may start behind it."""
    member = LoneMember()
    member.tell(member.append(1, (0, 0), (1, 1), commit=2))
    late = member.append(1, (0, 0), (1,))
    assert last(member.tell(late), AppendReply).index == 2


def test_rejection_tells_the_last_place_that_could_match() -> None:
    """End of 5.3: one rejection per term and not per entry."""
    member = LoneMember(terms=(1, 1, 3, 3))
    reply = last(member.tell(member.append(5, (9, 2))), AppendReply)
    assert (reply.is_rejected, reply.index) == (True, 9)
    assert (reply.hint_index, reply.hint_term) == (2, 1)


def test_heartbeats_are_answered_at_once_when_the_term_is_durable() -> None:
    """A busy disk does not delay reads; a term that may be forgotten is not spoken of."""
    member = LoneMember()
    member.is_disk_held = True
    assert only(member.tell(member.heartbeat(3)), HeartbeatReply) == []
    assert len(only(member.finish_disk(), HeartbeatReply)) == 1
    member.is_disk_held = True
    member.tell(member.append(3, (0, 0), (3,)))
    assert len(only(member.tell(member.heartbeat(3)), HeartbeatReply)) == 1


def test_two_leaders_in_a_term_are_noticed() -> None:
    """Election Safety is so basic that its breach must stop the node."""
    member = LoneMember()
    member.tell(member.heartbeat(1))
    with pytest.raises(AssertionError):
        member.tell(attrs.evolve(member.heartbeat(1), source="3"))


def test_old_snapshots_are_answered_with_what_is_there() -> None:
    """A late copy of a snapshot takes nothing back."""
    member = LoneMember()
    member.tell(member.append(2, (0, 0), (1, 1, 2), commit=3))
    old = SnapshotRequest(source="2", target="1", term=2, snapshot=Snapshot(2, 1), round=1)
    assert last(member.tell(old), AppendReply).index == 3
    assert member.terms() == [1, 1, 2]


def test_snapshot_replaces_what_was_being_written() -> None:
    """Entries on their way to the disk when the snapshot comes do not come back."""
    member = LoneMember()
    member.is_disk_held = True
    member.tell(member.append(1, (0, 0), (1, 1)))
    members = member.group.configuration
    snapshot = Snapshot(6, 1, members)
    member.tell(SnapshotRequest(source="2", target="1", term=1, snapshot=snapshot, round=1))
    member.finish_disk()
    assert (member.disk.first_index, member.disk.last_index) == (7, 6)
    member.tell(member.append(1, (6, 1), (1,), commit=7))
    assert [entry.index for entry in member.applied] == [7]


def test_requests_go_to_the_leader_or_are_refused() -> None:
    """Without a leader nobody is asked; without forwarding the leader is named."""
    member = LoneMember()
    member.tell(Propose(1, b"x"), Read(2))
    refused = [r for ready in member.readies for r in ready.refused]
    assert [(r.token, r.reason) for r in refused] == [
        (1, Refusal.NO_LEADER),
        (2, Refusal.NO_LEADER),
    ]
    member.tell(member.heartbeat(1))
    sent = member.tell(Propose(3, b"x"), Read(4))
    assert only(sent, ForwardedProposal)[0].data == b"x"
    assert only(sent, ReadRequest)[0].token == 4
    member.tell(ReadReply(source="2", target="1", token=4, index=9))
    assert member.readies[-1].reads[0].index == 9
    strict = LoneMember(options=attrs.evolve(PLAIN, is_forwarding=False))
    strict.tell(strict.heartbeat(1), Propose(5, b"x"))
    [refusal] = strict.readies[-1].refused
    assert (refusal.reason, refusal.leader) == (Refusal.NOT_LEADER, "2")
