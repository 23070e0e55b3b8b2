from __future__ import annotations

from typing import Any

import attrs

from cluster.raft import (
    ChangeMembership,
    Propose,
    Refusal,
    Role,
    SnapshotReported,
    TransferLeadership,
    Unreachable,
)
from cluster.raft.messages import AppendRequest, ForwardedProposal, TimeoutNow
from cluster.raft.progress import ProgressState
from tests.sim.raft_member import PLAIN, LoneMember, only


def leader(**options: Any) -> LoneMember:
    """A leader of three whose first entry is committed."""
    member = LoneMember(options=attrs.evolve(PLAIN, **options))
    member.win()
    member.tell(member.accept("2", 1), member.accept("3", 1))
    return member


def reasons(member: LoneMember) -> list[Refusal]:
    """Why requests were refused so far."""
    return [refused.reason for ready in member.readies for refused in ready.refused]


def test_own_entries_count_when_they_are_durable() -> None:
    """A leader and one follower are a majority of three only if both have it on disk."""
    member = leader()
    member.is_disk_held = True
    member.tell(Propose(1, b"x"))
    member.tell(member.accept("2", 2))
    assert member.group.status().commit == 1
    member.finish_disk()
    assert len(member.applied) == 2


def test_followers_are_a_majority_without_the_leaders_disk() -> None:
    """Thesis 10.2.1: the leader writes in parallel, and may even be the last."""
    member = leader()
    member.is_disk_held = True
    member.tell(Propose(1, b"x"))
    member.tell(member.accept("2", 2), member.accept("3", 2))
    assert member.group.status().commit == 2
    assert len(member.applied) == 1


def test_proposals_of_one_tick_travel_together() -> None:
    """Many requests handled before one `take` are one message per follower and one save."""
    member = leader()
    for token in range(5):
        member.group.handle(Propose(token, b"x"), member.now)
    [ready] = member.group.take()
    requests = only(ready.messages, AppendRequest)
    assert [len(request.entries) for request in requests] == [5, 5]
    assert len(ready.entries) == 5
    assert [accepted.index for accepted in ready.accepted] == [2, 3, 4, 5, 6]


def test_uncommitted_entries_are_bounded() -> None:
    """Beyond the limit commands are refused by name, and taken again after a commit."""
    member = leader(uncommitted_bytes_max=100)
    for token in range(4):
        member.tell(Propose(token, b"x" * 30))
    assert reasons(member) == [Refusal.OVERLOADED] * 2
    member.tell(member.accept("2", 3), Propose(9, b"x"))
    assert member.disk.last_index == 4


def test_changes_wait_for_each_other_and_for_an_own_commit() -> None:
    """Two changes under way could have majorities that do not meet."""
    member = LoneMember()
    member.win()
    member.tell(ChangeMembership(token=1, voters=("4",)))
    member.tell(member.accept("2", 1))
    member.tell(ChangeMembership(token=2, voters=("4",)), ChangeMembership(token=3, voters=("5",)))
    member.tell(ChangeMembership(token=4))
    assert reasons(member)[:2] == [Refusal.NOT_READY, Refusal.CHANGE_IN_PROGRESS]
    member.tell(member.accept("2", 2), member.accept("3", 2))
    member.tell(ChangeMembership(token=5, voters=("1",)))
    assert reasons(member)[-1] is Refusal.INVALID_CHANGE


def test_transfer_waits_until_the_target_has_everything() -> None:
    """The target must be able to win; meanwhile proposals wait outside."""
    member = leader()
    member.tell(Propose(1, b"x"))
    assert only(member.tell(TransferLeadership("2")), TimeoutNow) == []
    member.tell(Propose(2, b"y"), ChangeMembership(token=3, voters=("4",)))
    assert reasons(member) == [Refusal.TRANSFERRING] * 2
    assert len(only(member.tell(member.accept("2", 2)), TimeoutNow)) == 1
    for _ in range(8):
        member.wait(0.15)
        member.tell(member.beat_back("2", 0))
    member.tell(Propose(4, b"z"))
    assert member.disk.last_index == 3


def test_transfer_to_nobody_is_ignored() -> None:
    """Itself, strangers and learners cannot be handed leadership."""
    member = leader()
    for target in ("1", "9"):
        member.tell(TransferLeadership(target))
    member.tell(Propose(1, b"x"))
    assert reasons(member) == []


def test_lost_messages_lead_back_to_probing() -> None:
    """After a hint that messages get lost, one at a time until an answer comes."""
    member = leader()
    member.tell(Unreachable("2"), Propose(1, b"x"))
    state = {progress.node: progress.state for progress in member.group.status().progress}
    assert (state["2"], state["3"]) == (ProgressState.PROBE, ProgressState.REPLICATE)
    sent = member.tell(Propose(2, b"y"))
    assert [request.target for request in only(sent, AppendRequest)] == ["3"]
    sent = member.tell(member.accept("2", 2))
    entries = [r.entries for r in only(sent, AppendRequest) if r.target == "2" and r.entries]
    assert [[entry.index for entry in each] for each in entries] == [[3]]


def test_answers_of_strangers_and_reports_without_cause_are_ignored() -> None:
    """Nodes that were removed may still talk."""
    member = leader()
    member.tell(member.accept("9", 1), member.beat_back("9", 1), Unreachable("9"))
    member.tell(SnapshotReported("9", True), SnapshotReported("2", True))
    assert member.group.role is Role.LEADER


def test_forwarded_proposals_are_appended() -> None:
    """A command that another node's user gave is worth the same."""
    member = leader()
    member.tell(ForwardedProposal(source="3", target="1", data=b"theirs"))
    assert member.disk.entries(2, 3, 100)[0].data == b"theirs"
