"""Two formed clusters that meet: they tell each other what they are, and who must give way.

A cluster that ever held a key never gives way. Of two that never did, the one with the lower id
stays. So at most one of two gives way, and both sides come to the same conclusion from the same
two facts (cluster id, held keys) told in `ClusterHello`. Where both hold data neither gives way:
people are told on both sides, and the clusters stay apart.

Any member may be the one that meets the other cluster. It tells its metadata leader by passing
the hello on; the leader takes the cluster apart (`dissolving`).
"""

from __future__ import annotations

from attrs import define, field

from cluster.birth.dissolving import Dissolving
from cluster.birth.events import Contact, DissolveWanted, MapNews, Send
from cluster.birth.state import BirthState
from cluster.identity import ClusterId, Endpoint, NodeId, id_from_bytes, id_to_bytes
from cluster.wire.messages import ClusterHello


@define(eq=False)
class ForeignCluster:
    """What is remembered of another formed cluster."""

    endpoints: list[Endpoint] = field(factory=list)
    greeted_at: float = float("-inf")
    judged_at: float = float("-inf")


class Merging:
    """What one node knows of other clusters."""

    def __init__(self, state: BirthState) -> None:
        self._state = state
        self._foreign: dict[ClusterId, ForeignCluster] = {}
        self._news: MapNews | None = None
        self._cluster_held_keys = False
        self.dissolving = Dissolving(state, self.set_cluster_data)

    @property
    def held_keys(self) -> bool:
        """Whether this node, or its cluster as far as known, holds data."""
        return self._state.has_data or self._cluster_held_keys

    def set_cluster_data(self, has_data: bool) -> None:
        """Some member of this node's cluster holds data, or none does."""
        self._cluster_held_keys = has_data

    def map_news(self, news: MapNews, now: float) -> None:
        """This node has applied a map."""
        self._news = news
        self.dissolving.map_news(news, now)

    def left(self, into: ClusterId | None) -> None:
        """This node has left its cluster: it makes contact with the one it goes into."""
        self._news, self._cluster_held_keys = None, False
        self.dissolving.stop()
        known = None if into is None else self._foreign.get(into)
        if known is not None and known.endpoints:
            self._state.put(Contact(tuple(known.endpoints)))

    def seen(self, endpoint: Endpoint, cluster: ClusterId, now: float) -> None:
        """Membership heard another cluster: greet it."""
        own = self._state.durable.cluster
        if own is None or own == cluster:
            return
        foreign = self._remember(cluster, endpoint)
        if now - foreign.greeted_at >= self._state.options.hello_s:
            foreign.greeted_at = now
            self._state.put(Send(endpoint, self._hello(own, is_reply=False)))

    def hello(
        self, node: NodeId, endpoint: Endpoint, *, message: ClusterHello, now: float
    ) -> None:
        """Answer another cluster, and see who of both gives way."""
        own = self._state.durable.cluster
        other = ClusterId(id_from_bytes(message.cluster))
        if own is None or other == own:
            return
        is_passed_on = self._news is not None and node in dict(self._news.members)
        foreign = self._remember(other, None if is_passed_on else endpoint)
        if not message.is_reply:
            self._state.put(Send(endpoint, self._hello(own, is_reply=True)))
        self._judge(foreign, own, other=other, other_held_keys=message.held_keys, now=now)

    def _judge(
        self,
        foreign: ForeignCluster,
        own: ClusterId,
        *,
        other: ClusterId,
        other_held_keys: bool,
        now: float,
    ) -> None:
        state = self._state
        if self.held_keys and other_held_keys:
            state.notice_rarely(
                f"cluster {other} is in contact, but both it and this cluster {own} hold data: "
                "they are not merged. Empty one of them first, or keep them apart",
                now,
            )
            return
        gives_way = not self.held_keys and (other_held_keys or other < own)
        if not gives_way or now - foreign.judged_at < state.options.hello_s:
            return
        foreign.judged_at = now
        state.put(DissolveWanted(other))
        leader = None if self._news is None else self._news.leader
        if leader == state.own:
            self.dissolving.begin(other, now)
        elif leader is not None and self._news is not None:
            told = ClusterHello(id_to_bytes(other), other_held_keys, is_reply=True)
            leader_endpoint = dict(self._news.members).get(leader)
            if leader_endpoint is not None:
                state.send(leader, leader_endpoint, told)

    def _hello(self, own: ClusterId, *, is_reply: bool) -> ClusterHello:
        return ClusterHello(id_to_bytes(own), self.held_keys, is_reply)

    def _remember(self, cluster: ClusterId, endpoint: Endpoint | None) -> ForeignCluster:
        foreign_max = self._state.options.foreign_max
        if cluster not in self._foreign and len(self._foreign) >= foreign_max:
            del self._foreign[next(iter(self._foreign))]  # ids come from strangers
        foreign = self._foreign.setdefault(cluster, ForeignCluster())
        if endpoint is not None and endpoint not in foreign.endpoints:
            foreign.endpoints.append(endpoint)
            del foreign.endpoints[:-foreign_max]
        return foreign
