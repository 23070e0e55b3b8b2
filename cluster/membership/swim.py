"""Membership of a cluster: SWIM with Lifeguard, as one pure state machine.

What it promises: every node has a table of all nodes; a node that stops is dead in all tables
within a bounded time; a node that answers is not, though packets are lost and many nodes are slow;
traffic per node does not grow with the cluster. What it does not promise: that two tables are
equal at the same moment. Who owns data is therefore decided elsewhere, in a replicated log.

Papers: Das, Gupta, Motivala, "SWIM" (DSN 2002); Dadgar, Phillips, Currey, "Lifeguard" (DSN-W
2018). Figures: memberlist's LAN profile (`options`). Beyond them: boots and precedences instead of
plain incarnations, cluster ids, quarantine of removed ids, exchange by checksums, a clock that
stands still with the process (`timers`). Bytes and rules in prose: docs/protocols/gossip.md.

It is a machine like the other cores: `handle` an input, `on_deadline` when `deadline` is reached,
`take` the outputs. It reads no clock and draws no number but from what it was given, so a seed
replays bit for bit.
"""

from __future__ import annotations

from random import Random

from attrs import frozen

from cluster.identity import Boot, ClusterId, Endpoint, NodeId
from cluster.membership.claims import Claims
from cluster.membership.events import (
    AdoptCluster,
    AdvertiseEpoch,
    ChangeFacts,
    EpochSeen,
    ForceSync,
    ForeignCluster,
    Input,
    Join,
    Leave,
    LeaveFinished,
    MemberView,
    Output,
    PacketReceived,
    Remove,
)
from cluster.membership.exchange import Exchange
from cluster.membership.facts import NodeFacts
from cluster.membership.local_node import LocalNode
from cluster.membership.messages import (
    Ack,
    Alive,
    Dead,
    Heartbeat,
    IndirectPing,
    Left,
    MemberStatus,
    Message,
    Nack,
    Ping,
    Suspect,
    SyncDigest,
    SyncStates,
)
from cluster.membership.options import SwimOptions
from cluster.membership.probing import Prober
from cluster.membership.table import Member


@frozen
class SwimStatistics:
    """Figures of one node; `counts` are by event since the start.

    Attributes:
        members: nodes by status.
        awareness: local health, 0 is well.
        rumours: claims that are still passed on.
        paused_s: how long this process stood still altogether.
        counts: probes, probes_failed, suspicions, deaths, refutations, syncs, ...
    """

    members: dict[MemberStatus, int]
    awareness: int
    rumours: int
    paused_s: float
    counts: dict[str, int]


class Swim:
    """The membership core of one node."""

    def __init__(
        self,
        node: NodeId,
        endpoint: Endpoint,
        *,
        boot: Boot,
        facts: NodeFacts,
        cluster: ClusterId | None,
        options: SwimOptions,
        rng: Random,
        now: float,
        incarnation: int = 0,
    ) -> None:
        """Begin a life; `boot` is durable already. `incarnation`: more than was said in it before.

        Raises:
            OptionError: the options do not fit together.
        """
        options.validate()
        self._local = local = LocalNode(
            node,
            endpoint,
            boot=boot,
            facts=facts,
            cluster=cluster,
            options=options,
            rng=rng,
            now=now,
            incarnation=incarnation,
        )
        self._claims = Claims(local)
        self._prober = Prober(local, self._claims, now)
        self._exchange = Exchange(local, self._claims, now)
        self._is_gossip_due = False
        self._foreign_noticed: dict[ClusterId, float] = {}
        local.tell(local.member.claim)
        self._arm_gossip(now)

    def handle(self, event: Input, now: float) -> None:
        """Take an input."""
        core_now = self._advance(now)
        match event:
            case PacketReceived():
                self._receive(event, core_now)
            case Join(endpoints):
                self._exchange.join(endpoints, core_now)
            case Leave():
                self._leave(core_now)
            case Remove(node, quarantine_s):
                options = self._local.options
                seconds = options.quarantine_s if quarantine_s is None else quarantine_s
                self._claims.removed(node, seconds, core_now)
            case AdoptCluster(cluster):
                self._adopt(cluster, core_now)
            case ChangeFacts(facts):
                self._local.member.facts = facts
                self._claims.renew(core_now)
            case AdvertiseEpoch(map_epoch):
                self._local.map_epoch = max(map_epoch, self._local.map_epoch)
            case ForceSync():
                self._exchange.with_everybody(core_now)
        self._arm_gossip(core_now)

    def deadline(self) -> float | None:
        """Return when `on_deadline` wants to be called."""
        return self._local.timers.deadline()

    def on_deadline(self, now: float) -> None:
        """Do what is due."""
        core_now = self._advance(now)
        self._local.timers.run_due(core_now)
        self._arm_gossip(core_now)

    def take(self) -> list[Output]:
        """Return the outputs since the last call, in order."""
        outputs, self._local.outputs = self._local.outputs, []
        return outputs

    def members(self) -> list[MemberView]:
        """Return everything that is held about everybody, by id; this node too."""
        paused_s = self._local.timers.paused_s
        return sorted((m.view(paused_s) for m in self._local.table), key=lambda view: view.node)

    def member(self, node: NodeId) -> MemberView | None:
        """Return what is held about one node."""
        found = self._local.table.get(node)
        return None if found is None else found.view(self._local.timers.paused_s)

    def statistics(self) -> SwimStatistics:
        """Return the figures of this moment."""
        local = self._local
        members = dict.fromkeys(MemberStatus, 0)
        for member in local.table:
            members[member.status] += 1
        return SwimStatistics(
            members,
            local.awareness.score,
            len(local.broadcasts),
            local.timers.paused_s,
            dict(local.counts),
        )

    def check_invariants(self) -> None:
        """Assert what always holds."""
        local = self._local
        local.table.check_invariants()
        local.broadcasts.check_invariants()
        assert local.table.get(local.node) is local.member
        assert local.member.status is MemberStatus.ALIVE
        assert all(not local.is_foreign(member.cluster) for member in local.table)

    def _advance(self, now: float) -> float:
        core_now, is_pause = self._local.timers.advance(now)
        if is_pause:
            self._local.count("pauses")
            self._local.awareness.apply(1)
        return core_now

    def _receive(self, event: PacketReceived, now: float) -> None:
        local, packet = self._local, event.packet
        if local.is_foreign(packet.cluster):
            assert packet.cluster is not None
            self._notice_foreign(event.source, packet.cluster, now)
            return
        if packet.sender == local.node:
            local.count("packets_own")  # a clone, or an address that leads back to us
            return
        if local.table.is_quarantined(packet.sender, now):
            local.count("packets_quarantined")
            verdicts = [r for r in local.table.removed(now) if r.node == packet.sender]
            local.send_packet(event.source, verdicts)
            return
        if packet.map_epoch > local.map_epoch:
            seen = EpochSeen(packet.sender, event.source, packet.map_epoch, packet.cluster)
            local.outputs.append(seen)
        held = local.table.get(packet.sender)
        if held is not None and held.status is MemberStatus.DEAD:
            # It speaks, so it is not dead; but only its own next incarnation says so to all.
            verdict = Dead(held.node, held.precedence, local.node)
            local.send_packet(event.source, (verdict,))
        for message in packet.messages:
            self._dispatch(message, event, now)
        # Pings last, since the answer, the first one, refutes and corrects what came along.
        pings = [message for message in packet.messages if isinstance(message, Ping)]
        newer = self._claims.corrections(packet.messages) if pings else []
        for ping in pings:
            self._prober.ping(ping, event.source, newer=newer, is_stream=event.is_stream)
            newer = []

    def _dispatch(self, message: Message, event: PacketReceived, now: float) -> None:
        match message:
            case Suspect() | Alive():  # far more of them than of all others
                self._claims.judge(message, now)
            case Ack():
                self._prober.ack(message, event.packet.sender)
            case IndirectPing():
                self._prober.indirect_ping(message, event.source, now)
            case Nack():
                self._prober.nack(message)
            case SyncDigest():
                self._exchange.digest(message, event.source, now)
            case SyncStates():
                self._exchange.states(message, event.packet.sender, event.source, now)
            case Ping():
                pass  # answered when all else has been judged
            case Heartbeat():
                pass  # `cluster.control.heartbeats` takes it
            case _:
                self._claims.judge(message, now)

    def _arm_gossip(self, now: float) -> None:
        local = self._local
        if not self._is_gossip_due and len(local.broadcasts):
            self._is_gossip_due = True
            # A random part of the interval keeps the rounds of different nodes apart.
            local.timers.at(
                now + local.rng.random() * local.options.gossip_interval_s, self._gossip
            )

    def _gossip(self, now: float) -> None:
        local, options = self._local, self._local.options
        self._is_gossip_due = False
        horizon = now - options.gossip_to_dead_s

        def hears(member: Member) -> bool:
            if member is local.member:
                return False
            return member.status.is_live or member.changed_at > horizon

        for member in local.table.pick(options.gossip_nodes, hears):
            if not local.send_packet(member.endpoint, ()):
                return
        if len(local.broadcasts):
            self._is_gossip_due = True
            local.timers.at(now + options.gossip_interval_s, self._gossip)

    def _leave(self, now: float) -> None:
        local = self._local
        if local.is_leaving:
            return
        local.is_leaving = True
        local.tell(Left(local.node, local.member.precedence))
        ends = now + local.options.leave_timeout_s

        def finish(at: float) -> None:
            if at >= ends or local.node not in local.broadcasts or local.table.live_count == 1:
                local.outputs.append(LeaveFinished())
            else:
                local.timers.at(min(at + local.options.gossip_interval_s, ends), finish)

        local.timers.at(now + local.options.gossip_interval_s, finish)

    def _adopt(self, cluster: ClusterId | None, now: float) -> None:
        local = self._local
        if local.member.cluster == cluster:
            return
        local.member.cluster = cluster
        local.map_epoch = 0  # epochs of different clusters do not compare
        for member in list(local.table):
            if local.is_foreign(member.cluster):
                self._claims.forget(member, is_removed=False)
        self._claims.renew(now)

    def _notice_foreign(self, source: Endpoint, cluster: ClusterId, now: float) -> None:
        local = self._local
        local.count("packets_foreign")
        noticed = self._foreign_noticed.get(cluster)
        if noticed is None or now - noticed >= local.options.notice_interval_s:
            # Ids come from strangers: what is remembered of them is bounded.
            if len(self._foreign_noticed) >= 64:
                self._foreign_noticed.clear()
            self._foreign_noticed[cluster] = now
            local.outputs.append(ForeignCluster(source, cluster))
