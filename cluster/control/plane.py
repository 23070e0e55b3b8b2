"""The control plane: all cores of one node as one machine without input and output.

What a node does about its cluster is here and in the cores below; the shell (`cluster.node`) only
carries packets, messages, saves and answers. So the simulator runs the very same plane.

How the parts hang together:

    Swim        says who is there        -> birth, metadata log, heartbeats
    Birth       says which cluster       -> membership (its id), metadata log (its first voters)
    MetadataLog says what the map is     -> birth (formed), membership (epoch), the server
    Rebalancing moves partitions on      -> metadata log, while this node leads it

The plane itself holds no rule of theirs. It orders saves (`saves`), turns requests into commands
(`asking`), and decides what leaving a cluster means: a node that its own map no longer names
retires. It gives up its id and begins another life, since an id that was removed never returns.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from random import Random

from attrs import evolve

from cluster.birth import events as birth_events
from cluster.control import inputs, outputs, requests
from cluster.control.belonging import HELD_KEYS, Belonging
from cluster.control.data_port import DataPort
from cluster.control.duplicates import Duplicates
from cluster.control.heartbeats import HEARTBEAT, PhiReading
from cluster.control.holds import Holds
from cluster.control.incoming import receive_message, receive_packet
from cluster.control.options import ControlOptions
from cluster.control.parts import make_parts
from cluster.control.proposals import Proposals
from cluster.control.rebalancing import Rebalancing
from cluster.control.statistics import ControlStatistics
from cluster.control.unformed import ask_unformed
from cluster.identity import Endpoint, NodeId
from cluster.identity_store import Identity
from cluster.journal.records import Record
from cluster.map.commands import SetFeature
from cluster.map.values import Claim, ClusterMap, CommandResult
from cluster.map.views import SlotView
from cluster.membership import events as swim_events
from cluster.membership.codec import encode_packet
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import Packet
from cluster.metadata import events as log_events
from cluster.metadata.status import MetadataStatus
from cluster.wire.messages import ClusterDissolved, GossipStream


class ControlPlane:
    """The control plane of one node; a `Machine` of `inputs.Input` and `outputs.Output`."""

    def __init__(
        self,
        *,
        identity: Identity,
        endpoint: Endpoint,
        facts: NodeFacts,
        recovered: Sequence[Record],
        options: ControlOptions,
        data: DataPort,
        rng: Random,
        now: float,
    ) -> None:
        """Begin a life of a node; `identity` is durable, `recovered` is what its journal holds.

        Raises:
            OptionError: the options do not fit together.
            CorruptionError: the journal holds what no core has written.
        """
        options.validate()
        self._parts = parts = make_parts(
            identity,
            endpoint,
            facts=facts,
            recovered=recovered,
            options=options,
            data=data,
            rng=rng,
            now=now,
        )
        self._duplicates = Duplicates(parts)
        self._belonging = Belonging(parts, recovered)
        self._holds = Holds(parts, recovered, now)
        self._proposals = Proposals(parts, self._holds)
        self._rebalancing = Rebalancing(parts, self._proposals, now)
        self._leave_tokens: list[int] = []
        self._is_spread_wanted = True
        self._check_data_at = now
        self._has_data = data.holds_keys()
        self._is_feature_asked = False
        is_given_up = parts.log.cluster not in (None, parts.birth.cluster, parts.birth.undecided)
        if is_given_up and parts.log.map is None:
            # Birth has dropped this genesis, and a crash came before its group was.
            parts.log.handle(log_events.Release(), now)
        self._drain()
        self._make_contact()
        self._drain()

    def _make_contact(self) -> None:
        """Look for the others: where the map says that they are, and at the seeds.

        A node that was sent away makes no contact until it is told to, or invited.
        """
        parts = self._parts
        endpoints = [] if parts.map is None else [m.endpoint for m in parts.map.members.values()]
        if not parts.is_sent_away:
            endpoints += parts.options.seeds
        others = tuple(dict.fromkeys(e for e in endpoints if e != parts.endpoint))
        if others:
            parts.swim.handle(swim_events.Join(others), parts.now)

    # The four calls of a machine.

    def handle(self, event: inputs.Input, now: float) -> None:
        """Take in a packet, a message, a finished save or a request."""
        parts = self._parts
        parts.now = now
        if parts.is_retired:
            return
        match event:
            case inputs.DatagramReceived(source, payload):
                receive_packet(parts, source, payload, is_stream=False)
            case inputs.MessageReceived(node, _, ClusterDissolved() as told):
                self._belonging.told_dissolved(node, told)
            case inputs.MessageReceived(node, endpoint, message):
                receive_message(
                    parts,
                    node,
                    endpoint,
                    message=message,
                    answer_questions=self._proposals.receive,
                )
            case inputs.LinkFailed(endpoint, is_duplicate):
                self._duplicates.link_failed(endpoint, is_duplicate=is_duplicate)
                for member in parts.swim.members():
                    if member.endpoint == endpoint:
                        parts.log.handle(log_events.LinkFailed(member.node), now)
            case inputs.Saved(number):
                parts.saves.saved(number, now)
            case inputs.Asked(token, request):
                self._ask(token, request)
        self._drain()

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        parts = self._parts
        if parts.is_retired:
            return None
        known = (
            parts.swim.deadline(),
            parts.birth.deadline(),
            parts.log.deadline(),
            parts.heartbeats.deadline(),
            self._proposals.deadline(),
            self._rebalancing.deadline(),
            self._belonging.deadline(),
            self._holds.deadline(),
            self._duplicates.deadline(),
            self._check_data_at,
        )
        return min(when for when in known if when is not None)

    def on_deadline(self, now: float) -> None:
        """Let time pass."""
        parts = self._parts
        parts.now = now
        if parts.is_retired:
            return
        for endpoint in parts.heartbeats.on_deadline(now):
            epoch = 0 if parts.map is None else parts.map.epoch
            packet = Packet(parts.birth.cluster, parts.own_id, epoch, HEARTBEAT)
            parts.put(outputs.SendDatagram(endpoint, encode_packet(packet)))
        if now >= self._check_data_at:
            self._check_data_at = now + parts.options.data_check_s
            self._check_data()
            self._belonging.tell_leader()
        parts.swim.on_deadline(now)
        parts.birth.on_deadline(now)
        parts.log.on_deadline(now)
        self._duplicates.on_deadline(now)
        self._belonging.on_deadline(now)
        self._holds.on_deadline(now, self._proposals)
        self._proposals.on_deadline(now)
        self._rebalancing.on_deadline(now)
        self._drain()

    def take(self) -> list[outputs.Output]:
        """Return the outputs since the last call, in order."""
        taken, self._parts.outputs = self._parts.outputs, []
        return taken

    # What is read from outside.

    @property
    def own_id(self) -> NodeId:
        """This node's id."""
        return self._parts.own_id

    @property
    def map(self) -> ClusterMap | None:
        """The map that this node routes by; None while it is unformed."""
        return self._parts.map

    @property
    def slot_view(self) -> SlotView | None:
        """Who leads which slot, by that map."""
        return self._parts.view

    @property
    def is_retired(self) -> bool:
        """Whether this life is over."""
        return self._parts.is_retired

    @property
    def is_leader(self) -> bool:
        """Whether this node leads the metadata log, as far as it knows."""
        return self._parts.log.is_leader

    def members(self) -> list[swim_events.MemberView]:
        """Everybody in the membership table, this node too, by id."""
        return self._parts.swim.members()

    def claims(self) -> Claim:
        """What this node claims while it is unformed."""
        return self._parts.birth.claim

    def phi(self, now: float) -> Mapping[NodeId, PhiReading]:
        """Phi of the nodes whose heartbeats this node gets."""
        return self._parts.heartbeats.readings(now)

    def metadata_status(self) -> MetadataStatus:
        """What this node knows of the metadata log."""
        return self._parts.log.status

    def statistics(self) -> ControlStatistics:
        """The figures of this moment."""
        parts = self._parts
        return ControlStatistics(
            stage=parts.birth.stage.value,
            cluster=parts.birth.cluster,
            map_epoch=0 if parts.map is None else parts.map.epoch,
            swim=parts.swim.statistics(),
            open_transitions=self._rebalancing.open_transitions(),
            waiting_for=dict(self._rebalancing.waiting_for),
            counts=dict(parts.counts),
        )

    def check_invariants(self) -> None:
        """Assert what the cores promise."""
        parts = self._parts
        parts.swim.check_invariants()
        parts.birth.check_invariants()
        parts.log.check_invariants()
        assert parts.map is None or parts.map.cluster == parts.birth.cluster
        assert (parts.map is None) == (parts.view is None)

    # Requests.

    def _ask(self, token: int, request: requests.Request) -> None:
        parts = self._parts
        match request:
            case requests.Meet(endpoints):
                parts.is_sent_away = False
                parts.swim.handle(swim_events.Join(endpoints), parts.now)
                parts.answer(token, requests.Done())
            case requests.ForceSync():
                parts.swim.handle(swim_events.ForceSync(), parts.now)
                parts.answer(token, requests.Done())
            case requests.Leave():
                self._leave_tokens.append(token)
                parts.swim.handle(swim_events.Leave(), parts.now)
            case requests.ChangeFacts():
                self._change_facts(request)
                parts.answer(token, requests.Done())
            case requests.CommitPlan(at_epoch) if parts.map is not None:
                self._rebalancing.commit(token, at_epoch)
            case _ if parts.map is not None:
                self._proposals.ask(token, request)
            case _:
                ask_unformed(parts, token, request, retire=self._retire_by_reset)

    def _retire_by_reset(self, reason: str) -> None:
        self._belonging.retire(reason, is_sent_away=False)

    def _change_facts(self, change: requests.ChangeFacts) -> None:
        parts = self._parts
        old, weight = parts.facts, change.capacity_weight
        parts.facts = evolve(
            old,
            rack=old.rack if change.rack is None else change.rack,
            machine=old.machine if change.machine is None else change.machine,
            capacity_weight=old.capacity_weight if weight is None else weight,
        )
        parts.swim.handle(swim_events.ChangeFacts(parts.facts), parts.now)

    def _check_data(self) -> None:
        """Notice the first key: a cluster that ever held one never gives way to another."""
        parts = self._parts
        if not self._has_data and parts.data.holds_keys():
            self._has_data = True
            parts.birth.handle(birth_events.DataChanged(has_data=True), parts.now)
        is_known = parts.map is None or HELD_KEYS in parts.map.features
        if self._has_data and not is_known and not self._is_feature_asked:
            self._is_feature_asked = True
            self._proposals.propose(SetFeature(HELD_KEYS, is_on=True), self._feature_answered)

    def _feature_answered(self, result: CommandResult | None, reason: str) -> None:
        self._is_feature_asked = False

    # What the cores have to say.

    def _drain(self) -> None:
        """Carry news between the cores until nobody has anything more to say."""
        parts = self._parts
        while not parts.is_retired:
            swim, birth, log = parts.swim.take(), parts.birth.take(), parts.log.take()
            if not (swim or birth or log or self._is_spread_wanted):
                break
            for news in swim:
                self._act_on_swim(news)
            for duty in birth:
                self._act_on_birth(duty)
            for change in _newest_map_only(log):
                self._act_on_log(change)
            if self._is_spread_wanted:
                self._spread_members()
            if log:
                self._belonging.tell_leader()
        if not parts.is_retired and parts.saves.is_rewrite_wanted:
            own = (*self._belonging.records(), *self._holds.records())
            records = (*parts.birth.compacted(), *parts.log.records(), *own)
            parts.put(parts.saves.rewrite(records))

    def _spread_members(self) -> None:
        self._is_spread_wanted = False
        parts = self._parts
        members = tuple(parts.swim.members())
        parts.birth.handle(birth_events.MembersChanged(members), parts.now)
        parts.log.handle(log_events.Members(members), parts.now)
        self._rebalancing.members_changed(parts.now)
        peers: set[NodeId] = set()
        if parts.map is not None:
            for partition in parts.map.partitions_with(parts.own_id):
                peers |= partition.nodes()
        parts.heartbeats.set_members(members, peers - {parts.own_id}, parts.now)

    def _act_on_swim(self, news: swim_events.Output) -> None:
        parts = self._parts
        match news:
            case swim_events.SendPacket(endpoint, packet, _):
                parts.put(outputs.SendDatagram(endpoint, encode_packet(packet)))
            case swim_events.SendStream(endpoint, packet, _):
                parts.send(endpoint, GossipStream(encode_packet(packet)))
            case swim_events.MemberChanged(member, previous):
                self._is_spread_wanted = True
                parts.put(outputs.MemberNews(member.node, member, previous))
            case swim_events.MemberForgotten(node, _):
                self._is_spread_wanted = True
                parts.put(outputs.MemberNews(node, None, None))
            case swim_events.EpochSeen():
                parts.log.handle(news, parts.now)
            case swim_events.ForeignCluster(endpoint, cluster):
                self._belonging.foreign_seen(endpoint, cluster)
                parts.birth.handle(birth_events.ForeignSeen(endpoint, cluster), parts.now)
            case swim_events.IdentityConflict():
                self._duplicates.conflict(news)
            case swim_events.SelfRemoved():
                self._belonging.look_for_removal()
            case swim_events.JoinFailed(endpoint):
                parts.notice(logging.WARNING, f"Nobody answers at the gossip port {endpoint}")
            case swim_events.LeaveFinished():
                for token in self._leave_tokens:
                    parts.answer(token, requests.Done())
                self._leave_tokens.clear()

    def _act_on_birth(self, duty: birth_events.Output) -> None:
        parts = self._parts
        match duty:
            case birth_events.Send(endpoint, message):
                parts.send(endpoint, message)
            case birth_events.Save(number, records):
                parts.put(parts.saves.add(self._birth_saved, number, records))
            case birth_events.Answer(token, answer):
                parts.answer(token, answer)
            case birth_events.Hold(genesis):
                parts.log.handle(log_events.Hold(genesis), parts.now)
            case birth_events.Release():
                parts.log.handle(log_events.Release(), parts.now)
            case birth_events.Adopt(cluster):
                self._is_spread_wanted = True
                self._belonging.adopt(cluster)
                self._holds.map_changed()
            case birth_events.Contact(endpoints):
                parts.swim.handle(swim_events.Join(endpoints), parts.now)
            case birth_events.ProposeMerge(command):
                if parts.map is not None:
                    self._proposals.propose(command, lambda result, reason: None)
            case birth_events.DissolveWanted(into):
                parts.notice(logging.INFO, f"This cluster is to become part of {into}")
            case birth_events.Notice(level, text):
                parts.notice(level, text)

    def _act_on_log(self, change: log_events.Output) -> None:
        parts = self._parts
        match change:
            case log_events.Send(_, endpoint, message):
                parts.send(endpoint, message)
            case log_events.Save(number, records):
                parts.put(parts.saves.add(self._log_saved, number, records))
            case log_events.MapChanged(newer):
                if newer is not None:
                    self._is_spread_wanted = True
                    if newer.is_frozen:
                        # From here on no key is added; those of this moment must be known, or
                        # this node would let its cluster dissolve.
                        self._check_data()
                    self._belonging.take_map(newer)
                    self._holds.map_changed()
                    self._rebalancing.map_changed(parts.now)
            case log_events.Formed():
                pass  # the map that comes with it says it too
            case log_events.Result():
                self._proposals.result(change)

    def _birth_saved(self, number: int, now: float) -> None:
        self._parts.birth.handle(birth_events.Saved(number), now)

    def _log_saved(self, number: int, now: float) -> None:
        self._parts.log.handle(log_events.Saved(number), now)


def _newest_map_only(changes: Sequence[log_events.Output]) -> list[log_events.Output]:
    """Leave out maps that are out of date already: after a restart, what was held before it."""
    maps = [change for change in changes if isinstance(change, log_events.MapChanged)]
    superseded = {id(change) for change in maps[:-1]}
    return [change for change in changes if id(change) not in superseded]
