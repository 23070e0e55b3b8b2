"""What a leader does by the clock: heartbeats, rounds, the check of its quorum, hibernation.

A *round* (see `read_index`) begins with every heartbeat and whenever reads wait. Its number goes
out with entries as well, so members that get entries need no heartbeat for it.
"""

from __future__ import annotations

from cluster.raft import quorum
from cluster.raft.messages import HeartbeatReply, ReadReply, ReadRequest
from cluster.raft.read_index import PendingRead
from cluster.raft.ready import Refusal
from cluster.raft.replication import resume, send_heartbeat, send_pending
from cluster.raft.state import GroupState


def flush(state: GroupState) -> None:
    """Send what gathered since the last time: entries, news of commits, a round for reads."""
    has_round = bool(state.reads.waiting) and state.is_own_term_committed()
    if has_round:
        _begin_round(state)
    for node in state.others():
        is_sent = state.is_broadcast_wanted and send_pending(state, node)
        if has_round and not is_sent:
            send_heartbeat(state, node)
    state.is_broadcast_wanted = False
    if has_round:
        confirm_rounds(state)


def beat(state: GroupState) -> None:
    """Do what is due: give a transfer up, check the quorum, fall silent or send heartbeats."""
    if state.transfer_to is not None and state.now >= state.transfer_until:
        state.transfer_to = None
    if state.options.is_check_quorum and state.now >= state.check_quorum_at:
        if not _has_active_quorum(state):
            state.become_follower(state.term, None)
            return
        for progress in state.progress.values():
            progress.start_activity_check()
        state.check_quorum_at = state.now + state.options.election_timeout_s
    if _may_hibernate(state):
        for node in state.others():
            send_heartbeat(state, node, is_hibernating=True)
        state.is_hibernating = True
        return
    _begin_round(state)
    for node in state.others():
        send_heartbeat(state, node)
    confirm_rounds(state)
    state.timer = state.now + state.options.heartbeat_interval_s


def _begin_round(state: GroupState) -> None:
    with_reads = state.is_own_term_committed()
    state.reads.begin_round(state.log.commit, state.now, with_reads=with_reads)


def _has_active_quorum(state: GroupState) -> bool:
    seen = {
        node: node == state.node or progress.is_recently_active
        for node, progress in state.progress.items()
    }
    return quorum.vote_result(state.configuration, seen) is quorum.VoteResult.WON


def confirm_rounds(state: GroupState) -> None:
    """Answer the reads whose round a majority has answered."""
    progress, current = state.progress, state.reads.round

    def round_of(node: str) -> int:
        if node == state.node:
            return current
        return progress[node].acknowledged_round

    for confirmed in state.reads.confirm(quorum.reached(state.configuration, round_of)):
        answer_read(state, confirmed.read, confirmed.index)


def answer_read(state: GroupState, read: PendingRead, index: int) -> None:
    """Give the index of a read to whoever asked, here or on another node."""
    if read.source is None:
        state.confirm(read, index)
    else:
        state.send(ReadReply(source=state.node, target=read.source, token=read.token, index=index))


def has_lease(state: GroupState) -> bool:
    """Whether no other leader can exist now, if clocks drift no more than the options say.

    A majority answered a round that began at `lease_from`; each of them refuses votes for an
    election timeout from when it heard of the round, which was later.
    """
    options, begun = state.options, state.reads.lease_from
    if not options.is_lease_reads or state.is_lease_void or begun is None:
        return False
    return state.now < begun + options.election_timeout_s - options.clock_drift_s_max


def read(state: GroupState, pending: PendingRead) -> None:
    """Answer a read by the lease, or let it wait for a round."""
    state.active_at = state.now
    if has_lease(state) and state.is_own_term_committed():
        answer_read(state, pending, state.log.commit)
    elif len(state.reads) < state.options.reads_max:
        state.reads.waiting.append(pending)
    elif pending.source is None:
        state.refuse(pending.token, Refusal.OVERLOADED)


def take_read_request(state: GroupState, message: ReadRequest) -> None:
    """Serve a follower's read."""
    read(state, PendingRead(message.token, message.source))


def take_heartbeat_reply(state: GroupState, message: HeartbeatReply) -> None:
    """Count the answer for its round, and go on with a member that had stopped."""
    progress = state.progress.get(message.source)
    if progress is None:
        return
    progress.record_activity(message.round)
    resume(state, message.source)


def wake(state: GroupState) -> None:
    """Leave hibernation: show up at once, and let nobody's agreed silence count against it."""
    state.is_hibernating = False
    state.active_at = state.timer = state.now
    state.check_quorum_at = state.now + state.options.election_timeout_s
    for progress in state.progress.values():
        progress.assume_active()
    beat(state)


def _may_hibernate(state: GroupState) -> bool:
    """Whether everybody holds everything, nobody asks for anything, and that for long enough."""
    after_s, log = state.options.hibernate_after_s, state.log
    if after_s is None or state.now - state.active_at < after_s:
        return False
    if log.applied != log.last_index or state.configuration.is_joint:
        return False
    if len(state.reads) or state.transfer_to is not None:
        return False
    return all(progress.match == log.last_index for progress in state.progress.values())
