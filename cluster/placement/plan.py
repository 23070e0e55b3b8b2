"""A plan: which nodes hold each partition, in order, and the difference between two plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from cluster.identity import NodeId

Replicas = tuple[NodeId, ...]


@frozen
class Plan:
    """For each partition and datacenter the replicas, the one to lead first."""

    placements: Mapping[int, Mapping[str, Replicas]] = field(factory=dict)

    def replicas(self, partition: int, datacenter: str) -> Replicas:
        """Return the replicas of a partition in a datacenter."""
        return self.placements.get(partition, {}).get(datacenter, ())

    def loads(self) -> Counter[NodeId]:
        """Return how many replicas each node holds; nodes without any are not in it."""
        return Counter(node for replicas in self._all() for node in replicas)

    def leads(self) -> Counter[NodeId]:
        """Return how many partitions each node is to lead in its datacenter."""
        return Counter(replicas[0] for replicas in self._all() if replicas)

    def _all(self) -> Iterator[Replicas]:
        for datacenters in self.placements.values():
            yield from datacenters.values()


@frozen
class Change:
    """What differs for one partition in one datacenter. `old` or `new` may be empty."""

    partition: int
    datacenter: str
    old: Replicas
    new: Replicas

    @property
    def added(self) -> Replicas:
        """Nodes that have to be sent the data."""
        return tuple(node for node in self.new if node not in self.old)

    @property
    def removed(self) -> Replicas:
        """Nodes that drop the data when the move is over."""
        return tuple(node for node in self.old if node not in self.new)

    @property
    def is_leader_change(self) -> bool:
        """Whether another node is to lead."""
        return self.old[:1] != self.new[:1]


def difference(old: Plan, new: Plan) -> tuple[Change, ...]:
    """Return the changes that make the new plan of the old one, by partition and datacenter."""
    changes = []
    for partition in sorted({*old.placements, *new.placements}):
        datacenters = {*old.placements.get(partition, {}), *new.placements.get(partition, {})}
        for datacenter in sorted(datacenters):
            before = old.replicas(partition, datacenter)
            after = new.replicas(partition, datacenter)
            if before != after:
                changes.append(Change(partition, datacenter, before, after))
    return tuple(changes)


def moved_replicas(changes: tuple[Change, ...]) -> int:
    """Return how many replicas have to be copied."""
    return sum(len(change.added) for change in changes)
