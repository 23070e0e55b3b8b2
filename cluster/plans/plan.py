"""A plan for the cluster: what would be committed, and what it would cost, to be shown before.

A plan is computed from one map and is good for that one only (`at_epoch`). Its commands are
proposed one after the other, each when the one before is applied: moves are aborted, partitions
are split, then all changes of placement begin at once. They stand in the map from then on, so a
plan that was committed is carried out by whoever leads the metadata log, however often it changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import field, frozen

from cluster.identity import NodeId
from cluster.map.commands import MapCommand, PlannedChange, SplitPair
from cluster.map.values import ClusterMap, Placements, leader_in, nodes_in


@frozen
class NodeLoad:
    """What a node holds: places in partitions, how many of them it leads, and their slots."""

    replicas: int = 0
    leads: int = 0
    slots: int = 0


@frozen
class LeaderChange:
    """A partition that another node is to lead; keys in it would have to move."""

    partition: int
    old: NodeId
    new: NodeId


@frozen
class ClusterPlan:
    """What is to be done.

    Attributes:
        at_epoch: the epoch of the map that it was computed from.
        commands: what to propose, in order.
        aborts: moves to be given up, since they lead to where nothing should be any more.
        splits: partitions to split; the higher half goes to the new number.
        changes: partitions to move, after splits.
        moved_replicas: how many places are given to nodes that have none in that partition.
        leader_changes: where another node is to lead.
        loads_before, loads_after: of all members, now and when all moves are done.
        notes: what people should know, a sentence each.
    """

    at_epoch: int
    commands: tuple[MapCommand, ...] = ()
    aborts: tuple[int, ...] = ()
    splits: tuple[SplitPair, ...] = ()
    changes: tuple[PlannedChange, ...] = ()
    moved_replicas: int = 0
    leader_changes: tuple[LeaderChange, ...] = ()
    loads_before: Mapping[NodeId, NodeLoad] = field(factory=dict)
    loads_after: Mapping[NodeId, NodeLoad] = field(factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.commands

    def lines(self) -> tuple[str, ...]:
        """Return the plan in sentences."""
        if self.is_empty:
            return (f"Nothing is to be done at epoch {self.at_epoch}.", *self.notes)
        lines = [f"Plan for epoch {self.at_epoch}:"]
        if self.aborts:
            lines.append(f"{len(self.aborts)} moves are given up.")
        if self.splits:
            lines.append(f"{len(self.splits)} partitions are split.")
        if self.changes:
            lines.append(
                f"{len(self.changes)} partitions change: {self.moved_replicas} replicas move, "
                f"{len(self.leader_changes)} get another leader."
            )
        for node, before in sorted(self.loads_before.items()):
            after = self.loads_after[node]
            if before != after:
                lines.append(
                    f"{node}: leads {before.leads} -> {after.leads} partitions "
                    f"({before.slots} -> {after.slots} slots), "
                    f"holds {before.replicas} -> {after.replicas} replicas."
                )
        return (*lines, *self.notes)


def loads_of(current: ClusterMap, placements: Mapping[int, Placements]) -> dict[NodeId, NodeLoad]:
    """Return what each member holds if the partitions of a map were placed so."""
    replicas: Counter[NodeId] = Counter()
    leads: Counter[NodeId] = Counter()
    slots: Counter[NodeId] = Counter()
    for number, where in placements.items():
        replicas.update(nodes_in(where))
        leader = leader_in(where, current.home_datacenter)
        if leader is not None:
            leads[leader] += 1
            slots[leader] += len(current.partitions[number].slots)
    return {
        node: NodeLoad(replicas[node], leads[node], slots[node])
        for node in sorted(current.members)
    }
