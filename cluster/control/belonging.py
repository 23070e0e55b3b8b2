"""Which cluster this node is in, and what a new map means for it.

A map that does not name this node any more says that it was removed: an id that was removed never
returns, so the node retires and begins another life under another one. It makes no contact then,
until somebody asks it to.

A map that says that the cluster dissolved makes the node unformed, with the same id, and it joins
the other cluster. It does not leave at once: for a moment all members tell the last map to each
other, since nobody can commit anything any more once they have gone. Who was away meanwhile, with
a frozen map, is told by those who left; what they left is on their disks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cluster.birth import events as birth_events
from cluster.birth.state import Stage
from cluster.control import outputs
from cluster.control.parts import SENT_AWAY, Parts
from cluster.identity import (
    ID_BYTES,
    ClusterId,
    Endpoint,
    NodeId,
    id_from_bytes,
    id_to_bytes,
)
from cluster.journal.records import Record, RecordKind
from cluster.map.values import ClusterMap
from cluster.map.views import SlotView
from cluster.membership.events import AdoptCluster, AdvertiseEpoch, EpochSeen, Remove
from cluster.metadata.events import Release
from cluster.wire.messages import ClusterDissolved
from storage.errors import CorruptionError

#: Feature of a cluster in which a key was ever held: it never gives way to another one.
HELD_KEYS = "held-keys"
#: Dissolved clusters that are remembered.
_DISSOLVED_MAX = 16


class Belonging:
    """Follows the maps of this node and the decisions of its birth core."""

    def __init__(self, parts: Parts, recovered: Sequence[Record]) -> None:
        self._parts = parts
        self._removed: frozenset[NodeId] = frozenset()
        self._waiting: ClusterMap | None = None
        #: Clusters that dissolved under this node, and what each became part of.
        self._dissolved = dict(
            _read_dissolved(record)
            for record in recovered
            if record.kind is RecordKind.CLUSTER_DISSOLVED
        )
        self._leave_at: float | None = None
        self._leaving: ClusterId | None = None
        self._told: tuple[ClusterId, int, NodeId | None] | None = None

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        return self._leave_at

    def on_deadline(self, now: float) -> None:
        """Leave a dissolved cluster when everybody has had the time to hear of it."""
        if self._leave_at is not None and now >= self._leave_at:
            assert self._leaving is not None
            self._leave(self._leaving, self._dissolved[self._leaving])

    def records(self) -> list[Record]:
        """Return the records that are still needed."""
        records = [_dissolved_record(*pair) for pair in self._dissolved.items()]
        return [*records, SENT_AWAY] if self._parts.is_sent_away else records

    def take_map(self, newer: ClusterMap) -> None:
        """Take over the newest map, which is durable."""
        parts = self._parts
        if newer.dissolved_into is not None:
            self._dissolve(newer, newer.dissolved_into)
        elif newer.cluster in self._dissolved:
            # Of somebody who does not know yet; this node does not go back.
            parts.log.handle(Release(), parts.now)
        elif parts.own_id not in newer.members:
            self.retire("it was removed from its cluster", is_sent_away=True)
        elif parts.birth.cluster != newer.cluster:
            # Adopting comes first; the map counts from then on.
            self._waiting = newer
            formed = birth_events.ClusterFormed(newer.cluster, tuple(newer.members))
            parts.birth.handle(formed, parts.now)
        else:
            self._route_by(newer)

    def adopt(self, cluster: ClusterId) -> None:
        """Belong to this cluster from now on, which is durable."""
        parts, waiting = self._parts, self._waiting
        parts.is_sent_away = False
        parts.swim.handle(AdoptCluster(cluster), parts.now)
        held = parts.log.map
        newest = held if held is not None and held.cluster == cluster else waiting
        self._waiting = None
        if newest is not None and newest.cluster == cluster:
            self._route_by(newest)

    def tell_leader(self) -> None:
        """Tell the birth core which map holds and who leads the log, whichever has changed."""
        parts, held = self._parts, self._parts.map
        if held is None:
            return
        leader = parts.log.status.leader
        if self._told == (held.cluster, held.epoch, leader):
            return
        self._told = (held.cluster, held.epoch, leader)
        members = tuple((node, member.endpoint) for node, member in held.members.items())
        news = birth_events.MapNews(held.epoch, held.is_frozen, members, leader)
        parts.birth.handle(news, parts.now)

    def look_for_removal(self) -> None:
        """Others say that this node was removed; only a newer map proves it, so ask for one."""
        parts, held = self._parts, self._parts.map
        parts.notice(logging.WARNING, "Other nodes say that this node was removed")
        if held is None:
            # It was made a member and removed again before it had heard of either.
            if parts.birth.stage is Stage.UNFORMED and not parts.birth.has_claims:
                self.retire("it was removed before it came to be a member", is_sent_away=True)
            return
        for member in parts.live_members():
            if member.node != parts.own_id:
                seen = EpochSeen(member.node, member.endpoint, held.epoch + 1, held.cluster)
                parts.log.handle(seen, parts.now)

    def retire(self, reason: str, *, is_sent_away: bool) -> None:
        """End this life."""
        parts = self._parts
        if parts.is_retired:
            return
        parts.is_retired = True
        parts.map = parts.view = None
        parts.notice(logging.WARNING, f"This node begins anew under another id: {reason}")
        parts.put(outputs.MapChanged(None))
        parts.put(outputs.Retire(reason, (SENT_AWAY,) if is_sent_away else ()))

    def _route_by(self, newer: ClusterMap) -> None:
        parts = self._parts
        parts.map, parts.view = newer, SlotView(newer)
        parts.swim.handle(AdvertiseEpoch(newer.epoch), parts.now)
        for node in sorted(newer.removed - self._removed):
            quarantine_s = parts.options.removal_quarantine_s
            parts.swim.handle(Remove(node, quarantine_s), parts.now)
        self._removed = newer.removed
        self.tell_leader()
        if HELD_KEYS in newer.features:
            has_data = birth_events.DataChanged(has_data=True, is_cluster_wide=True)
            parts.birth.handle(has_data, parts.now)
        parts.put(outputs.MapChanged(None if parts.is_disputed else newer))

    def foreign_seen(self, endpoint: Endpoint, cluster: ClusterId) -> None:
        """Somebody of another cluster spoke: if it is one that dissolved, tell them."""
        into = self._dissolved.get(cluster)
        if into is not None and self._leaving is None:
            told = ClusterDissolved(id_to_bytes(cluster), id_to_bytes(into))
            self._parts.send(endpoint, told)

    def told_dissolved(self, node: NodeId, told: ClusterDissolved) -> None:
        """A former member says that the cluster dissolved; a frozen map cannot be against it."""
        parts, held = self._parts, self._parts.map
        if held is None or not held.is_frozen or node not in held.members:
            return
        if id_to_bytes(held.cluster) != told.cluster or len(told.into) != ID_BYTES:
            return
        if not parts.data.holds_keys():
            into = ClusterId(id_from_bytes(told.into))
            self._remember(held.cluster, into)
            self._leave(held.cluster, into)

    def _dissolve(self, last: ClusterMap, into: ClusterId) -> None:
        """Stop serving, tell the others, and leave in a moment."""
        parts = self._parts
        if self._leaving is not None:
            return
        self._remember(last.cluster, into)
        self._leaving = last.cluster
        self._leave_at = parts.now + parts.options.dissolve_linger_s
        parts.map = parts.view = None
        parts.put(outputs.MapChanged(None))
        parts.notice(logging.INFO, f"The cluster {last.cluster} becomes part of {into}")
        parts.swim.handle(AdvertiseEpoch(last.epoch), parts.now)

    def _remember(self, cluster: ClusterId, into: ClusterId) -> None:
        if cluster not in self._dissolved:
            while len(self._dissolved) >= _DISSOLVED_MAX:
                del self._dissolved[next(iter(self._dissolved))]
            self._dissolved[cluster] = into
            parts = self._parts
            record = _dissolved_record(cluster, into)
            parts.put(parts.saves.add(lambda number, now: None, 0, (record,)))

    def _leave(self, cluster: ClusterId, into: ClusterId) -> None:
        """Become unformed, and part of the other cluster when that takes this node in."""
        parts = self._parts
        self._leave_at = self._leaving = None
        was_serving = parts.map is not None
        parts.map = parts.view = self._waiting = None
        self._removed = frozenset()
        if was_serving:
            parts.put(outputs.MapChanged(None))
        parts.birth.handle(birth_events.ClusterLost(cluster, into), parts.now)
        parts.log.handle(Release(), parts.now)
        parts.swim.handle(AdoptCluster(None), parts.now)


def _dissolved_record(cluster: ClusterId, into: ClusterId) -> Record:
    payload = id_to_bytes(cluster) + id_to_bytes(into)
    return Record(RecordKind.CLUSTER_DISSOLVED, payload)


def _read_dissolved(record: Record) -> tuple[ClusterId, ClusterId]:
    packed = record.payload
    if len(packed) != 2 * ID_BYTES:
        raise CorruptionError("cluster/journal", None, "a dissolved cluster is not two ids")
    return (
        ClusterId(id_from_bytes(packed[:ID_BYTES])),
        ClusterId(id_from_bytes(packed[ID_BYTES:])),
    )
