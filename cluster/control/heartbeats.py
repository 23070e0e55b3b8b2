"""Heartbeats: a small packet each second to those who watch this node, and phi of the watched.

Who watches whom follows from the membership table alone (`membership.monitors`), so nobody has to
be asked. A heartbeat is a membership packet, so it carries the epoch of the sender's map: where
nothing else happens, a new map is heard of within a second.

The detector has to be looked at often, or it could not tell a pause of this process from the
silence of others; the look-out timer does that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from attrs import frozen

from cluster.identity import Endpoint, NodeId
from cluster.membership.events import MemberView
from cluster.membership.messages import Heartbeat, MemberStatus, Message
from cluster.membership.monitors import heartbeat_sources, heartbeat_targets
from cluster.membership.phi import Level, PhiDetector, PhiOptions

#: Looks at the detector per `local_pause_s`; two are the least that tell a pause.
_LOOKS_PER_PAUSE = 4
HEARTBEAT: tuple[Message, ...] = (Heartbeat(),)


@frozen
class PhiReading:
    """Phi of one peer at one moment. `age_s`: since its last heartbeat, or since it is watched."""

    phi: float
    level: Level
    age_s: float


class Heartbeats:
    """Sends heartbeats and feeds the detector; the plane wraps and sends what it wants sent."""

    def __init__(self, own: NodeId, options: PhiOptions, now: float) -> None:
        self._own = own
        self._options = options
        self._detector = PhiDetector(options)
        self._endpoints: dict[NodeId, Endpoint] = {}
        self._last: dict[NodeId, float] = {}
        self._targets: tuple[NodeId, ...] = ()
        self._send_at = now
        self._look_at = now

    def set_members(
        self, members: Iterable[MemberView], replica_peers: Collection[NodeId], now: float
    ) -> None:
        """Choose anew whom to send to and whom to watch; nodes that left are nobody's concern."""
        present = {m.node: m for m in members if m.status is not MemberStatus.LEFT}
        self._endpoints = {node: member.endpoint for node, member in present.items()}
        self._targets = heartbeat_targets(self._own, present, replica_peers)
        sources = heartbeat_sources(self._own, present, replica_peers)
        for node in self._detector.watched():
            if node not in sources:
                self._detector.unwatch(node)
                self._last.pop(node, None)
        for node in sources:
            if node not in self._last:
                self._last[node] = now
                self._detector.watch(node, now)

    def heard(self, node: NodeId, now: float) -> None:
        """Take a heartbeat."""
        if node in self._last:
            self._last[node] = now
            self._detector.heartbeat(node, now)

    def deadline(self) -> float:
        """When `on_deadline` wants to be called."""
        return min(self._send_at, self._look_at)

    def on_deadline(self, now: float) -> tuple[Endpoint, ...]:
        """Let time pass; the endpoints that a heartbeat is due to."""
        if now >= self._look_at:
            self._detector.look(now)
            self._look_at = now + self._options.local_pause_s / _LOOKS_PER_PAUSE
        if now < self._send_at:
            return ()
        self._send_at = now + self._options.heartbeat_interval_s
        return tuple(self._endpoints[node] for node in self._targets)

    def readings(self, now: float) -> Mapping[NodeId, PhiReading]:
        """Phi of everybody who is watched."""
        detector = self._detector
        return {
            node: PhiReading(detector.phi(node, now), detector.level(node, now), now - last)
            for node, last in sorted(self._last.items())
        }
