from __future__ import annotations

from typing import Any

import attrs

from cluster.raft import Propose, Snapshot, SnapshotReported
from cluster.raft.messages import AppendReply, AppendRequest, SnapshotRequest
from tests.sim.raft_member import PLAIN, LoneMember, only


def leader(**options: Any) -> LoneMember:
    """A leader of three that streams to both followers."""
    member = LoneMember(options=attrs.evolve(PLAIN, **options))
    member.win()
    member.tell(member.accept("2", 1), member.accept("3", 1))
    return member


def to_two(messages: list[object]) -> list[AppendRequest]:
    """The messages of entries for node 2."""
    return [m for m in only(messages, AppendRequest) if m.target == "2" and m.entries]


def rejection(member: LoneMember, index: int, hint: tuple[int, int]) -> AppendReply:
    """Node 3 has nothing at an index."""
    return AppendReply(
        source="3",
        target="1",
        term=member.group.term,
        index=index,
        round=0,
        is_rejected=True,
        hint_index=hint[0],
        hint_term=hint[1],
    )


def test_the_window_is_bounded_and_opens_with_answers() -> None:
    """At most so many messages without an answer; an answer lets the rest go."""
    member = leader(inflight_messages_max=2, append_bytes_max=1)
    before = len(member.sent)
    for token in range(5):
        member.tell(Propose(token, b"x"))
    sent = to_two([*member.sent[before:]])
    assert [[entry.index for entry in m.entries] for m in sent] == [[2], [3]]
    more = to_two([*member.tell(member.accept("2", 3))])
    assert [[entry.index for entry in m.entries] for m in more] == [[4], [5]]


def test_messages_are_bounded_in_bytes() -> None:
    """What does not fit goes with the next message; nothing is too large to go alone."""
    member = leader(append_bytes_max=100)
    for token in range(4):
        member.group.handle(Propose(token, b"x" * 20), member.now)
    before = len(member.sent)
    member.settle()
    sent = to_two([*member.sent[before:]])
    assert [len(m.entries) for m in sent] == [1, 1, 1, 1]
    member.tell(Propose(9, b"y" * 1000))
    assert to_two([*member.sent])[-1].entries[0].data == b"y" * 1000


def test_commit_is_told_once_without_entries() -> None:
    """News of a commit needs no entries, and is not repeated."""
    member = leader()
    member.tell(Propose(1, b"x"))
    sent = only(member.tell(member.accept("2", 2)), AppendRequest)
    assert {(m.target, m.commit, len(m.entries)) for m in sent} == {("2", 2, 0), ("3", 2, 0)}
    assert only(member.tell(member.accept("3", 2)), AppendRequest) == []


def compacted() -> LoneMember:
    """A leader whose entries up to 3 are gone."""
    member = leader(snapshot_timeout_s=5.0)
    member.tell(Propose(1, b"x"), Propose(2, b"y"), member.accept("2", 3))
    member.disk.set_snapshot(Snapshot(3, 1, member.group.configuration_at(3)))
    member.disk.compact(3)
    return member


def test_entries_that_are_gone_are_replaced_by_a_snapshot() -> None:
    """Section 7: "the leader must occasionally send snapshots to followers that lag behind"."""
    member = compacted()
    sent = member.tell(rejection(member, 3, (1, 1)))
    [request] = only(sent, SnapshotRequest)
    assert (request.target, request.snapshot.index) == ("3", 3)
    assert only(member.tell(Propose(3, b"z")), SnapshotRequest) == []
    [behind] = only(member.tell(member.accept("3", 3)), AppendRequest)
    assert [entry.index for entry in behind.entries] == [4]


def test_a_snapshot_without_answer_is_tried_again() -> None:
    """Neither a lost report nor a lost answer may leave a follower behind for ever."""
    member = compacted()
    member.tell(rejection(member, 3, (1, 1)))
    member.wait(1.0)
    assert only(member.tell(member.beat_back("3", 0)), SnapshotRequest) == []
    member.wait(5.0)
    assert len(only(member.tell(member.beat_back("3", 0)), SnapshotRequest)) == 1


def test_a_failed_snapshot_is_tried_again_after_a_sign_of_life() -> None:
    """A report of failure does not make the leader send the data to nobody at once."""
    member = compacted()
    member.tell(rejection(member, 3, (1, 1)))
    assert member.tell(SnapshotReported("3", False)) == []
    assert len(only(member.tell(member.beat_back("3", 0)), SnapshotRequest)) == 1


def test_silent_members_get_no_snapshot() -> None:
    """The data is large; it is sent when somebody is there to take it."""
    member = compacted()
    member.group._state.progress["3"].start_activity_check()
    member.group._state.progress["3"].become_probe()
    member.tell(Propose(3, b"z"))
    assert only(member.sent, SnapshotRequest) == []
