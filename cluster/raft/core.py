"""One member of a Raft group as a state machine without input and output.

After "In Search of an Understandable Consensus Algorithm (Extended Version)" (Ongaro, Ousterhout
2014), with what Ongaro's thesis adds (pre-vote, leadership transfer, ReadIndex, leases) and the
shape of etcd's `RawNode`: events go in, one `Ready` comes out that says what to save, send and
apply, and in which order (`cluster/raft/ready.py`).

    group = RaftGroup(node, options, stable_log, hard_state=..., random=..., now=...)
    group.handle(event, now)          # a message or a request, any number of them
    for ready in group.take(): ...    # at most one

What each file holds: `state` term, vote and role; `election`, `following`, `leading` and
`heartbeats` the behaviour of the roles; `replication` and `progress` how followers are brought up
to date; `log` and `stable_log` the entries; `quorum`, `membership_change` and `read_index` the
arithmetic.

Where this differs from the papers: a candidate's own vote, and a leader's own entries, count when
they are durable and not before; a configuration is in force when it is appended (as in the paper;
etcd waits until it is applied); an accepted entry is answered when it is durable, so the order of
writing and sending is the shell's only duty. See docs/protocols/raft.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import cast

import attrs

from cluster.raft import election, events, following, heartbeats, leading, messages
from cluster.raft.configuration import Configuration, NodeId
from cluster.raft.entries import HardState
from cluster.raft.log import RaftLog
from cluster.raft.membership_change import ConfigurationHistory
from cluster.raft.options import RaftOptions
from cluster.raft.progress import ProgressState
from cluster.raft.read_index import PendingRead
from cluster.raft.ready import Leadership, Ready, Refusal, Role
from cluster.raft.stable_log import StableLog
from cluster.raft.state import GroupState


@attrs.frozen
class ProgressStatus:
    """What a leader knows of a member."""

    node: NodeId
    state: ProgressState
    match: int
    next: int
    inflight_messages: int
    is_recently_active: bool


@attrs.frozen(kw_only=True)
class RaftStatus:
    """A group as one node sees it, for people and metrics."""

    node: NodeId
    role: Role
    term: int
    leader: NodeId | None
    configuration: Configuration
    first_index: int
    last_index: int
    saved_index: int
    commit: int
    applied: int
    is_hibernating: bool
    progress: tuple[ProgressStatus, ...]


class RaftGroup:
    """One member of a group; a `Machine` of `events.Event` and `Ready`.

    Not safe for several threads. `now` must never go back.
    """

    __slots__ = ("_handed_leadership", "_number", "_saves", "_state")

    def __init__(
        self,
        node: NodeId,
        options: RaftOptions,
        stable: StableLog,
        *,
        hard_state: HardState,
        applied: int,
        random: Random,
        now: float,
    ) -> None:
        """Start or restart a member from what it saved.

        Args:
            node: name of this node in the group.
            options: checked here.
            stable: the saved log; a new group begins with a snapshot at index 0 that holds its
                first configuration, the same one on every first member.
            hard_state: as saved last; the default for a new group.
            applied: what the state machine holds already; its entries are not handed out again.
            random: for election timeouts; members must not share a seed, but all groups of one
                node may share this object.
            now: the time, in seconds.

        Raises:
            OptionError: the options do not fit together.
        """
        options.validate()
        snapshot = stable.snapshot()
        history = ConfigurationHistory(snapshot.index, snapshot.configuration)
        for index, configuration in stable.configurations():
            if index > snapshot.index:
                history.append(index, configuration)
        log = RaftLog(stable, hard_state.commit, max(applied, snapshot.index))
        state = GroupState(node, options, random, log, history, now)
        state.term, state.vote, state.saved = hard_state.term, hard_state.vote, hard_state
        state.restart_election_timer()
        if options.is_lease_reads:
            # Whom this node followed before it stopped may still count on it.
            state.lease_until = now + options.election_timeout_s
        self._state = state
        self._number = 0
        self._saves: list[tuple[int, HardState]] = []
        self._handed_leadership = self._leadership()

    # The four calls of a machine.

    def handle(self, event: events.Event, now: float) -> None:
        """Take in a message, a request or news from the shell."""
        state = self._state
        assert now >= state.now, (now, state.now)
        state.now = now
        kind = type(event)
        was_hibernating = state.is_hibernating
        if was_hibernating and state.role is Role.LEADER and kind not in _QUIET:
            heartbeats.wake(state)
        if kind in _TERM_MESSAGES:
            _receive(state, cast(messages.TermMessage, event))
        else:
            _LOCAL[kind](self, event)
        if was_hibernating and state.is_hibernating and kind not in _QUIET_FOR_FOLLOWERS:
            state.is_hibernating = False
            state.restart_election_timer()

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called; None for who waits for others only."""
        state = self._state
        if state.is_hibernating or (state.role is not Role.LEADER and not state.may_campaign):
            return None
        return state.timer

    def on_deadline(self, now: float) -> None:
        """Let time pass: heartbeats of a leader, an election of anybody else."""
        state = self._state
        assert now >= state.now, (now, state.now)
        state.now = now
        deadline = self.deadline()
        if deadline is None or now < deadline:
            return
        if state.role is Role.LEADER:
            heartbeats.beat(state)
        else:
            election.campaign(state)

    def take(self) -> Sequence[Ready]:
        """Return what is to be done now: one `Ready`, or nothing."""
        state = self._state
        if state.role is Role.LEADER and (state.is_broadcast_wanted or state.reads.waiting):
            heartbeats.flush(state)
        number = self._number + 1
        snapshot, entries = state.log.take_unsaved(number)
        committed = state.log.take_committed(state.options.apply_bytes_max)
        hard_state = self._take_hard_state(number, is_saving=bool(entries or snapshot))
        leadership = self._take_leadership()
        if not (entries or committed or hard_state or leadership or snapshot or _has_news(state)):
            return ()
        if state.uncommitted_bytes:
            handed = sum(entry.size_bytes for entry in committed)
            state.uncommitted_bytes = max(0, state.uncommitted_bytes - handed)
        self._number = number
        ready = Ready(
            number=number,
            messages=tuple(state.messages),
            snapshot=snapshot,
            entries=entries,
            hard_state=hard_state,
            messages_after_save=tuple(state.messages_after_save),
            committed=committed,
            accepted=tuple(state.accepted),
            refused=tuple(state.refused),
            reads=tuple(state.confirmed),
            leadership=leadership,
        )
        for gathered in (
            state.messages,
            state.messages_after_save,
            state.accepted,
            state.refused,
            state.confirmed,
        ):
            gathered.clear()
        return (ready,)

    # What is read from outside.

    @property
    def role(self) -> Role:
        """What this node is in the group."""
        return self._state.role

    @property
    def term(self) -> int:
        """The current term."""
        return self._state.term

    @property
    def leader(self) -> NodeId | None:
        """Who leads, as far as this node knows."""
        return self._state.leader

    @property
    def configuration(self) -> Configuration:
        """The members in force: the newest in the log, committed or not."""
        return self._state.configuration

    def configuration_at(self, index: int) -> Configuration:
        """Return the members at an applied index, to be stored with a snapshot of it."""
        assert index <= self._state.log.commit, (index, self._state.log.commit)
        return self._state.history.at(index)

    def status(self) -> RaftStatus:
        """Return a frozen picture for people and metrics."""
        state, log = self._state, self._state.log
        return RaftStatus(
            node=state.node,
            role=state.role,
            term=state.term,
            leader=state.leader,
            configuration=state.configuration,
            first_index=log.first_index,
            last_index=log.last_index,
            saved_index=log.saved_index,
            commit=log.commit,
            applied=log.applied,
            is_hibernating=state.is_hibernating,
            progress=tuple(
                ProgressStatus(
                    node=node,
                    state=progress.state,
                    match=progress.match,
                    next=progress.next,
                    inflight_messages=len(progress.inflights),
                    is_recently_active=progress.is_recently_active,
                )
                for node, progress in state.progress.items()
            ),
        )

    def check_invariants(self) -> None:
        """Assert what the classes below promise."""
        self._state.check_invariants()

    # Requests and news from the shell.

    def _propose(self, event: events.Propose) -> None:
        if self._state.role is Role.LEADER:
            leading.propose(self._state, event)
        else:
            following.forward_proposal(self._state, event)

    def _read(self, event: events.Read) -> None:
        if self._state.role is Role.LEADER:
            heartbeats.read(self._state, PendingRead(event.token))
        else:
            following.forward_read(self._state, event.token)

    def _change(self, event: events.ChangeMembership) -> None:
        if self._state.role is Role.LEADER:
            leading.change_membership(self._state, event)
        else:
            is_known = self._state.leader is not None
            reason = Refusal.NOT_LEADER if is_known else Refusal.NO_LEADER
            self._state.refuse(event.token, reason)

    def _transfer(self, event: events.TransferLeadership) -> None:
        if self._state.role is Role.LEADER:
            leading.transfer(self._state, event.target)

    def _campaign(self, event: events.Campaign) -> None:
        del event
        election.campaign(self._state)

    def _saved(self, event: events.Saved) -> None:
        state = self._state
        assert event.number <= self._number, (event.number, self._number)
        hard_state: HardState | None = None
        while self._saves and self._saves[0][0] <= event.number:
            hard_state = self._saves.pop(0)[1]
        is_longer = state.log.saved(event.number)
        if hard_state is not None:
            state.saved = hard_state
            is_own_vote = (hard_state.term, hard_state.vote) == (state.term, state.node)
            if state.role is Role.CANDIDATE and is_own_vote:
                election.count_vote(state, state.node, is_granted=True)
        if is_longer and state.role is Role.LEADER:
            leading.count_own_entries(state)

    def _applied(self, event: events.Applied) -> None:
        self._state.log.applied_to(event.index)
        self._state.history.forget_before(self._state.log.applied)

    def _unreachable(self, event: events.Unreachable) -> None:
        leading.take_unreachable(self._state, event.node)

    def _snapshot_reported(self, event: events.SnapshotReported) -> None:
        leading.take_snapshot_report(self._state, event)

    def _wake(self, event: events.Wake) -> None:
        """Nothing to do but what any event does to a group that hibernates."""

    def _forwarded(self, event: messages.ForwardedProposal) -> None:
        if self._state.role is Role.LEADER:
            leading.take_forwarded(self._state, event)

    def _read_request(self, event: messages.ReadRequest) -> None:
        if self._state.role is Role.LEADER:
            heartbeats.take_read_request(self._state, event)

    def _read_reply(self, event: messages.ReadReply) -> None:
        following.take_read_reply(self._state, event)

    # Parts of `take`.

    def _take_hard_state(self, number: int, *, is_saving: bool) -> HardState | None:
        """Return term and vote when they changed; the commit index rides along with any save."""
        state = self._state
        last = self._saves[-1][1] if self._saves else state.saved
        is_changed = (state.term, state.vote) != (last.term, last.vote)
        if not is_changed and not (is_saving and state.log.commit != last.commit):
            return None
        hard_state = HardState(state.term, state.vote, state.log.commit)
        self._saves.append((number, hard_state))
        return hard_state

    def _leadership(self) -> Leadership:
        return Leadership(self._state.term, self._state.leader, self._state.role)

    def _take_leadership(self) -> Leadership | None:
        state, last = self._state, self._handed_leadership
        if (last.term, last.leader, last.role) == (state.term, state.leader, state.role):
            return None
        self._handed_leadership = self._leadership()
        return self._handed_leadership


def _has_news(state: GroupState) -> bool:
    return bool(
        state.messages
        or state.messages_after_save
        or state.accepted
        or state.refused
        or state.confirmed
    )


def _receive(state: GroupState, message: messages.TermMessage) -> None:
    """Compare terms (5.1), then let the role deal with a message of the current term."""
    if message.term > state.term and _is_disruptive(state, message):
        return
    if message.term > state.term and not _is_hypothetical(message):
        leader = message.source if isinstance(message, _FROM_LEADER) else None
        state.become_follower(message.term, leader)
    elif message.term < state.term:
        _answer_old_term(state, message)
        return
    if isinstance(message, _FOR_LEADER) and state.role is not Role.LEADER:
        return
    _RECEIVERS[type(message)](state, message)


def _is_disruptive(state: GroupState, message: messages.TermMessage) -> bool:
    """Whether a vote is asked for although a leader is well.

    "Servers disregard RequestVote RPCs when they believe a current leader exists" (6).
    """
    if not isinstance(message, messages.VoteRequest) or message.is_transfer:
        return False
    return state.options.is_check_quorum and state.has_heard_leader()


def _is_hypothetical(message: messages.TermMessage) -> bool:
    """Whether the term is one that nobody has begun: pre-votes, and the replies granting them."""
    if isinstance(message, messages.VoteRequest):
        return message.is_pre
    return isinstance(message, messages.VoteReply) and message.is_pre and message.is_granted


def _answer_old_term(state: GroupState, message: messages.TermMessage) -> None:
    """Tell a leader or candidate of the past that its term is over (5.1); drop the rest."""
    if isinstance(message, messages.VoteRequest):
        state.send(
            messages.VoteReply(
                source=state.node,
                target=message.source,
                term=state.term,
                is_granted=False,
                is_pre=message.is_pre,
            )
        )
    elif isinstance(message, _FROM_LEADER):
        # Without this, a node that raised its term alone would be deaf to its leader for ever.
        state.send(
            messages.HeartbeatReply(
                source=state.node, target=message.source, term=state.term, round=0
            )
        )


def _take_append_reply(state: GroupState, message: messages.AppendReply) -> None:
    leading.take_append_reply(state, message)
    if state.role is Role.LEADER:
        heartbeats.confirm_rounds(state)


def _take_heartbeat_reply(state: GroupState, message: messages.HeartbeatReply) -> None:
    heartbeats.take_heartbeat_reply(state, message)
    heartbeats.confirm_rounds(state)


_FROM_LEADER = (messages.AppendRequest, messages.Heartbeat, messages.SnapshotRequest)
_FOR_LEADER = (messages.AppendReply, messages.HeartbeatReply)
_QUIET = frozenset({events.Saved, events.Applied})
_QUIET_FOR_FOLLOWERS = _QUIET | {messages.Heartbeat}

# Keyed by the class of what the function takes, which the type checker cannot express.
_RECEIVERS = cast(
    "dict[type, Callable[[GroupState, object], None]]",
    {
        messages.VoteRequest: election.answer_vote_request,
        messages.VoteReply: election.take_vote_reply,
        messages.AppendRequest: following.take_append,
        messages.AppendReply: _take_append_reply,
        messages.Heartbeat: following.take_heartbeat,
        messages.HeartbeatReply: _take_heartbeat_reply,
        messages.SnapshotRequest: following.take_snapshot,
        messages.TimeoutNow: election.take_timeout_now,
    },
)
_TERM_MESSAGES = frozenset(_RECEIVERS)
_LOCAL = cast(
    "dict[type, Callable[[RaftGroup, object], None]]",
    {
        events.Propose: RaftGroup._propose,
        events.Read: RaftGroup._read,
        events.ChangeMembership: RaftGroup._change,
        events.TransferLeadership: RaftGroup._transfer,
        events.Campaign: RaftGroup._campaign,
        events.Saved: RaftGroup._saved,
        events.Applied: RaftGroup._applied,
        events.Unreachable: RaftGroup._unreachable,
        events.SnapshotReported: RaftGroup._snapshot_reported,
        events.Wake: RaftGroup._wake,
        messages.ForwardedProposal: RaftGroup._forwarded,
        messages.ReadRequest: RaftGroup._read_request,
        messages.ReadReply: RaftGroup._read_reply,
    },
)
