"""How a node that hears of a newer map gets it.

Gossip tells who holds which epoch (`EpochSeen`). Of those who hold a newer map than this node,
the one with the newest is asked: one request at a time, with a deadline, then somebody else. The
answer is a delta or the whole map; a delta that does not fit is answered by asking for the whole.
A map that came is made durable before it is shown.

A node without a cluster takes a map only if it is named in it, and only of the cluster that it was
told of. Everybody else takes maps of its own cluster only. Epochs never go back.

Members of the log get the map by applying it. They follow gossip too, but later
(`member_patience_s`): the log may be out of reach when gossip is not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import frozen

from cluster.errors import ClusterError
from cluster.identity import ClusterId, NodeId, id_to_bytes
from cluster.map.codec import decode_map
from cluster.map.deltas import Delta, DeltaMismatch, decode_delta, follow
from cluster.map.values import ClusterMap
from cluster.membership.events import EpochSeen
from cluster.metadata.held_map import HeldMap
from cluster.metadata.options import MetadataOptions
from cluster.metadata.records import map_record
from cluster.metadata.saving import SaveQueue
from cluster.wire.messages import MapReply, MapRequest


@frozen
class MapSource:
    """A node that said that it holds a map of this epoch."""

    seen: EpochSeen
    cluster: ClusterId
    order: int


@frozen
class MapWanted:
    """The request under way."""

    source: MapSource
    known_epoch: int
    deadline: float


class MapFollower:
    """Asks for maps and takes them in.

    Args (of the constructor):
        send: carries a request to who was heard of; may lose it.
        show: called when the held map has advanced, which is durable then.
    """

    def __init__(
        self,
        node: NodeId,
        options: MetadataOptions,
        held: HeldMap,
        *,
        saves: SaveQueue,
        send: Callable[[EpochSeen, MapRequest], None],
        show: Callable[[], None],
    ) -> None:
        self._node = node
        self._options = options
        self._held = held
        self._saves = saves
        self._send = send
        self._show = show
        self._sources: dict[NodeId, MapSource] = {}
        self._order = 0
        self._wanted: MapWanted | None = None
        self._arriving: ClusterMap | None = None
        self._start_at: float | None = None

    @property
    def newest(self) -> ClusterMap | None:
        """The newest map here, shown or still being saved."""
        arriving = self._arriving
        if arriving is not None and arriving.epoch > self._held.epoch:
            return arriving
        return self._held.map

    def seen(self, event: EpochSeen, *, is_patient: bool, now: float) -> None:
        """Take in that a node holds a map of some epoch."""
        newest = self.newest
        if event.map_epoch <= (newest.epoch if newest else 0):
            return
        cluster = event.cluster
        if cluster is None or (newest is not None and cluster != newest.cluster):
            return
        self._order += 1
        self._sources[event.node] = MapSource(event, cluster, self._order)
        if len(self._sources) > self._options.map_sources_max:
            oldest = min(self._sources, key=lambda node: self._sources[node].order)
            del self._sources[oldest]
        if self._start_at is None:
            self._start_at = now + (self._options.member_patience_s if is_patient else 0.0)
        self._ask(now)

    def take_reply(self, node: NodeId, reply: MapReply, now: float) -> None:
        """Take in an answer; whatever nobody asked for is dropped."""
        wanted = self._wanted
        if wanted is None or wanted.source.seen.node != node:
            return
        self._wanted = None
        base = self.newest
        try:
            newer, delta = self._read(reply, base, wanted.source.cluster)
        except DeltaMismatch:
            self._want(wanted.source, 0, now)
            return
        except ClusterError:
            self._sources.pop(node, None)
            self._ask(now)
            return
        if newer is not None:
            self._arriving = newer
            done = partial(self._saved, newer, base.epoch if base else 0, delta)
            self._saves.add((map_record(newer),), done, now=now)
        elif self._sources.get(node) == wanted.source:
            del self._sources[node]
        self._ask(now)

    def link_failed(self, node: NodeId, now: float) -> None:
        """Take in that what was asked of a node, or its answer, may be lost."""
        if self._wanted is not None and self._wanted.source.seen.node == node:
            self._give_up(now)

    def clear(self) -> None:
        """Forget everything; what is being saved will not be shown."""
        self._sources.clear()
        self._wanted = self._arriving = self._start_at = None

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        if self._wanted is not None:
            return self._wanted.deadline
        return self._start_at if self._sources else None

    def on_deadline(self, now: float) -> None:
        """Let time pass."""
        if self._wanted is not None and now >= self._wanted.deadline:
            self._give_up(now)
        self._ask(now)

    def _give_up(self, now: float) -> None:
        """Forget a node that does not answer, until gossip names it again."""
        assert self._wanted is not None
        self._sources.pop(self._wanted.source.seen.node, None)
        self._wanted = None
        self._ask(now)

    def _ask(self, now: float) -> None:
        newest = self.newest
        epoch = newest.epoch if newest else 0
        old = [n for n, source in self._sources.items() if source.seen.map_epoch <= epoch]
        for node in old:
            del self._sources[node]
        if not self._sources:
            self._start_at = None
        elif self._wanted is None and self._start_at is not None and now >= self._start_at:
            best = max(self._sources.values(), key=lambda s: (s.seen.map_epoch, s.order))
            self._want(best, epoch, now)

    def _want(self, source: MapSource, known_epoch: int, now: float) -> None:
        deadline = now + self._options.map_request_timeout_s
        self._wanted = MapWanted(source, known_epoch, deadline)
        self._send(source.seen, MapRequest(id_to_bytes(source.cluster), known_epoch))

    def _read(
        self, reply: MapReply, base: ClusterMap | None, cluster: ClusterId
    ) -> tuple[ClusterMap | None, Delta | None]:
        """Return the newer map in a reply, None when it is not newer, and the delta, if any."""
        if base is not None:
            cluster = base.cluster
        if reply.cluster != id_to_bytes(cluster):
            return None, None
        delta: Delta | None = None
        if reply.delta:
            if base is None:
                return None, None
            delta = decode_delta(reply.delta)
            newer = follow(base, delta)
        else:
            newer = decode_map(reply.whole).published()
        is_newer = newer.cluster == cluster and newer.epoch > (base.epoch if base else 0)
        if not is_newer or (base is None and self._node not in newer.members):
            return None, None
        return newer, delta

    def _saved(self, newer: ClusterMap, from_epoch: int, delta: Delta | None, now: float) -> None:
        if self._arriving is None or self._arriving.cluster != newer.cluster:
            return  # the cluster was left meanwhile
        if self._arriving is newer:
            self._arriving = None
        if self._held.follow(newer, from_epoch, delta):
            self._show()
        self._ask(now)
