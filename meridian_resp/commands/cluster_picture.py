"""The cluster as Redis Cluster would show it: one picture per question, made of what is known.

Redis knows masters, replicas, handshakes and failure flags; Meridian knows members of a map, what
membership holds about them, and how long they have been silent. This module is where the one is
told in words of the other:

* who is shown: the members of the map, and nodes that membership has met and no map has yet;
* `slave`: a member that replicates another one by hand and leads nothing. All others are masters,
  also those that hold copies of many partitions, because each of them serves keys;
* `fail?`: membership suspects it, or it has been silent for long enough to be dead to this node;
  `fail`: membership holds it dead, or it has left;
* slots: what it leads, or, while there is no map, what this node itself claims.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from cluster.membership.messages import MemberStatus
from cluster.membership.phi import Level
from cluster.redis_ids import to_redis_id
from cluster.slots import SLOT_COUNT, SlotSet

if TYPE_CHECKING:
    from cluster.control.heartbeats import PhiReading
    from cluster.identity import NodeId
    from cluster.map.values import ClusterMap, MapMember
    from cluster.membership.events import MemberView
    from meridian_resp.commands.cluster_port import ClusterPort


@frozen
class PicturedNode:
    """One node. `pong_ms` is the Unix time of its last sign of life, 0 where that is unknown."""

    node: NodeId
    host: str
    client_port: int
    bus_port: int
    is_self: bool
    is_suspected: bool
    is_failed: bool
    master: NodeId | None
    pong_ms: int
    config_epoch: int
    slots: SlotSet

    @property
    def redis_id(self) -> str:
        """Its id in 40 digits."""
        return to_redis_id(self.node)

    @property
    def is_reachable(self) -> bool:
        """Whether nothing speaks against talking to it."""
        return self.is_self or not (self.is_suspected or self.is_failed)


@frozen
class ClusterPicture:
    """All nodes, this one included, in the order of their ids."""

    nodes: tuple[PicturedNode, ...]
    is_formed: bool

    @property
    def own(self) -> PicturedNode:
        """This node."""
        return next(node for node in self.nodes if node.is_self)

    def find(self, node: NodeId) -> PicturedNode | None:
        """The node of that id."""
        return next((one for one in self.nodes if one.node == node), None)

    def replicas_of(self, node: NodeId) -> tuple[PicturedNode, ...]:
        """Those that replicate a node by hand."""
        return tuple(one for one in self.nodes if one.master == node)

    def is_ok(self, *, needs_coverage: bool) -> bool:
        """What `cluster_state:ok` says: there is a map, and keys are served.

        With `needs_coverage`, all of them are: no slot is nobody's or of a node that failed.
        """
        served = sum([len(node.slots) for node in self.nodes if not node.is_failed])
        return self.is_formed and served >= (SLOT_COUNT if needs_coverage else 1)


def picture(port: ClusterPort, now_ms: int) -> ClusterPicture:
    """Look at the cluster now."""
    cluster_map = port.map()
    views = {view.node: view for view in port.members()}
    readings = port.phi()
    members = {} if cluster_map is None else dict(cluster_map.members)
    nodes = [
        _pictured(
            port,
            node,
            member=members.get(node),
            view=views.get(node),
            slots=_slots_of(port, node),
            reading=readings.get(node),
            now_ms=now_ms,
        )
        for node in sorted({*members, *_shown(views, cluster_map), port.own_id})
    ]
    return ClusterPicture(tuple(nodes), cluster_map is not None)


def _shown(views: dict[NodeId, MemberView], cluster_map: ClusterMap | None) -> list[NodeId]:
    """Nodes that membership knows and may become members; whoever left is not shown."""
    removed = frozenset() if cluster_map is None else cluster_map.removed
    return [
        node
        for node, view in views.items()
        if view.status is not MemberStatus.LEFT and node not in removed
    ]


def _slots_of(port: ClusterPort, node: NodeId) -> SlotSet:
    view = port.slot_view()
    if view is not None:
        return view.ranges_of(node)
    return port.claims().slots if node == port.own_id else SlotSet()


def _pictured(
    port: ClusterPort,
    node: NodeId,
    *,
    member: MapMember | None,
    view: MemberView | None,
    slots: SlotSet,
    reading: PhiReading | None,
    now_ms: int,
) -> PicturedNode:
    is_self = node == port.own_id
    # Membership is newer than the map where both know the node.
    if view is not None:
        endpoint, client_port = view.endpoint, view.facts.client_port
    elif member is not None:
        endpoint, client_port = member.endpoint, member.client_port
    else:
        endpoint, client_port = port.endpoint, 0
    status = MemberStatus.ALIVE if is_self else MemberStatus.DEAD
    if view is not None and not is_self:
        status = view.status
    is_silent = reading is not None and reading.level is Level.DEAD and not is_self
    is_failed = not status.is_live
    if member is not None:
        config_epoch = member.config_epoch
    else:
        config_epoch = port.claims().config_epoch if is_self else 0
    return PicturedNode(
        node=node,
        host=endpoint.host,
        client_port=client_port,
        bus_port=endpoint.port,
        is_self=is_self,
        is_suspected=not is_failed and (status is MemberStatus.SUSPECTED or is_silent),
        is_failed=is_failed,
        master=None if member is None or len(slots) else member.replicates,
        pong_ms=_pong_ms(reading, is_self=is_self, is_failed=is_failed, now_ms=now_ms),
        config_epoch=config_epoch,
        slots=slots,
    )


def _pong_ms(reading: PhiReading | None, *, is_self: bool, is_failed: bool, now_ms: int) -> int:
    """When it was last heard of; one that others watch is well as long as they say so."""
    if is_self:
        return 0
    if reading is not None:
        return now_ms - int(reading.age_s * 1000)
    return 0 if is_failed else now_ms
