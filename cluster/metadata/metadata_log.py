"""The metadata log of one node as a machine: one agreed cluster map, and a way to change it.

    Hold(genesis) ----> MetadataGroup (voters, learners) --applied--> HeldMap --> MapChanged
    EpochSeen -> MapFollower (everybody) ------------------saved----> HeldMap
    Propose -> Proposer --(this node leads)--> LeaderDesk -> MetadataGroup
                        --ProposalRequest----> LeaderDesk of the leader
    once a second, on the leader: Duties -> commands, changes of voters

A node without a cluster holds no map, and nothing here speaks. It gets one by `Hold`, if it is a
first voter; by a map that names it; or from what it recovered. `Release` makes it such a node
again, but for the vote that it must never forget.

Invariants (`check_invariants`): a map is shown only when it is durable here, or follows from what
is; its epoch never falls while the node stays in its cluster; an answer to a proposal is given
when the map that it speaks of is shown, or after a moment's wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import cast

from cluster.identity import ClusterId, Endpoint, NodeId, id_to_bytes
from cluster.journal.records import Record
from cluster.map.codec import encode_command
from cluster.map.genesis import genesis_map
from cluster.map.values import ClusterMap, CommandResult
from cluster.membership.events import EpochSeen, MemberView
from cluster.metadata import events, leader_desk
from cluster.metadata.answers import Answer, Answers
from cluster.metadata.duties import Duties
from cluster.metadata.follower import MapFollower
from cluster.metadata.group import (
    CommandApplied,
    MapAdvanced,
    MetadataGroup,
    News,
    ProposalRefused,
    first_durable,
)
from cluster.metadata.held_map import HeldMap
from cluster.metadata.known_voters import KnownVoters
from cluster.metadata.leader_desk import LeaderDesk
from cluster.metadata.log_entries import ID_BITS
from cluster.metadata.options import METADATA_GROUP, MetadataOptions
from cluster.metadata.proposer import Outcome, Proposer
from cluster.metadata.records import (
    DurableGroup,
    RecoveredMetadata,
    compacted,
    dropped_record,
    map_record,
)
from cluster.metadata.saving import SaveQueue
from cluster.metadata.status import MetadataStatus, status_of
from cluster.raft import Configuration, HardState
from cluster.raft.messages import AppendRequest, Heartbeat, SnapshotRequest
from cluster.wire.messages import (
    MapReply,
    MapRequest,
    PeerMessage,
    ProposalReply,
    ProposalRequest,
    RaftMessage,
    WireError,
)
from cluster.wire.raft_messages import decode_raft_message


class MetadataLog:
    """The metadata log on this node; a `Machine` of `events.Input` and `events.Output`."""

    def __init__(
        self,
        node: NodeId,
        options: MetadataOptions,
        recovered: RecoveredMetadata,
        *,
        rng: Random,
        now: float,
    ) -> None:
        """Start from what `records.recover` made of the journal.

        Raises:
            OptionError: the options do not fit together.
        """
        options.validate()
        self._node = node
        self._options = options
        self._rng = rng
        self._outputs: list[events.Output] = []
        self._members: dict[NodeId, MemberView] = {}
        self._past_votes: dict[ClusterId, HardState] = dict(recovered.past_votes)
        self._answers = Answers(wait_s=options.result_wait_s)
        self._is_formed_told = False
        self._is_map_new = recovered.map is not None
        self._leadership = _NO_LEADERSHIP
        self._duties = Duties(node, options)
        self._duty_commands: set[int] = set()
        self._duties_at = 0.0
        self._saves = SaveQueue()
        self._voters = KnownVoters()
        self._held = HeldMap(recovered.map, kept_changes=options.kept_changes)
        self._follower = MapFollower(
            node,
            options,
            self._held,
            saves=self._saves,
            send=lambda seen, request: self._send(seen.node, request, seen.endpoint),
            show=self._show,
        )
        self._proposer = Proposer(
            options, targets=self._targets, send=self._send_proposal, rng=rng
        )
        self._now = now
        self._desk = self._new_desk()
        self._group: MetadataGroup | None = None
        if recovered.group is not None:
            self._start(recovered.group, now)
        self._settle(now)

    # What is read from outside.

    @property
    def map(self) -> ClusterMap | None:
        """The newest map that is shown; None without a cluster, and before it is formed."""
        return self._held.map

    @property
    def cluster(self) -> ClusterId | None:
        """The cluster that this node belongs to, formed or not."""
        if self._held.map is not None:
            return self._held.map.cluster
        return self._group.cluster if self._group is not None else None

    @property
    def is_leader(self) -> bool:
        """Whether this node leads the log, as far as it knows."""
        return self._group is not None and self._group.is_leader

    @property
    def status(self) -> MetadataStatus:
        """What this node knows of the log."""
        return status_of(self._group, self._voters)

    def records(self) -> list[Record]:
        """Return all that the journal must hold when the saves under way are done."""
        group = self._group.durable() if self._group is not None else None
        past = tuple(self._past_votes.items())
        return compacted(RecoveredMetadata(self._follower.newest, group, past))

    def check_invariants(self) -> None:
        """Assert what the parts promise."""
        if self._group is not None:
            self._group.check_invariants()
        if self._held.map is not None:
            self._held.map.check_invariants()

    # The four calls of a machine.

    def handle(self, event: events.Input, now: float) -> None:
        """Take in one event."""
        self._now = now
        _HANDLERS[type(event)](self, event, now)
        self._settle(now)

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        times = [
            self._follower.deadline(),
            self._proposer.deadline(),
            self._group.deadline() if self._group is not None else None,
            self._duties_at if self.is_leader else None,
            self._answers.deadline(),
        ]
        return min((time for time in times if time is not None), default=None)

    def on_deadline(self, now: float) -> None:
        """Let time pass."""
        self._now = now
        if self._group is not None:
            self._group.on_deadline(now)
        self._follower.on_deadline(now)
        self._proposer.on_deadline(now)
        if self.is_leader and now >= self._duties_at:
            self._do_duties(now)
        self._settle(now)

    def take(self) -> Sequence[events.Output]:
        """Return what is to be done now, in order."""
        outputs, self._outputs = self._outputs, []
        return outputs

    # Events.

    def _hold(self, event: events.Hold, now: float) -> None:
        genesis = event.genesis
        cluster = genesis.identifier
        if self.cluster not in (None, cluster):
            self._release(events.Release(), now)
        is_known = self._group is not None or cluster in self._past_votes
        if is_known or self._node not in genesis.voters:
            return
        durable = first_durable(cluster, genesis.voters, genesis_map(genesis))
        records = compacted(RecoveredMetadata(group=durable))
        group = self._start(durable, now)
        # Everything the group says is saved behind this, or says nothing about a vote.
        self._saves.add(records, _nothing, now=now)
        if genesis.proposer == self._node and len(genesis.voters) > 1:
            group.campaign(now)  # a voter alone does so anyway

    def _receive(self, event: events.MessageReceived, now: float) -> None:
        message = event.message
        if isinstance(message, RaftMessage):
            self._receive_raft(event.node, message, now)
        elif isinstance(message, MapRequest):
            reply = self._held.reply_to(message, self._voters.packed())
            if reply is not None:
                self._send(event.node, reply, event.endpoint)
        elif isinstance(message, MapReply):
            if self._is_ours(message.cluster):
                self._voters.learn(message.voters)
            self._follower.take_reply(event.node, message, now)
        elif isinstance(message, ProposalRequest):
            self._receive_proposal(event, message, now)
        else:
            self._receive_answer(event, message, now)

    def _receive_raft(self, source: NodeId, message: RaftMessage, now: float) -> None:
        held = self._held.map
        if self._group is None:
            is_ours = held is not None and self._is_ours(message.cluster)
            if not is_ours or message.group != METADATA_GROUP or not _is_of_leader(message):
                return
            assert held is not None
            if self._node not in held.members:
                return
            # This node was made a learner: it begins with nothing and waits for a snapshot. The
            # leader may be no member any more: it hands over to those who are.
            vote = self._past_votes.get(held.cluster, HardState())
            self._start(DurableGroup(held.cluster, hard_state=vote), now)
        assert self._group is not None
        self._group.receive(source, message, now)

    def _receive_proposal(
        self, event: events.MessageReceived, request: ProposalRequest, now: float
    ) -> None:
        if self._group is not None and self._is_ours(request.cluster):
            self._desk.take_request(self._group, event.node, request, now)
        else:
            reply = leader_desk.not_leader_reply(request.identifier, self._voters.leader)
            self._send(event.node, reply, event.endpoint)

    def _receive_answer(
        self, event: events.MessageReceived, reply: ProposalReply, now: float
    ) -> None:
        if reply.status == leader_desk.NOT_LEADER:
            self._voters.learn_leader(reply.leader)
            self._proposer.not_leader(event.node, reply.identifier, now)
            return
        token = self._proposer.resolve(reply.identifier)
        if token is None:
            return
        self._voters.leader = event.node
        result = CommandResult(reply.status == leader_desk.APPLIED, reply.text, reply.epoch)
        answer = Answer(identifier=reply.identifier, result=result, token=token)
        self._answers.add(answer, now)
        seen = EpochSeen(event.node, event.endpoint, reply.epoch, self.cluster)
        self._seen(seen, now)

    def _seen(self, event: EpochSeen, now: float) -> None:
        if event.cluster is None or self.cluster not in (None, event.cluster):
            return
        is_patient = self._group is not None and self._group.speaks(now)
        self._follower.seen(event, is_patient=is_patient, now=now)

    def _take_members(self, event: events.Members, now: float) -> None:
        del now
        self._members = {view.node: view for view in event.members}

    def _propose(self, event: events.Propose, now: float) -> None:
        if self._held.map is None:
            text = "this node belongs to no cluster yet"
            self._outputs.append(events.Result(event.token, CommandResult(False, text, 0)))
            return
        command = encode_command(event.command)
        self._proposer.propose(event.token, command, deadline_s=event.deadline_s, now=now)

    def _saved(self, event: events.Saved, now: float) -> None:
        self._saves.saved(event.number, now)

    def _link_failed(self, event: events.LinkFailed, now: float) -> None:
        if self._group is not None:
            self._group.link_failed(event.node, now)
        self._follower.link_failed(event.node, now)
        self._proposer.link_failed(event.node, now)

    def _release(self, event: events.Release, now: float) -> None:
        del event
        records: list[Record] = []
        if self._follower.newest is not None:
            records.append(map_record(None))
        if self._group is not None:
            self._group.is_closed = True
            self._past_votes[self._group.cluster] = self._group.vote
            records.append(dropped_record(self._group.cluster, self._group.vote))
        self._is_map_new = self._held.map is not None
        self._group = None
        self._is_formed_told = False
        self._leadership = _NO_LEADERSHIP
        self._desk = self._new_desk()
        self._duty_commands.clear()
        self._held.clear()
        self._follower.clear()
        self._voters.clear()
        self._proposer.give_up("this node left the cluster")
        if records:
            self._saves.add(records, _nothing, now=now)

    # What follows from events.

    def _start(self, durable: DurableGroup, now: float) -> MetadataGroup:
        assert self._group is None, durable.cluster
        self._group = MetadataGroup(
            self._node,
            self._options,
            durable,
            saves=self._saves,
            send=self._send,
            rng=self._rng,
            now=now,
        )
        return self._group

    def _settle(self, now: float) -> None:
        group = self._group
        while group is not None:
            group.settle(now)
            news, group.news = group.news, []
            is_changed = self._watch_leadership(group, now)
            if not news and not is_changed:
                break
            for item in news:
                self._take_news(group, item, now)
        if self._is_map_new:
            self._is_map_new = False
            self._outputs.append(events.MapChanged(self._held.map))
        for answer in self._answers.due(self._held.epoch, now):
            self._tell(answer)
        for outcome in self._proposer.outcomes:
            self._outputs.append(_result(outcome))
        self._proposer.outcomes.clear()
        self._outputs += self._saves.take()

    def _tell(self, answer: Answer) -> None:
        for asker in sorted(answer.askers):
            self._send(asker, leader_desk.result_reply(answer.identifier, answer.result))
        if answer.token is not None:
            self._outputs.append(events.Result(answer.token, answer.result))

    def _take_news(self, group: MetadataGroup, item: News, now: float) -> None:
        if isinstance(item, ProposalRefused):
            self._duty_commands.discard(item.identifier)
            self._desk.refused(item.identifier, group.leader, now)
        elif isinstance(item, CommandApplied):
            self._duty_commands.discard(item.identifier)
            askers = self._desk.applied(item.identifier)
            token = self._proposer.resolve(item.identifier)
            answer = Answer(
                identifier=item.identifier, result=item.result, token=token, askers=askers
            )
            self._answers.add(answer, now)
        else:
            self._advance(group, item)

    def _advance(self, group: MetadataGroup, item: MapAdvanced) -> None:
        if not self._is_formed_told:
            self._is_formed_told = True
            self._outputs.append(events.Formed(group.cluster))
        if self._held.advance(item.map, item.changes):
            self._show()

    def _show(self) -> None:
        self._is_map_new = True

    def _watch_leadership(self, group: MetadataGroup, now: float) -> bool:
        """Act on a new leader, term or configuration; return whether there was one."""
        status = (group.term, group.leader, group.is_leader, group.configuration)
        if status == self._leadership:
            return False
        self._voters.learn_group(group.configuration, group.leader)
        last, self._leadership = self._leadership, status
        if last[2] and last[:3] != status[:3]:
            self._duty_commands.clear()
            self._desk.leadership_lost(group.leader, now)
        if group.is_leader and last[:3] != status[:3]:
            self._duties = Duties(self._node, self._options)
            self._duties_at = now + self._options.duties_interval_s
        if last[1] != status[1]:
            self._proposer.leader_changed(group.leader, now)
        return True

    def _do_duties(self, now: float) -> None:
        self._duties_at = now + self._options.duties_interval_s
        group, held = self._group, self._held.map
        assert group is not None
        if held is None or self._duty_commands or held.dissolved_into is not None:
            return
        found = self._duties.look(
            held, self._members, group.status(), strays=frozenset(group.strays), now=now
        )
        for command in found.commands:
            identifier = 1 + self._rng.getrandbits(ID_BITS - 1)
            self._duty_commands.add(identifier)
            self._desk.take(group, identifier, encode_command(command), now)
        if found.voter_step is not None:
            group.handle(found.voter_step, now)

    # Sending.

    def _targets(self) -> list[NodeId]:
        if self.is_leader:
            return [self._node]
        alive = {node for node, view in self._members.items() if view.status.is_live}
        told = self._voters.candidates(self._held.map, alive)
        return [node for node in told if node != self._node]

    def _send_proposal(self, target: NodeId, identifier: int, command: bytes) -> None:
        if target == self._node:
            assert self._group is not None
            self._desk.take(self._group, identifier, command, self._now)
            return
        held = self._held.map
        if held is not None:
            request = ProposalRequest(id_to_bytes(held.cluster), identifier, command)
            self._send(target, request)

    def _send(self, node: NodeId, message: PeerMessage, endpoint: Endpoint | None = None) -> None:
        endpoint = self._endpoint_of(node) or endpoint
        if endpoint is not None:
            self._outputs.append(events.Send(node, endpoint, message))

    def _endpoint_of(self, node: NodeId) -> Endpoint | None:
        view = self._members.get(node)
        if view is not None:
            return view.endpoint
        newest = self._held.map or (self._group.map if self._group is not None else None)
        member = newest.members.get(node) if newest is not None else None
        return member.endpoint if member is not None else None

    def _is_ours(self, packed: bytes) -> bool:
        cluster = self.cluster
        return cluster is not None and packed == id_to_bytes(cluster)

    def _new_desk(self) -> LeaderDesk:
        refuse = partial(_refuse_own, self._proposer, self._node)
        return LeaderDesk(answer=self._send, refuse=refuse)


#: Term, leader, whether that is this node, and the members of the log.
_Leadership = tuple[int, NodeId | None, bool, Configuration]
_NO_LEADERSHIP: _Leadership = (0, None, False, Configuration())


def _refuse_own(proposer: Proposer, node: NodeId, identifier: int, now: float) -> None:
    proposer.not_leader(node, identifier, now)


def _nothing(now: float) -> None:
    """Nothing waits for this save."""


def _result(outcome: Outcome) -> events.Result:
    return events.Result(outcome.token, outcome.result, outcome.reason)


def _is_of_leader(message: RaftMessage) -> bool:
    try:
        inner = decode_raft_message(message.message)
    except WireError:
        return False
    return isinstance(inner, AppendRequest | Heartbeat | SnapshotRequest)


# Keyed by the class of what the function takes, which the type checker cannot express.
_HANDLERS = cast(
    "dict[type, Callable[[MetadataLog, object, float], None]]",
    {
        events.Hold: MetadataLog._hold,
        events.MessageReceived: MetadataLog._receive,
        EpochSeen: MetadataLog._seen,
        events.Members: MetadataLog._take_members,
        events.Propose: MetadataLog._propose,
        events.Saved: MetadataLog._saved,
        events.LinkFailed: MetadataLog._link_failed,
        events.Release: MetadataLog._release,
    },
)
