from __future__ import annotations

import pytest

from cluster.raft import Propose, Role
from tests.sim.raft_member import LoneMember


def test_a_learned_term_does_not_restart_a_followers_timer() -> None:
    """Who cannot win an election must not keep those who can from starting one."""
    member = LoneMember(terms=(1, 2))
    before = member.group.deadline()
    member.now += 0.5
    member.tell(member.vote_request("3", 9, (1, 1)))
    assert (member.group.term, member.group.deadline()) == (9, before)


def test_granting_a_vote_restarts_the_timer() -> None:
    """Figure 2: the timer runs "without ... granting vote to candidate"."""
    member = LoneMember()
    member.now += 0.9
    member.tell(member.vote_request("3", 9, (0, 0)))
    deadline = member.group.deadline()
    assert deadline is not None
    assert deadline >= member.now + 1.0


def test_the_end_of_a_leadership_leaves_nothing_behind() -> None:
    """Progress, reads and limits belong to one leadership."""
    member = LoneMember()
    member.win()
    member.tell(Propose(1, b"x"))
    member.tell(member.append(9, (0, 0)))
    state = member.group._state
    assert member.group.role is Role.FOLLOWER
    assert (state.progress, len(state.reads), state.uncommitted_bytes) == ({}, 0, 0)
    state.check_invariants()


def test_terms_never_fall() -> None:
    """Going back a term is our own mistake, whatever led to it."""
    member = LoneMember(term=4)
    with pytest.raises(AssertionError):
        member.group._state.become_follower(3, None)
