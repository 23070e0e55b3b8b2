from __future__ import annotations

from random import Random

import attrs
import pytest

from cluster.errors import OptionError
from cluster.raft import (
    Applied,
    ChangeMembership,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    MemoryStableLog,
    Propose,
    RaftGroup,
    RaftOptions,
    Refusal,
    Role,
    Saved,
    Snapshot,
)
from cluster.raft.messages import HeartbeatReply, VoteReply
from tests.sim.raft_member import PLAIN, LoneMember, last


def test_an_idle_group_says_and_allocates_nothing() -> None:
    """Without news `take` gives the one empty tuple, and a deadline in the future does nothing."""
    group = LoneMember().group
    assert group.take() is group.take() == ()
    group.on_deadline(100.5)
    assert group.take() == ()
    assert not hasattr(group, "__dict__")
    assert not hasattr(group._state, "__dict__")


def test_wrong_options_are_refused_at_the_start() -> None:
    """A group never runs with limits that do not fit together."""
    with pytest.raises(OptionError):
        LoneMember(options=RaftOptions(election_timeout_s=-1.0))


def test_restart_finds_members_term_and_place() -> None:
    """What was saved is all that counts: configuration entries, term, vote, applied index."""
    disk = MemoryStableLog(Snapshot(4, 1, Configuration.of("1", "2")))
    members = Configuration.of("1", "2", "3")
    disk.append([Entry(5, 2), Entry(6, 2, b"", EntryKind.CONFIGURATION, members), Entry(7, 2)])
    group = RaftGroup(
        "1",
        PLAIN,
        disk,
        hard_state=HardState(3, "2", 7),
        applied=5,
        random=Random(1),
        now=0.0,
    )
    status = group.status()
    assert (status.term, status.commit, status.applied) == (3, 7, 5)
    assert group.configuration == members
    assert group.configuration_at(5) == Configuration.of("1", "2")
    [ready] = group.take()
    assert [entry.index for entry in ready.committed] == [6, 7]
    assert ready.hard_state is None
    group.check_invariants()


def test_messages_of_the_past_are_answered_or_dropped() -> None:
    """Leaders and candidates of old terms learn the new one; old answers mean nothing."""
    member = LoneMember(term=5)
    reply = last(member.tell(member.heartbeat(3)), HeartbeatReply)
    assert (reply.term, reply.target) == (5, "2")
    reply_to_vote = last(member.tell(member.vote_request("3", 4, (0, 0))), VoteReply)
    assert (reply_to_vote.term, reply_to_vote.is_granted) == (5, False)
    assert member.tell(attrs.evolve(member.accept("2", 9), term=2)) == []


def test_answers_to_somebody_who_no_longer_leads_are_dropped() -> None:
    """An acceptance of this term can only be for this term's leader."""
    member = LoneMember(term=5)
    assert member.tell(member.accept("2", 9), member.beat_back("3", 4)) == []


def test_changes_are_the_leaders_business() -> None:
    """A follower names the leader, or says that it knows none."""
    member = LoneMember()
    member.tell(ChangeMembership(token=1, voters=("4",)))
    member.tell(member.heartbeat(1), ChangeMembership(token=2, voters=("4",)))
    refused = [r for ready in member.readies for r in ready.refused]
    assert [(r.reason, r.leader) for r in refused] == [
        (Refusal.NO_LEADER, None),
        (Refusal.NOT_LEADER, "2"),
    ]


def test_commit_rides_along_with_saves_only() -> None:
    """A commit index alone is not worth a write; with entries it spares work after a restart."""
    member = LoneMember()
    member.tell(member.append(1, (0, 0), (1,)))
    saves = sum(ready.is_saving for ready in member.readies)
    member.tell(member.heartbeat(1, commit=1))
    assert sum(ready.is_saving for ready in member.readies) == saves
    member.tell(member.append(1, (1, 1), (1,), commit=1))
    assert member.hard_state.commit == 1


def test_leadership_is_told_when_it_changes() -> None:
    """Term, leader and role, each time one of them is new and not otherwise."""
    member = LoneMember()
    member.win()
    member.tell(member.accept("2", 1))
    told = [ready.leadership for ready in member.readies if ready.leadership]
    assert [(t.role, t.leader, t.term) for t in told] == [
        (Role.CANDIDATE, None, 1),
        (Role.LEADER, "1", 1),
    ]


def test_reports_of_what_never_was_are_our_mistake() -> None:
    """A save that was not asked for, or applying what was not handed out, is a bug outside."""
    member = LoneMember()
    with pytest.raises(AssertionError):
        member.group.handle(Saved(99), member.now)
    with pytest.raises(AssertionError):
        member.group.handle(Applied(99), member.now)


def test_time_does_not_go_back() -> None:
    """Leases and timers rest on that."""
    member = LoneMember()
    with pytest.raises(AssertionError):
        member.group.handle(Propose(1, b""), member.now - 1)


def test_status_shows_what_a_leader_knows() -> None:
    """For people and metrics: indexes, members and how far each of them is."""
    member = LoneMember()
    member.win()
    member.tell(member.accept("2", 1))
    status = member.group.status()
    assert (status.role, status.leader, status.commit, status.last_index) == (
        Role.LEADER,
        "1",
        1,
        1,
    )
    assert [(p.node, p.match) for p in status.progress] == [("1", 1), ("2", 1), ("3", 0)]
