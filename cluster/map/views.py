"""Views of a map for those who route: a slot's leader by one look-up, and ranges for clients.

A view is built once per map (about 1 ms) and never changes. The arrays are what the hot path
reads; the entries are what CLUSTER SLOTS, SHARDS and NODES print.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from cluster.identity import NodeId
from cluster.map.values import ClusterMap, Replicas
from cluster.slots import SLOT_COUNT, SlotSet


@frozen
class RangeEntry:
    """Slots in a row that are served alike: the leader, and the other replicas behind it."""

    first: int
    last: int
    leader: NodeId
    replicas: Replicas


class SlotView:
    """Who serves which slot in one map.

    Attributes:
        epoch: of the map.
        leaders: for each slot who leads it, None for nobody.
        partition_of: for each slot the number of its partition, None for none.
        ranges: the entries in order of slots, merged where neighbours are served alike.
        is_covered: whether every slot is somebody's.
    """

    def __init__(self, current: ClusterMap) -> None:
        self.epoch = current.epoch
        self.leaders: list[NodeId | None] = [None] * SLOT_COUNT
        self.partition_of: list[int | None] = [None] * SLOT_COUNT
        spans: list[RangeEntry] = []
        covered = 0
        for number, partition in current.partitions.items():
            leader = partition.leader(current.home_datacenter)
            assert leader is not None, partition
            others = replicas_behind(current, number)
            for first, last in partition.slots.ranges:
                count = last - first + 1
                self.leaders[first : last + 1] = [leader] * count
                self.partition_of[first : last + 1] = [number] * count
                spans.append(RangeEntry(first, last, leader, others))
                covered += count
        spans.sort(key=lambda entry: entry.first)
        self.ranges = tuple(_merged(spans))
        self.is_covered = covered == SLOT_COUNT
        self._slots_of = _slots_by_leader(self.ranges)

    def ranges_of(self, node: NodeId) -> SlotSet:
        """Return the slots that a node leads."""
        return self._slots_of.get(node, SlotSet())


def replicas_behind(current: ClusterMap, number: int) -> Replicas:
    """Return the replicas of a partition behind its leader: those at home first."""
    partition = current.partitions[number]
    home = current.home_datacenter
    leader = partition.leader(home)
    away = (nodes for name, nodes in partition.placements if name != home)
    ordered = [*partition.replicas(home), *(node for nodes in away for node in nodes)]
    return tuple(node for node in ordered if node != leader)


def _merged(spans: Iterable[RangeEntry]) -> list[RangeEntry]:
    """Join neighbours with the same leader and the same replicas."""
    merged: list[RangeEntry] = []
    for entry in spans:
        before = merged[-1] if merged else None
        if (
            before is not None
            and before.last + 1 == entry.first
            and before.leader == entry.leader
            and before.replicas == entry.replicas
        ):
            merged[-1] = RangeEntry(before.first, entry.last, entry.leader, entry.replicas)
        else:
            merged.append(entry)
    return merged


def _slots_by_leader(entries: Iterable[RangeEntry]) -> dict[NodeId, SlotSet]:
    """Return each leader's slots; entries are in order, so ranges only have to be joined."""
    ranges: dict[NodeId, list[tuple[int, int]]] = {}
    for entry in entries:
        led = ranges.setdefault(entry.leader, [])
        if led and led[-1][1] + 1 == entry.first:
            led[-1] = (led[-1][0], entry.last)
        else:
            led.append((entry.first, entry.last))
    return {node: SlotSet(tuple(led)) for node, led in ranges.items()}
