"""Options of SWIM: every interval, bound and multiplier by name; memberlist's LAN profile.

The profile is for one datacenter or a few that are near each other: round trips well below the
probe timeout. Relations that must hold are checked by `validate`, so that a wrong profile is
refused at start and not noticed as false deaths.
"""

from __future__ import annotations

from attrs import frozen

from cluster.errors import OptionError


@frozen
class SwimOptions:
    """Options of the membership core.

    Attributes:
        probe_interval_s: one node is probed per interval.
        probe_timeout_s: after this long without an acknowledgement others are asked to probe.
        nack_share: part of the probe timeout after which a relay says that it heard nothing.
        indirect_probes: how many others are asked.
        gossip_interval_s: pause between rounds of gossip while there is something to tell.
        gossip_nodes: receivers per round.
        gossip_to_dead_s: how long a dead node still hears gossip, so that it can refute.
        retransmit_multiplier: a rumour is sent this many times ceil(log10(N + 1)).
        suspicion_multiplier: least suspicion timeout in probe intervals, times log10(N).
        suspicion_max_multiplier: greatest suspicion timeout, in least ones.
        awareness_max: local health runs from 0 (well) to this, excluded.
        sync_interval_s: pause between exchanges of whole tables, up to `sync_scale_nodes` nodes.
        sync_scale_nodes: above it the pause grows with log2(N).
        reconnect_interval_s: pause between attempts to reach dead nodes, and seeds while alone.
        join_retry_s: first pause before an unanswered join is tried again; doubled each time.
        join_attempts_max: attempts per endpoint before a join is reported as failed.
        leave_timeout_s: the leave is over after this long even if not told often enough.
        dead_retention_s: how long dead and left nodes are remembered.
        quarantine_s: how long a removed id is refused, when the remover does not say.
        pause_s: a timer later than this means that this process stood still; see `swim`.
        packet_bytes_max: bound of a datagram.
        packet_reserve_bytes: part of it that is left to the transport (authentication tag).
        notice_interval_s: the same foreign cluster or conflict is reported once per interval.
        relays_max: probes for others that are open at once; further ones are dropped.
    """

    probe_interval_s: float = 1.0
    probe_timeout_s: float = 0.5
    nack_share: float = 0.8
    indirect_probes: int = 3
    gossip_interval_s: float = 0.2
    gossip_nodes: int = 3
    gossip_to_dead_s: float = 30.0
    retransmit_multiplier: int = 4
    suspicion_multiplier: int = 4
    suspicion_max_multiplier: int = 6
    awareness_max: int = 8
    sync_interval_s: float = 30.0
    sync_scale_nodes: int = 32
    reconnect_interval_s: float = 30.0
    join_retry_s: float = 1.0
    join_attempts_max: int = 8
    leave_timeout_s: float = 5.0
    dead_retention_s: float = 24 * 3600.0
    quarantine_s: float = 24 * 3600.0
    pause_s: float = 1.0
    packet_bytes_max: int = 1400
    packet_reserve_bytes: int = 32
    notice_interval_s: float = 60.0
    relays_max: int = 1000

    def validate(self) -> None:
        """Check every bound and relation.

        Raises:
            OptionError: with the name of the first option that does not fit.
        """
        room = self.packet_bytes_max - self.packet_reserve_bytes
        timeout = self.probe_timeout_s
        for name, is_right, allowed in (
            ("probe_timeout_s", 0 < timeout < self.probe_interval_s, "below probe_interval_s"),
            ("nack_share", 0 < self.nack_share < 1, "between 0 and 1"),
            ("gossip_interval_s", self.gossip_interval_s > 0, "more than 0"),
            ("gossip_nodes", self.gossip_nodes >= 1, "at least 1"),
            ("retransmit_multiplier", self.retransmit_multiplier >= 1, "at least 1"),
            ("suspicion_multiplier", self.suspicion_multiplier >= 2, "at least 2"),
            ("suspicion_max_multiplier", self.suspicion_max_multiplier >= 1, "at least 1"),
            ("awareness_max", self.awareness_max >= 1, "at least 1"),
            ("sync_interval_s", self.sync_interval_s > 0, "more than 0"),
            ("reconnect_interval_s", self.reconnect_interval_s > 0, "more than 0"),
            ("packet_bytes_max", room >= 576, "576 more than packet_reserve_bytes"),
        ):
            if not is_right:
                raise OptionError(name, getattr(self, name), allowed)
