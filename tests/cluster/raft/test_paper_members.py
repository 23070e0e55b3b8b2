"""One test per sentence of sections 6, 7 and 8 of the Raft paper, and of the thesis, quoted.

Figure 2 and section 5 are in test_paper.py.
"""

from __future__ import annotations

import attrs

from cluster.raft import (
    Campaign,
    ChangeMembership,
    Configuration,
    Propose,
    RaftOptions,
    Read,
    Role,
    Snapshot,
)
from cluster.raft.messages import (
    AppendReply,
    AppendRequest,
    Heartbeat,
    SnapshotRequest,
    VoteReply,
    VoteRequest,
)
from tests.sim.raft_member import PLAIN, LoneMember, last, only


def test_6_newest_configuration_is_used_before_its_commit() -> None:
    """6: "Once a given server adds the new configuration entry to its log, it uses that
    configuration for all future decisions (a server always uses the latest configuration in its
    log, regardless of whether the entry is committed).\"
    """
    member = LoneMember()
    member.win()
    member.tell(member.accept("2", 1))
    member.tell(ChangeMembership(token=1, voters=("4", "5"), removed=("2", "3")))
    assert frozenset({"1", "4", "5"}) == member.group.configuration.voters
    assert frozenset({"1", "2", "3"}) == member.group.configuration.outgoing


def test_6_replaced_configuration_is_taken_back() -> None:
    """6, follows from the rule above: a follower whose configuration entry is replaced goes back
    to the one before it.
    """
    member = LoneMember()
    request = member.append(1, (0, 0), (1, 1))
    joint = Configuration(voters=frozenset("45"), outgoing=frozenset("123"), is_auto_leave=True)
    entries = (request.entries[0], attrs.evolve(request.entries[1], configuration=joint))
    member.tell(attrs.evolve(request, entries=entries))
    assert joint == member.group.configuration
    member.tell(member.append(2, (1, 1), (2,)))
    assert Configuration.of("1", "2", "3") == member.group.configuration


def test_6_joint_consensus_needs_both_majorities() -> None:
    """6: "Agreement (for elections and entry commitment) requires separate majorities from both
    the old and new configurations.\"
    """
    member = LoneMember()
    member.win()
    member.tell(member.accept("2", 1))
    member.tell(ChangeMembership(token=1, voters=("4", "5"), removed=("2", "3")))
    member.tell(member.accept("4", 2), member.accept("5", 2))
    assert len(member.applied) == 1
    member.tell(member.accept("3", 2))
    assert len(member.applied) == 2


def test_6_new_configuration_follows_the_joint_one() -> None:
    """6: "Once C_old,new has been committed, ... it is now safe for the leader to create a log
    entry describing C_new and replicate it to the cluster.\"
    """
    member = LoneMember()
    member.win()
    member.tell(member.accept("2", 1))
    member.tell(ChangeMembership(token=1, voters=("4", "5"), removed=("2", "3")))
    member.tell(*(member.accept(node, 2) for node in "245"))
    assert Configuration.of("1", "4", "5") == member.group.configuration
    assert member.disk.last_index == 3


def test_6_leader_outside_the_new_configuration_steps_down() -> None:
    """6: "the leader steps down (returns to follower state) once it has committed the C_new log
    entry. ... it does not count itself in majorities.\"
    """
    member = LoneMember()
    member.win()
    member.tell(member.accept("2", 1))
    member.tell(ChangeMembership(token=1, removed=("1",)))
    member.tell(member.accept("2", 2))
    assert Role.LEADER is member.group.role
    member.tell(member.accept("3", 2))
    assert Role.FOLLOWER is member.group.role


def test_6_learners_do_not_count() -> None:
    """6: new servers join "as non-voting members (the leader replicates log entries to them, but
    they are not considered for majorities).\"
    """
    member = LoneMember(voters=2)
    member.win()
    member.tell(member.accept("2", 1))
    member.tell(ChangeMembership(token=1, learners=("3",)))
    member.tell(member.accept("2", 2), Propose(2, b"x"))
    assert "3" in {request.target for request in only(member.sent, AppendRequest)}
    member.tell(member.accept("3", 3))
    assert len(member.applied) == 2
    member.tell(member.accept("2", 3))
    assert len(member.applied) == 3


def test_6_votes_are_refused_while_a_leader_is_heard() -> None:
    """6: "if a server receives a RequestVote RPC within the minimum election timeout of hearing
    from a current leader, it does not update its term or grant its vote.\"
    """
    member = LoneMember(options=RaftOptions(is_pre_vote=False))
    member.tell(member.heartbeat(1))
    member.now += 0.9
    assert member.tell(member.vote_request("3", 5, (9, 1))) == []
    assert member.group.term == 1
    member.now += 0.2
    [reply] = only(member.tell(member.vote_request("3", 5, (9, 1))), VoteReply)
    assert reply.is_granted


def test_7_follower_installs_a_snapshot() -> None:
    """7: the snapshot "will contain new information not already in the recipient's log. In this
    case, the follower discards its entire log."
    """
    member = LoneMember(terms=(1, 1))
    snapshot = Snapshot(5, 2, Configuration.of("1", "2"))
    request = SnapshotRequest(source="2", target="1", term=3, snapshot=snapshot, round=1)
    reply = last(member.tell(request), AppendReply)
    assert (reply.index, reply.is_rejected) == (5, False)
    assert (member.disk.first_index, member.disk.last_index) == (6, 5)
    assert snapshot.configuration == member.group.configuration


def test_7_snapshot_of_a_known_prefix_keeps_what_follows() -> None:
    """7: "If instead the follower receives a snapshot that describes a prefix of its log, then
    log entries covered by the snapshot are deleted but entries following the snapshot are still
    valid and must be retained." (They are deleted by whoever compacts, not by the core.)
    """
    member = LoneMember(terms=(1, 1, 2))
    snapshot = Snapshot(2, 1, Configuration.of("1", "2", "3"))
    member.tell(SnapshotRequest(source="2", target="1", term=3, snapshot=snapshot, round=1))
    assert member.terms() == [1, 1, 2]
    assert [entry.index for entry in member.applied] == [1, 2]


def test_8_new_leader_commits_an_empty_entry() -> None:
    """8: "Raft handles this by having each leader commit a blank no-op entry into the log at the
    start of its term.\"
    """
    member = LoneMember(terms=(1,))
    member.win()
    [entry] = last(member.sent, AppendRequest).entries
    assert (entry.data, entry.term, entry.index) == (b"", 2, 2)


def test_8_reads_wait_for_a_round_and_an_own_commit() -> None:
    """8: a leader must "check whether it has been deposed before processing a read-only request
    ... by having the leader exchange heartbeat messages with a majority of the cluster", and
    "must have the latest information on which entries are committed".
    """
    member = LoneMember()
    member.win()
    member.tell(Read(7))
    member.wait(0.2)
    member.tell(member.beat_back("2", 1))
    assert member.readies[-1].reads == ()  # nothing of its own term is committed
    sent = member.tell(member.accept("2", 1))
    last_round = max(beat.round for beat in only(sent, Heartbeat))
    assert not any(ready.reads for ready in member.readies)
    member.tell(member.beat_back("2", last_round))
    assert [(r.token, r.index) for ready in member.readies for r in ready.reads] == [(7, 1)]


def test_thesis_9_6_pre_vote_leaves_no_trace() -> None:
    """Thesis 9.6: in the Pre-Vote phase a candidate "only increments its term if it first learns
    from a majority of the cluster that they would be willing to grant the candidate their votes".
    """
    options = attrs.evolve(PLAIN, is_pre_vote=True)
    member = LoneMember(term=4, options=options)
    [first, _] = only(member.wait(2.1), VoteRequest)
    assert (first.term, first.is_pre, member.group.term) == (5, True, 4)
    member.tell(VoteReply(source="2", target="1", term=5, is_granted=True, is_pre=True))
    assert (member.group.role, member.group.term) == (Role.CANDIDATE, 5)


def test_thesis_4_2_2_leaving_node_may_campaign() -> None:
    """Thesis 4.2.2: a server that is not part of its own latest configuration "should still start
    new elections, as it might still be needed until the C_new entry is committed".
    """
    member = LoneMember(voters=2)
    member.win()
    member.tell(member.accept("2", 1), ChangeMembership(token=1, removed=("1",)))
    member.start()
    member.tell(Campaign())
    assert Role.CANDIDATE is member.group.role
