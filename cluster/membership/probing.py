"""Probes: one member per interval is asked whether it lives (SWIM, section 3.1; Lifeguard, 3.1).

A probe runs through three moments of one interval, all stretched by local health:

1. Ping to the target. If the target is suspected, the Suspect goes along (Lifeguard's buddy
   system), so that it hears of it with certainty and refutes in its answer.
2. After the probe timeout without an answer: three others are asked to ping it for us, and a Ping
   goes over the reliable link, for networks that lose datagrams only.
3. At the end of the interval without an answer from anywhere: the target is suspected. If relays
   that should have complained (Nack) did not, the fault is probably ours, and local health falls.

Whoever relays a probe answers with a Nack when it heard nothing after 80 % of the timeout, so that
the Nack is there before the interval of the asker ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from cluster.identity import Endpoint, NodeId
from cluster.membership.claims import SEQUENCE_BITS, Claims
from cluster.membership.local_node import LocalNode
from cluster.membership.messages import (
    Ack,
    Alive,
    IndirectPing,
    MemberStatus,
    Message,
    Nack,
    Ping,
    Suspect,
)
from cluster.membership.table import Member


@define(eq=False)
class _Probe:
    target: NodeId
    nacks_expected: int = 0
    nacks: int = 0


@define(eq=False)
class _Relay:
    asker: Endpoint
    sequence: int
    target: NodeId


class Prober:
    """Probes of this node, and probes that it relays for others."""

    def __init__(self, local: LocalNode, claims: Claims, now: float) -> None:
        self._local = local
        self._claims = claims
        self._sequence = local.rng.getrandbits(SEQUENCE_BITS)
        self._probes: dict[int, _Probe] = {}
        self._relays: dict[int, _Relay] = {}
        # Nodes that started together should not probe in step.
        first = now + local.rng.random() * local.options.probe_interval_s
        local.timers.at(first, self._begin)

    def ping(
        self, ping: Ping, source: Endpoint, *, newer: Sequence[Alive], is_stream: bool
    ) -> None:
        """Answer a ping in the way it came, unless meant for a node that was here before.

        A datagram also takes along what the asker should know, `newer`.
        """
        local = self._local
        if ping.target != local.node:
            local.count("pings_misdirected")
        elif is_stream:
            local.send_stream(source, Ack(ping.sequence))
        else:
            local.send_packet(source, (Ack(ping.sequence), *newer))

    def indirect_ping(self, asked: IndirectPing, source: Endpoint, now: float) -> None:
        """Ping the target for somebody else."""
        local, options = self._local, self._local.options
        if len(self._relays) >= options.relays_max:
            local.count("relays_refused")
            return
        sequence = self._next_sequence()
        self._relays[sequence] = _Relay(source, asked.sequence, asked.target)
        local.send_packet(asked.endpoint, (Ping(sequence, asked.target),))

        def complain(_now: float) -> None:
            relay = self._relays.get(sequence)
            if relay is not None:
                local.send_packet(relay.asker, (Nack(relay.sequence),))

        def end(_now: float) -> None:
            self._relays.pop(sequence, None)

        local.timers.at(now + options.probe_timeout_s * options.nack_share, complain)
        # A late answer is still worth passing on: the asker waits by its own, longer clock.
        local.timers.at(now + options.probe_interval_s, end)

    def ack(self, ack: Ack, sender: NodeId) -> None:
        """Take an answer: to an own probe, or to one that is relayed.

        An own probe may be answered by a relay. Two numbers that are the same by chance cannot
        meet, since both kinds are counted by one counter.
        """
        relay = self._relays.get(ack.sequence)
        if relay is not None:
            if relay.target == sender:
                del self._relays[ack.sequence]
                self._local.send_packet(relay.asker, (Ack(relay.sequence),))
            return
        if self._probes.pop(ack.sequence, None) is not None:
            self._local.awareness.apply(-1)

    def nack(self, nack: Nack) -> None:
        """Take the complaint of a relay: it is well, so we probably are too."""
        probe = self._probes.get(nack.sequence)
        if probe is not None and probe.nacks < probe.nacks_expected:
            probe.nacks += 1

    def _begin(self, now: float) -> None:
        local, options = self._local, self._local.options
        interval = local.awareness.scale(options.probe_interval_s)
        local.timers.at(now + interval, self._begin)
        target = None if local.is_leaving else local.table.next_to_probe(local.node)
        if target is None:
            return
        sequence = self._next_sequence()
        self._probes[sequence] = _Probe(target.node)
        messages: list[Message] = [Ping(sequence, target.node)]
        if target.status is MemberStatus.SUSPECTED:
            messages.append(Suspect(target.node, target.precedence, local.node))
        local.send_packet(target.endpoint, messages)
        local.count("probes")
        timeout = local.awareness.scale(options.probe_timeout_s)
        local.timers.at(now + timeout, lambda _now: self._ask_others(sequence))
        local.timers.at(now + interval, lambda at: self._conclude(sequence, at))

    def _ask_others(self, sequence: int) -> None:
        local = self._local
        probe = self._probes.get(sequence)
        target = None if probe is None else local.table.get(probe.target)
        if probe is None or target is None:
            return

        def can_relay(member: Member) -> bool:
            return member.status is MemberStatus.ALIVE and member.node not in (
                local.node,
                target.node,
            )

        relays = local.table.pick(local.options.indirect_probes, can_relay)
        probe.nacks_expected = len(relays)
        for relay in relays:
            question = IndirectPing(sequence, target.node, target.endpoint)
            local.send_packet(relay.endpoint, (question,))
        local.send_stream(target.endpoint, Ping(sequence, target.node))
        local.count("probes_indirect")

    def _conclude(self, sequence: int, now: float) -> None:
        probe = self._probes.pop(sequence, None)
        if probe is None:
            return
        local = self._local
        missed = probe.nacks_expected - probe.nacks
        # Without relays there is nobody to compare with: count the failure itself.
        local.awareness.apply(missed if probe.nacks_expected else 1)
        local.count("probes_failed")
        target = local.table.get(probe.target)
        if target is not None and target.status.is_live:
            self._claims.suspect(Suspect(target.node, target.precedence, local.node), now)

    def _next_sequence(self) -> int:
        self._sequence = (self._sequence + 1) % (1 << SEQUENCE_BITS)
        return self._sequence
