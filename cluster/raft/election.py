"""Campaigns and votes (5.2, 5.4.1; pre-vote after thesis 9.6, transfer after thesis 3.10)."""

from __future__ import annotations

from cluster.raft import quorum
from cluster.raft.leading import lead
from cluster.raft.messages import TimeoutNow, VoteReply, VoteRequest
from cluster.raft.ready import Role
from cluster.raft.state import GroupState


def campaign(state: GroupState, *, is_transfer: bool = False) -> None:
    """Start an election, with a pre-vote where the options ask for it.

    A leader, a learner, a removed node and a node that waits for a snapshot do nothing but wait.
    """
    if state.role is Role.LEADER:
        return
    if not state.may_campaign:
        state.restart_election_timer()
        return
    is_alone = state.configuration.members() == [state.node]
    if state.options.is_lease_reads and state.has_heard_leader() and not (is_transfer or is_alone):
        return  # the leader counts on this node to wait
    if state.options.is_pre_vote and not is_transfer:
        state.become_pre_candidate()
        _ask(state, state.term + 1, is_pre=True, is_transfer=False)
        # Asking oneself leaves nothing to remember, so nothing to wait for.
        count_vote(state, state.node, is_granted=True)
    else:
        _campaign_for_real(state, is_transfer=is_transfer)


def _campaign_for_real(state: GroupState, *, is_transfer: bool) -> None:
    state.become_candidate()
    # The own vote counts when it is durable: core calls `count_vote` when it was saved.
    _ask(state, state.term, is_pre=False, is_transfer=is_transfer)


def _ask(state: GroupState, term: int, *, is_pre: bool, is_transfer: bool) -> None:
    for node in state.others():
        if not state.configuration.is_voter(node):
            continue
        request = VoteRequest(
            source=state.node,
            target=node,
            term=term,
            last_index=state.log.last_index,
            last_term=state.log.last_term,
            is_pre=is_pre,
            is_transfer=is_transfer,
        )
        # A pre-vote counts nothing, so it may speak of entries that are being saved.
        if is_pre:
            state.send(request)
        else:
            state.send_after_save(request)


def answer_vote_request(state: GroupState, message: VoteRequest) -> None:
    """Grant or refuse a vote; the request's term is not lower than ours (but for a pre-vote)."""
    is_free = (
        state.vote == message.source
        or (state.vote is None and state.leader is None)
        or (message.is_pre and message.term > state.term)
    )
    is_granted = is_free and state.log.is_up_to_date(message.last_index, message.last_term)
    reply = VoteReply(
        source=state.node,
        target=message.source,
        # A granted pre-vote speaks of the term to be, a refused one of the term that is.
        term=message.term if is_granted else state.term,
        is_granted=is_granted,
        is_pre=message.is_pre,
    )
    if message.is_pre:
        state.send(reply)
        return
    if is_granted:
        state.vote = message.source
        state.restart_election_timer()
    state.send_after_save(reply)


def take_vote_reply(state: GroupState, message: VoteReply) -> None:
    """Count a vote that belongs to the election under way."""
    expected = Role.PRE_CANDIDATE if message.is_pre else Role.CANDIDATE
    if state.role is expected:
        count_vote(state, message.source, is_granted=message.is_granted)


def count_vote(state: GroupState, node: str, *, is_granted: bool) -> None:
    """Count a vote, the first one of each node, and act when the election is decided."""
    state.votes.setdefault(node, is_granted)
    result = quorum.vote_result(state.configuration, state.votes)
    if result is quorum.VoteResult.LOST:
        state.become_follower(state.term, None)
    elif result is quorum.VoteResult.WON:
        if state.role is Role.PRE_CANDIDATE:
            _campaign_for_real(state, is_transfer=False)
        else:
            lead(state)


def take_timeout_now(state: GroupState, message: TimeoutNow) -> None:
    """Campaign because the leader asks for it; no pre-vote, since leases do not stand."""
    del message
    if state.role is Role.FOLLOWER:
        campaign(state, is_transfer=True)
