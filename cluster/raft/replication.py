"""How a leader brings one follower up to date: entries, heartbeats, snapshots.

Nothing here decides *whether* something is committed; that is `leading`.
"""

from __future__ import annotations

from cluster.errors import LogCompactedError
from cluster.raft.configuration import NodeId
from cluster.raft.messages import AppendRequest, Heartbeat, SnapshotRequest
from cluster.raft.progress import Progress, ProgressState
from cluster.raft.state import GroupState


def send_append(state: GroupState, node: NodeId, *, is_empty_allowed: bool) -> bool:
    """Send what the member lacks, as far as its window allows.

    A message without entries goes out when the commit index is news for the member, or when the
    caller wants to find out whether earlier messages were lost.

    Returns:
        Whether anything was sent.
    """
    progress = state.progress[node]
    if progress.is_paused:
        return False
    log = state.log
    previous = progress.next - 1
    previous_term = log.term_at(previous)
    if previous_term is None:
        return send_snapshot(state, node)
    try:
        entries = tuple(log.entries(progress.next, state.options.append_bytes_max))
    except LogCompactedError:
        return send_snapshot(state, node)
    if not (entries or is_empty_allowed or progress.told_commit < log.commit):
        return False
    state.send(
        AppendRequest(
            source=state.node,
            target=node,
            term=state.term,
            previous_index=previous,
            previous_term=previous_term,
            entries=entries,
            commit=log.commit,
            round=state.reads.round,
        )
    )
    progress.record_sent(len(entries), sum(entry.size_bytes for entry in entries), log.commit)
    return True


def send_snapshot(state: GroupState, node: NodeId) -> bool:
    """Send the newest snapshot to a member whose entries are gone (section 7).

    A member that was silent since the last check of the quorum gets none: the data is large, and
    it would be for nobody.
    """
    progress = state.progress[node]
    if not progress.is_recently_active:
        return False
    snapshot = state.log.stable_snapshot()
    assert snapshot.index > progress.match, (snapshot, progress.match)
    progress.become_snapshot(snapshot.index, state.now)
    state.send(
        SnapshotRequest(
            source=state.node,
            target=node,
            term=state.term,
            snapshot=snapshot,
            round=state.reads.round,
        )
    )
    return True


def send_heartbeat(state: GroupState, node: NodeId, *, is_hibernating: bool = False) -> None:
    """Send a sign of life. Its commit index is bounded by what the member is known to hold."""
    commit = min(state.progress[node].match, state.log.commit)
    state.send(
        Heartbeat(
            source=state.node,
            target=node,
            term=state.term,
            commit=commit,
            round=state.reads.round,
            is_hibernating=is_hibernating,
        )
    )


def send_pending(state: GroupState, node: NodeId) -> bool:
    """Send all that the window allows, in as many messages as it takes.

    Returns:
        Whether anything was sent.
    """
    is_sent = False
    while send_append(state, node, is_empty_allowed=False):
        is_sent = True
    return is_sent


def resume(state: GroupState, node: NodeId) -> None:
    """After a sign of life of a member: go on where sending had stopped."""
    progress: Progress = state.progress[node]
    if progress.state is ProgressState.SNAPSHOT:
        if state.now - progress.snapshot_sent_at < state.options.snapshot_timeout_s:
            return
        progress.fail_snapshot()
    progress.resume()
    if progress.match < state.log.last_index or progress.state is ProgressState.PROBE:
        # Empty where nothing is new: its answer tells whether earlier messages were lost.
        send_append(state, node, is_empty_allowed=True)
