from __future__ import annotations

import attrs

from cluster.raft import Campaign, Configuration, RaftOptions, Role
from cluster.raft.messages import TimeoutNow, VoteReply, VoteRequest
from tests.sim.raft_member import PLAIN, LoneMember, only

PRE_VOTE = attrs.evolve(PLAIN, is_pre_vote=True)


def test_own_vote_counts_when_it_is_durable() -> None:
    """A candidate that crashes may forget the term; it must not have led it."""
    member = LoneMember(voters=1)
    member.is_disk_held = True
    member.tell(Campaign())
    assert member.group.role is Role.CANDIDATE
    member.finish_disk()
    assert member.group.role is Role.LEADER


def test_votes_of_others_before_the_own_one() -> None:
    """The order in which a majority comes together does not matter."""
    member = LoneMember(voters=3)
    member.is_disk_held = True
    member.tell(Campaign())
    member.tell(member.vote("2"))
    assert member.group.role is Role.CANDIDATE
    member.finish_disk()
    assert member.group.role is Role.LEADER


def test_a_lost_election_ends_at_once() -> None:
    """When a majority has refused, waiting for the rest is useless."""
    member = LoneMember()
    member.wait(2.1)
    member.tell(member.vote("2", granted=False), member.vote("3", granted=False))
    assert (member.group.role, member.group.term) == (Role.FOLLOWER, 1)


def test_a_pre_vote_is_judged_like_a_vote_and_leaves_nothing() -> None:
    """Log and term are compared; neither term nor vote nor timer change."""
    member = LoneMember(terms=(1, 2), options=PRE_VOTE)
    before = (member.hard_state, member.group.deadline())
    asked = [((2, 2), 3, True), ((1, 1), 3, False), ((2, 2), 2, False)]
    for end, term, is_granted in asked:
        request = attrs.evolve(member.vote_request("3", term, end), is_pre=True)
        [reply] = only(member.tell(request), VoteReply)
        assert (reply.is_granted, reply.is_pre) == (is_granted or term == 2, True)
        assert reply.term == (term if reply.is_granted else 2)
    assert (member.hard_state, member.group.deadline()) == before


def test_a_refused_pre_vote_of_a_higher_term_is_learned_from() -> None:
    """Who asks with an old term must catch up before it can be elected."""
    member = LoneMember(term=2, options=PRE_VOTE)
    member.wait(2.1)
    reply = VoteReply(source="2", target="1", term=7, is_granted=False, is_pre=True)
    member.tell(reply)
    assert (member.group.role, member.group.term) == (Role.FOLLOWER, 7)


def test_learners_and_strangers_do_not_campaign() -> None:
    """Neither by time nor on request; nor do they wait for anything."""
    for configuration in (Configuration.of("2", learners=("1",)), Configuration.of("2", "3")):
        member = LoneMember()
        member.disk.install(attrs.evolve(member.disk.snapshot(), configuration=configuration))
        member.start()
        assert member.group.deadline() is None
        assert member.tell(Campaign()) == []
        assert member.group.role is Role.FOLLOWER


def test_learners_are_not_asked() -> None:
    """Only voters decide, so only they are asked."""
    member = LoneMember()
    members = Configuration.of("1", "2", learners=("3",))
    member.disk.install(attrs.evolve(member.disk.snapshot(), configuration=members))
    member.start()
    assert [r.target for r in only(member.wait(2.1), VoteRequest)] == ["2"]


def test_timeout_now_skips_the_pre_vote() -> None:
    """Thesis 3.10: the leader itself asked for this election, so leases do not stand."""
    member = LoneMember(options=RaftOptions())
    member.tell(member.heartbeat(1))
    requests = only(member.tell(TimeoutNow(source="2", target="1", term=1)), VoteRequest)
    assert [(r.term, r.is_pre, r.is_transfer) for r in requests] == [(2, False, True)] * 2


def test_with_leases_nobody_campaigns_against_a_living_leader() -> None:
    """A lease is a promise not to start an election either, unless one is alone."""
    leased = RaftOptions(is_lease_reads=True)
    member = LoneMember(options=leased)
    assert member.tell(Campaign()) == []
    alone = LoneMember(voters=1, options=leased)
    alone.tell(Campaign())
    assert alone.group.role is Role.LEADER
