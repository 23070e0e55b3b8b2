"""What a follower does with what its leader sends (5.3, 7), and with requests of its own users.

Every function here is called with a message of the current term, from the leader of that term.
"""

from __future__ import annotations

from cluster.raft.events import Propose
from cluster.raft.messages import (
    AppendReply,
    AppendRequest,
    ForwardedProposal,
    Heartbeat,
    HeartbeatReply,
    ReadReply,
    ReadRequest,
    SnapshotRequest,
)
from cluster.raft.ready import ReadState, Refusal, Role
from cluster.raft.state import GroupState


def follow(state: GroupState, leader: str) -> None:
    """Accept the sender as leader of the current term (5.2: candidates give up)."""
    assert state.role is not Role.LEADER, f"two leaders in term {state.term}: {leader}"
    if state.role is not Role.FOLLOWER or state.leader != leader:
        assert state.leader in (None, leader), (state.leader, leader)
        state.become_follower(state.term, leader)
    state.hear_leader()


def take_append(state: GroupState, message: AppendRequest) -> None:
    """Append what the leader sends if our logs match before it (figure 2, AppendEntries)."""
    follow(state, message.source)
    log = state.log
    if message.previous_index < log.commit:
        # What is committed matches; the leader learns that it may start behind it.
        _accept(state, message.source, log.commit, message.round)
        return
    if log.term_at(message.previous_index) != message.previous_term:
        _reject(state, message)
        return
    position = log.find_conflict(message.entries)
    if position is not None:
        new = message.entries[position:]
        state.history.truncate(new[0].index)
        log.append(new)
        for entry in new:
            if entry.configuration is not None:
                state.history.append(entry.index, entry.configuration)
    # Entries of ours behind the message may still be another leader's: they are not committed.
    last_new = message.previous_index + len(message.entries)
    log.commit_to(min(message.commit, last_new))
    _accept(state, message.source, last_new, message.round)


def _accept(state: GroupState, leader: str, index: int, round_number: int) -> None:
    state.send_after_save(
        AppendReply(
            source=state.node, target=leader, term=state.term, index=index, round=round_number
        )
    )


def _reject(state: GroupState, message: AppendRequest) -> None:
    hint_index, hint_term = state.log.last_possible_match(
        message.previous_index, message.previous_term
    )
    state.send_after_save(
        AppendReply(
            source=state.node,
            target=message.source,
            term=state.term,
            index=message.previous_index,
            round=message.round,
            is_rejected=True,
            hint_index=hint_index,
            hint_term=hint_term,
        )
    )


def take_heartbeat(state: GroupState, message: Heartbeat) -> None:
    """Note the leader's sign of life, and fall silent with it when there is nothing to do."""
    follow(state, message.source)
    log = state.log
    log.commit_to(min(message.commit, log.last_index))
    if message.is_hibernating and message.commit == log.last_index:
        # An answer would wake the leader.
        state.is_hibernating = True
        return
    reply = HeartbeatReply(
        source=state.node, target=message.source, term=state.term, round=message.round
    )
    # Only a term that is not durable yet makes the answer wait; entries do not.
    if state.saved.term == state.term:
        state.send(reply)
    else:
        state.send_after_save(reply)


def take_snapshot(state: GroupState, message: SnapshotRequest) -> None:
    """Install a snapshot, or say that the log already holds what it stands for (7)."""
    follow(state, message.source)
    log, snapshot = state.log, message.snapshot
    if snapshot.index > log.commit:
        if log.term_at(snapshot.index) == snapshot.term:
            # "If existing log entry has same index and term, retain log entries following it."
            log.commit_to(snapshot.index)
        else:
            log.restore(snapshot)
            state.history.restart(snapshot.index, snapshot.configuration)
    _accept(state, message.source, log.commit, message.round)


def forward_proposal(state: GroupState, request: Propose) -> None:
    """Send a command on to the leader, or refuse it."""
    if state.leader is None:
        state.refuse(request.token, Refusal.NO_LEADER)
    elif not state.options.is_forwarding:
        state.refuse(request.token, Refusal.NOT_LEADER)
    else:
        state.send(ForwardedProposal(source=state.node, target=state.leader, data=request.data))


def forward_read(state: GroupState, token: int) -> None:
    """Ask the leader for the index of a read."""
    if state.leader is None:
        state.refuse(token, Refusal.NO_LEADER)
    else:
        state.send(ReadRequest(source=state.node, target=state.leader, token=token))


def take_read_reply(state: GroupState, message: ReadReply) -> None:
    """Hand the answer of whoever led when the read was confirmed to the asker."""
    state.confirmed.append(ReadState(message.token, message.index))
