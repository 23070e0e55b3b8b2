"""One test per sentence of the Raft paper that is claimed, each quoted with its section.

"In Search of an Understandable Consensus Algorithm (Extended Version)", figure 2 and section 5;
sections 6 to 8 are in test_paper_members.py.
"""

from __future__ import annotations

from random import Random

import attrs
import pytest

from cluster.raft import (
    Propose,
    Role,
)
from cluster.raft.messages import (
    AppendReply,
    AppendRequest,
    Heartbeat,
    VoteReply,
    VoteRequest,
)
from tests.sim.raft_member import LoneMember, last, only


@pytest.mark.parametrize("role", [Role.FOLLOWER, Role.CANDIDATE, Role.LEADER])
def test_5_1_higher_term_makes_a_follower(role: Role) -> None:
    """5.1: "If one server's current term is smaller than the other's, then it updates its current
    term to the larger value. If a candidate or leader discovers that its term is out of date, it
    immediately reverts to follower state."
    """
    member = LoneMember()
    if role is not Role.FOLLOWER:
        member.wait(2.1)
    if role is Role.LEADER:
        member.tell(member.vote("2"))
    assert role is member.group.role
    member.tell(member.append(7, (0, 0)))
    assert (member.group.role, member.group.term, member.group.leader) == (Role.FOLLOWER, 7, "2")


def test_5_1_stale_request_is_rejected() -> None:
    """5.1: "If a server receives a request with a stale term number, it rejects the request.\""""
    member = LoneMember(term=5)
    sent = member.tell(member.vote_request("2", 4, (9, 4)), member.append(4, (0, 0), (4,)))
    assert [reply.is_granted for reply in only(sent, VoteReply)] == [False]
    assert {5} == {message.term for message in sent if not isinstance(message, VoteRequest)}
    assert member.terms() == []


def test_5_1_term_and_vote_survive_a_crash() -> None:
    """Figure 2: currentTerm and votedFor are "updated on stable storage before responding to
    RPCs\".
    """
    member = LoneMember()
    member.is_disk_held = True
    assert member.tell(member.vote_request("2", 3, (0, 0))) == []
    [reply] = only(member.finish_disk(), VoteReply)
    assert reply.is_granted
    member.start()
    [reply] = only(member.tell(member.vote_request("3", 3, (0, 0))), VoteReply)
    assert not reply.is_granted


def test_5_2_starts_as_follower() -> None:
    """5.2: "When servers start up, they begin as followers.\""""
    assert Role.FOLLOWER is LoneMember(term=3).group.role


def test_5_2_leader_sends_heartbeats() -> None:
    """5.2: "Leaders send periodic heartbeats to all followers in order to maintain their
    authority.\"
    """
    member = LoneMember()
    member.win()
    for _ in range(3):
        beats = only(member.wait(member.options.heartbeat_interval_s), Heartbeat)
        assert [beat.target for beat in beats] == ["2", "3"]


def test_5_2_follower_without_leader_campaigns() -> None:
    """5.2: "If a follower receives no communication over a period of time called the election
    timeout, then it assumes there is no viable leader and begins an election."; figure 2: on
    conversion to candidate: increment currentTerm, vote for self, reset timer, send RequestVote
    to all other servers.
    """
    member = LoneMember()
    requests = only(member.wait(2.1), VoteRequest)
    assert Role.CANDIDATE is member.group.role
    assert [(r.target, r.term) for r in requests] == [("2", 1), ("3", 1)]
    assert (member.hard_state.vote, member.hard_state.term) == ("1", 1)
    deadline = member.group.deadline()
    assert deadline is not None
    assert deadline >= member.now + member.options.election_timeout_s


def test_5_2_heartbeats_keep_a_follower() -> None:
    """5.2: "A server remains in follower state as long as it receives valid RPCs from a leader or
    candidate.\"
    """
    member = LoneMember()
    for _ in range(20):
        member.wait(0.9)
        member.tell(member.heartbeat(1))
    assert (member.group.role, member.group.term) == (Role.FOLLOWER, 1)


@pytest.mark.parametrize(
    ("voters", "granted", "role"),
    [
        (1, (), Role.LEADER),
        (3, ("2",), Role.LEADER),
        (3, (), Role.CANDIDATE),
        (5, ("2",), Role.CANDIDATE),
        (5, ("2", "2"), Role.CANDIDATE),
        (5, ("2", "3"), Role.LEADER),
        (4, ("2",), Role.CANDIDATE),
        (4, ("2", "3"), Role.LEADER),
    ],
)
def test_5_2_majority_wins(voters: int, granted: tuple[str, ...], role: Role) -> None:
    """5.2: "A candidate wins an election if it receives votes from a majority of the servers in
    the full cluster for the same term.\"
    """
    member = LoneMember(voters=voters)
    member.wait(2.1)
    for source in granted:
        member.tell(member.vote(source))
    assert role is member.group.role


def test_5_2_one_vote_per_term_first_come() -> None:
    """5.2: "Each server will vote for at most one candidate in a given term, on a
    first-come-first-served basis.\"
    """
    member = LoneMember()
    requests = [member.vote_request(source, 1, (0, 0)) for source in ("2", "3", "2")]
    replies = only(member.tell(*requests), VoteReply)
    assert [reply.is_granted for reply in replies] == [True, False, True]


def test_5_2_votes_of_another_term_do_not_count() -> None:
    """5.2: the majority is "for the same term": a vote of a past election is worth nothing."""
    member = LoneMember()
    member.wait(2.1)
    old = member.vote("2")
    member.wait(2.1)
    assert member.group.term == 2
    member.tell(old)
    assert Role.CANDIDATE is member.group.role


@pytest.mark.parametrize("term", [1, 2])
def test_5_2_candidate_yields_to_leader(term: int) -> None:
    """5.2: "If the leader's term is at least as large as the candidate's current term, then the
    candidate recognizes the leader as legitimate and returns to follower state.\"
    """
    member = LoneMember()
    member.wait(2.1)
    member.tell(member.append(term, (0, 0)))
    assert (Role.FOLLOWER, "2", term) == (
        member.group.role,
        member.group.leader,
        member.group.term,
    )


def test_5_2_candidate_ignores_smaller_term() -> None:
    """5.2: "If the term in the RPC is smaller than the candidate's current term, then the
    candidate rejects the RPC and continues in candidate state.\"
    """
    member = LoneMember(term=4)
    member.wait(2.1)
    member.tell(member.append(4, (0, 0), (4,)))
    assert (member.group.role, member.group.term, member.terms()) == (Role.CANDIDATE, 5, [])


def test_5_2_split_vote_times_out_into_a_new_election() -> None:
    """5.2: "each candidate will time out and start a new election by incrementing its term and
    initiating another round of RequestVote RPCs.\"
    """
    member = LoneMember(voters=4)
    member.wait(2.1)
    member.tell(member.vote("2"))
    requests = only(member.wait(2.1), VoteRequest)
    assert [request.term for request in requests] == [2, 2, 2]


def test_5_2_timeouts_are_random() -> None:
    """5.2: "election timeouts are chosen randomly from a fixed interval"; here [1, 2) times the
    option, drawn anew each time.
    """
    member = LoneMember()
    seen = set()
    for _ in range(50):
        member.tell(member.heartbeat(1))
        deadline = member.group.deadline()
        assert deadline is not None
        seen.add(deadline - member.now)
    assert len(seen) > 40
    assert all(1.0 <= timeout <= 2.0 for timeout in seen)
    assert max(seen) - min(seen) > 0.5


def test_5_3_leader_appends_and_sends_to_all() -> None:
    """5.3: "The leader appends the command to its log as a new entry, then issues AppendEntries
    RPCs in parallel to each of the other servers"; figure 2: with prevLogIndex and prevLogTerm.
    """
    member = LoneMember()
    member.win()
    member.tell(member.accept("2", 1), member.accept("3", 1))
    requests = only(member.tell(Propose(1, b"x")), AppendRequest)
    assert [request.target for request in requests] == ["2", "3"]
    for request in requests:
        assert (
            request.previous_index,
            request.previous_term,
            tuple(entry.data for entry in request.entries),
        ) == (1, 1, (b"x",))


def test_5_3_committed_when_on_a_majority() -> None:
    """5.3: "A log entry is committed once the leader that created the entry has replicated it on
    a majority of the servers"; "it applies the entry to its local state machine (in log order)".
    """
    member = LoneMember(voters=5)
    member.wait(2.1)
    member.tell(member.vote("2"), member.vote("3"))
    member.tell(Propose(1, b"x"))
    member.tell(member.accept("2", 2))
    assert member.applied == []
    member.tell(member.accept("3", 2))
    assert [entry.index for entry in member.applied] == [1, 2]


def test_5_3_commit_index_travels_with_entries_and_heartbeats() -> None:
    """5.3: the leader "includes that index in future AppendEntries RPCs (including heartbeats) so
    that the other servers eventually find out.\"
    """
    member = LoneMember()
    member.win()
    sent = member.tell(member.accept("2", 1))
    assert last(sent, AppendRequest).commit == 1
    beats = only(member.wait(0.2), Heartbeat)
    # Not more than the target is known to hold.
    assert {beat.target: beat.commit for beat in beats} == {"2": 1, "3": 0}


def test_5_3_follower_applies_what_is_committed() -> None:
    """5.3: "Once a follower learns that a log entry is committed, it applies the entry to its
    local state machine (in log order).\"
    """
    member = LoneMember()
    member.tell(member.append(1, (0, 0), (1, 1, 1), commit=2))
    assert [entry.index for entry in member.applied] == [1, 2]
    member.tell(member.heartbeat(1, commit=3))
    assert [entry.index for entry in member.applied] == [1, 2, 3]


def test_figure_2_commit_is_bounded_by_the_last_new_entry() -> None:
    """Figure 2, AppendEntries 5: "If leaderCommit > commitIndex, set commitIndex =
    min(leaderCommit, index of last new entry)": entries behind it may be another leader's.
    """
    member = LoneMember(terms=(1, 1, 2))
    member.tell(member.append(3, (1, 1), (1,), commit=3))
    assert [entry.index for entry in member.applied] == [1, 2]


@pytest.mark.parametrize(
    ("previous", "is_rejected"),
    [((0, 0), False), ((1, 1), False), ((2, 2), False), ((2, 1), True), ((3, 2), True)],
)
def test_5_3_consistency_check(previous: tuple[int, int], is_rejected: bool) -> None:
    """5.3: "If the follower does not find an entry in its log with the same index and term, then
    it refuses the new entries.\"
    """
    member = LoneMember(terms=(1, 2))
    reply = last(member.tell(member.append(3, previous)), AppendReply)
    assert is_rejected is reply.is_rejected


@pytest.mark.parametrize(
    ("previous", "sent", "expected"),
    [
        ((2, 2), (3,), (1, 2, 3)),
        ((1, 1), (3, 4), (1, 3, 4)),
        ((0, 0), (1,), (1, 2)),
        ((0, 0), (3,), (3,)),
        ((1, 1), (2,), (1, 2)),
    ],
)
def test_figure_2_conflicts_are_deleted(
    previous: tuple[int, int], sent: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """Figure 2, AppendEntries 3 and 4: "If an existing entry conflicts with a new one (same index
    but different terms), delete the existing entry and all that follow it"; "append any new
    entries not already in the log". Without a conflict nothing is deleted.
    """
    member = LoneMember(terms=(1, 2))
    member.tell(member.append(4, previous, sent))
    assert list(expected) == member.terms()


def test_5_3_leader_steps_back_until_logs_match() -> None:
    """5.3: "After a rejection, the leader decrements nextIndex and retries the AppendEntries RPC.
    Eventually nextIndex will reach a point where the leader and follower logs match."; and by the
    end of the section it skips a term per rejection.
    """
    member = LoneMember(terms=(1, 2, 2, 2, 4))
    member.win()
    first = [r for r in only(member.sent, AppendRequest) if r.target == "3"][-1]
    assert first.previous_index == 5
    rejection = AppendReply(
        source="3", target="1", term=5, index=5, round=0,
        is_rejected=True, hint_index=4, hint_term=1,
    )  # fmt: skip
    retry = last(member.tell(rejection), AppendRequest)
    assert (retry.previous_index, retry.previous_term) == (1, 1)
    assert [entry.term for entry in retry.entries] == [2, 2, 2, 4, 5]


def test_5_3_leader_never_changes_its_own_log() -> None:
    """5.3: "A leader never overwrites or deletes entries in its own log (the Leader Append-Only
    Property).\"
    """
    member = LoneMember(terms=(1, 2, 3))
    member.win()
    assert member.terms() == [1, 2, 3, 4]
    member.tell(Propose(1, b"x"), attrs.evolve(member.append(4, (0, 0), (4,)), term=3))
    assert member.terms() == [1, 2, 3, 4, 4]


@pytest.mark.parametrize(
    ("end", "is_granted"),
    [
        ((2, 2), True),
        ((3, 2), True),
        ((1, 3), True),
        ((1, 2), False),
        ((9, 1), False),
    ],
)
def test_5_4_1_votes_only_for_up_to_date_logs(end: tuple[int, int], is_granted: bool) -> None:
    """5.4.1: "the voter denies its vote if its own log is more up-to-date than that of the
    candidate": the later last term wins, then the longer log.
    """
    member = LoneMember(terms=(1, 2))
    [reply] = only(member.tell(member.vote_request("2", 5, end)), VoteReply)
    assert is_granted is reply.is_granted


def test_5_4_2_only_own_term_is_committed_by_counting() -> None:
    """5.4.2: "Raft never commits log entries from previous terms by counting replicas. Only log
    entries from the leader's current term are committed by counting replicas; once an entry from
    the current term has been committed in this way, then all prior entries are committed
    indirectly.\"
    """
    member = LoneMember(terms=(1, 2), term=3)
    member.win()
    member.tell(member.accept("2", 2), member.accept("3", 2))
    assert member.applied == []
    member.tell(member.accept("2", 3))
    assert [entry.index for entry in member.applied] == [1, 2, 3]


def test_5_5_requests_are_idempotent() -> None:
    """5.5: "if a follower receives an AppendEntries request that includes log entries already
    present in its log, it ignores those entries in the new request.\"
    """
    member = LoneMember()
    request = member.append(1, (0, 0), (1, 1))
    member.tell(request)
    saved_before = sum(bool(ready.entries) for ready in member.readies)
    replies = only(member.tell(request, request), AppendReply)
    assert [reply.index for reply in replies] == [2, 2]
    assert saved_before == sum(bool(ready.entries) for ready in member.readies)
    member.tell(*[attrs.evolve(request, commit=1)] * 3)
    assert [entry.index for entry in member.applied] == [1]


def test_5_5_unanswered_entries_are_sent_again() -> None:
    """5.5: "If a follower or candidate crashes, then future RequestVote and AppendEntries RPCs
    sent to it will fail. Raft handles these failures by retrying indefinitely.\"
    """
    member = LoneMember()
    member.win()
    member.tell(Propose(1, b"x"))
    for _ in range(3):
        member.wait(0.2)
        sent = member.tell(member.beat_back("3", 0))
        assert [entry.term for entry in last(sent, AppendRequest).entries] == [1, 1]


def test_5_6_acceptance_is_durable_before_it_is_sent() -> None:
    """Figure 2: log[] is updated on stable storage before responding; a crash before that costs
    nothing that was promised.
    """
    member = LoneMember()
    member.is_disk_held = True
    assert only(member.tell(member.append(1, (0, 0), (1,))), AppendReply) == []
    assert last(member.finish_disk(), AppendReply).index == 1


def test_chance_is_handed_in() -> None:
    """Two members with equal seeds behave equally: nothing random comes from elsewhere."""
    first, second = LoneMember(), LoneMember()
    assert Random(1).random() == Random(1).random()
    for member in (first, second):
        member.wait(2.1)
        member.tell(member.vote("2"), Propose(1, b"x"), member.accept("3", 2))
    assert first.sent == second.sent
    assert first.group.deadline() == second.group.deadline()
