"""What a leader does with proposals and with the answers of its followers (5.3, 5.4, 6).

A leader never replaces or removes an entry of its log (Leader Append-Only), and commits by
counting only entries of its own term (5.4.2).
"""

from __future__ import annotations

from cluster.errors import MembershipChangeError
from cluster.raft.configuration import Configuration, NodeId
from cluster.raft.entries import Entry, EntryKind
from cluster.raft.events import ChangeMembership, Propose, SnapshotReported
from cluster.raft.membership_change import leave_joint, next_configuration
from cluster.raft.messages import AppendReply, ForwardedProposal, TimeoutNow
from cluster.raft.progress import ProgressState
from cluster.raft.ready import Accepted, Refusal
from cluster.raft.replication import send_append, send_pending
from cluster.raft.state import GroupState


def lead(state: GroupState) -> None:
    """Take over: an empty entry of the own term commits what earlier terms left (section 8)."""
    state.become_leader()
    append(state, kind=EntryKind.EMPTY)


def append(
    state: GroupState,
    *,
    kind: EntryKind,
    data: bytes = b"",
    configuration: Configuration | None = None,
) -> int:
    """Append one entry to the leader's log and return its index.

    The entry counts for this node itself once it is saved: `count_own_entries`.
    """
    index = state.log.last_index + 1
    entry = Entry(index, state.term, data, kind, configuration)
    state.log.append((entry,))
    state.uncommitted_bytes += entry.size_bytes
    state.is_broadcast_wanted = True
    state.active_at = state.now
    if configuration is not None:
        state.history.append(index, configuration)
        state.configure_progress()
    return index


def propose(state: GroupState, request: Propose) -> None:
    """Append a command, or say why not."""
    reason = _reason_against_command(state)
    if reason is not None:
        state.refuse(request.token, reason)
        return
    index = append(state, kind=EntryKind.COMMAND, data=request.data)
    state.accepted.append(Accepted(request.token, index, state.term))


def take_forwarded(state: GroupState, message: ForwardedProposal) -> None:
    """Append a command of another node's user; refused ones are lost, as messages may be."""
    if _reason_against_command(state) is None:
        append(state, kind=EntryKind.COMMAND, data=message.data)


def _reason_against_command(state: GroupState) -> Refusal | None:
    if state.transfer_to is not None:
        return Refusal.TRANSFERRING
    if state.uncommitted_bytes >= state.options.uncommitted_bytes_max:
        return Refusal.OVERLOADED
    return None


def change_membership(state: GroupState, change: ChangeMembership) -> None:
    """Append a new configuration, which is in force at once (section 6).

    The last one must be committed, and so must an entry of this term: otherwise two leaders could
    each make a change from the same beginning, with majorities that do not meet.
    """
    if state.transfer_to is not None:
        state.refuse(change.token, Refusal.TRANSFERRING)
    elif state.history.index > state.log.commit:
        state.refuse(change.token, Refusal.CHANGE_IN_PROGRESS)
    elif not state.is_own_term_committed():
        state.refuse(change.token, Refusal.NOT_READY)
    else:
        try:
            target = next_configuration(state.configuration, change)
        except MembershipChangeError as error:
            state.refuse(change.token, Refusal.INVALID_CHANGE, str(error))
            return
        index = append(state, kind=EntryKind.CONFIGURATION, configuration=target)
        state.accepted.append(Accepted(change.token, index, state.term))


def count_own_entries(state: GroupState) -> None:
    """Take in that entries of this leader became durable on its own disk."""
    own = state.progress.get(state.node)
    if own is not None and own.acknowledge(state.log.saved_index):
        advance_commit(state)


def advance_commit(state: GroupState) -> None:
    """Commit what a majority holds, if it is of the own term (5.4.2), and act on it."""
    index = state.matched()
    if index <= state.log.commit or state.log.term_at(index) != state.term:
        return
    state.log.commit_to(index)
    state.is_broadcast_wanted = True
    if state.history.index > index:
        return
    if state.configuration.is_joint and state.configuration.is_auto_leave:
        target = leave_joint(state.configuration)
        append(state, kind=EntryKind.CONFIGURATION, configuration=target)
    elif not state.configuration.is_voter(state.node):
        # "The leader steps down once it has committed the log entry": others learn it first.
        for node in state.others():
            send_pending(state, node)
        state.become_follower(state.term, None)


def take_append_reply(state: GroupState, message: AppendReply) -> None:
    """Follow what a member now holds, and send it what comes next."""
    node = message.source
    progress = state.progress.get(node)
    if progress is None:
        return
    progress.record_activity(message.round)
    if message.is_rejected:
        hint, _ = (
            state.log.last_possible_match(message.hint_index, message.hint_term)
            if message.hint_term
            else (message.hint_index, 0)
        )
        if progress.reject(message.index, hint):
            send_append(state, node, is_empty_allowed=True)
        return
    was_paused = progress.is_paused
    is_news = progress.acknowledge(message.index)
    if not is_news and progress.state is not ProgressState.PROBE:
        return
    if message.index >= progress.match:
        _stream_if_matched(state, node)
    if is_news:
        advance_commit(state)
        if node not in state.progress:
            return  # leadership or the member ended with this commit
    if was_paused or progress.next <= state.log.last_index:
        send_pending(state, node)
    _hand_over_if_matched(state, node)


def _stream_if_matched(state: GroupState, node: NodeId) -> None:
    progress = state.progress[node]
    if progress.state is ProgressState.PROBE:
        progress.become_replicate()
    elif progress.state is ProgressState.SNAPSHOT and progress.match + 1 >= state.log.first_index:
        # What it lacks is in the log again, whether the snapshot brought it there or not.
        progress.become_replicate()


def transfer(state: GroupState, target: NodeId) -> None:
    """Begin to hand leadership over; proposals are refused until it is done or given up."""
    if target == state.node or not state.configuration.is_voter(target):
        return
    state.transfer_to = target
    state.transfer_until = state.now + state.options.election_timeout_s
    state.active_at = state.now
    if not _hand_over_if_matched(state, target):
        send_append(state, target, is_empty_allowed=True)


def _hand_over_if_matched(state: GroupState, node: NodeId) -> bool:
    if state.transfer_to != node or state.progress[node].match < state.log.last_index:
        return False
    # It will campaign against the lease, now or whenever the message arrives.
    state.is_lease_void = True
    state.send(TimeoutNow(source=state.node, target=node, term=state.term))
    return True


def take_unreachable(state: GroupState, node: NodeId) -> None:
    """Stop streaming to a member whose messages get lost."""
    progress = state.progress.get(node)
    if progress is not None and progress.state is ProgressState.REPLICATE:
        progress.become_probe()


def take_snapshot_report(state: GroupState, report: SnapshotReported) -> None:
    """Go on behind a snapshot that was handed over, or try again later."""
    progress = state.progress.get(report.node)
    if progress is None or progress.state is not ProgressState.SNAPSHOT:
        return
    if report.is_delivered:
        progress.become_probe()
    else:
        progress.fail_snapshot()
