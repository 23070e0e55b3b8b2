"""What commands about transitions do to the map; see `values` for the steps.

A transition knows both placements, so what is under way, and the way back, are in the map and
nowhere else: whoever leads the metadata log after a crash goes on where it stands.
"""

from __future__ import annotations

import attrs

from cluster.identity import NodeId
from cluster.map.commands import (
    AbortTransition,
    AdvanceTransition,
    AdvanceTransitions,
    BeginTransitions,
    PlannedChange,
)
from cluster.map.member_changes import begun, with_partitions
from cluster.map.rejection import CommandRejected, known_member, require, still_partition
from cluster.map.values import ClusterMap, MapPartition, Transition, TransitionStep, nodes_in


def begin_transitions(current: ClusterMap, command: BeginTransitions) -> ClusterMap:
    """Begin planned moves, if the map is still the one that they were planned on."""
    require(
        command.at_epoch == current.epoch,
        f"the map has moved on from epoch {command.at_epoch} to {current.epoch}",
    )
    require(bool(command.changes), "no changes are named")
    numbers = [change.partition for change in command.changes]
    require(len(numbers) == len(set(numbers)), "a partition is named twice")
    moved = [_moved(current, change) for change in command.changes]
    return with_partitions(current, *moved)


def advance_transition(current: ClusterMap, command: AdvanceTransition) -> ClusterMap:
    """Take the next step; whoever leads by it follows nobody from then on."""
    partition, transition = _moving(current, command.partition)
    require(
        transition.step == command.from_step,
        f"partition {command.partition} is at {transition.step.name}, "
        f"not at {command.from_step.name}",
    )
    epoch = current.epoch + 1
    if transition.step == TransitionStep.CLEAN_UP:
        done = attrs.evolve(partition, transition=None, epoch=epoch)
        return with_partitions(current, done)
    step = TransitionStep(transition.step + 1)
    further = attrs.evolve(
        partition,
        transition=attrs.evolve(transition, step=step),
        placements=transition.old if step < TransitionStep.READ_NEW else transition.new,
        epoch=epoch,
    )
    leader = further.leader(current.home_datacenter)
    assert leader is not None, further
    return with_partitions(_led(current, leader), further)


def advance_transitions(current: ClusterMap, command: AdvanceTransitions) -> ClusterMap:
    """Take the next step of each move that still is where the command says."""
    advanced, refusals = current, []
    for move in command.moves:
        try:
            advanced = advance_transition(advanced, move)
        except CommandRejected as rejected:
            refusals.append(rejected.text)
    require(advanced is not current, refusals[0] if refusals else "no moves are named")
    return advanced


def abort_transition(current: ClusterMap, command: AbortTransition) -> ClusterMap:
    """Go back to the old placement."""
    partition, transition = _moving(current, command.partition)
    require(transition.is_abortable, f"partition {command.partition} is read at its new place")
    back = attrs.evolve(partition, transition=None, epoch=current.epoch + 1)
    return with_partitions(current, back)


def _moving(current: ClusterMap, number: int) -> tuple[MapPartition, Transition]:
    partition = current.partitions.get(number)
    if partition is None or partition.transition is None:
        raise CommandRejected(f"partition {number} is not moving")
    return partition, partition.transition


def _moved(current: ClusterMap, change: PlannedChange) -> MapPartition:
    """Check a change and begin it."""
    partition = still_partition(current, change.partition)
    names = [datacenter for datacenter, _ in change.new]
    nodes = nodes_in(change.new)
    require(bool(nodes), f"partition {change.partition} would be nowhere")
    require(names == sorted(set(names)), "datacenters are not in order")
    require(len(nodes) == len(set(nodes)), "a node is named twice")
    for datacenter, replicas in change.new:
        require(bool(replicas), f"datacenter {datacenter} has no replicas")
        for node in replicas:
            is_there = known_member(current, node).datacenter == datacenter
            require(is_there, f"{node} is not in datacenter {datacenter}")
    require(change.new != partition.placements, f"partition {change.partition} is there already")
    return begun(current, partition, change.new)


def _led(current: ClusterMap, leader: NodeId) -> ClusterMap:
    member = current.members[leader]
    if member.replicates is None:
        return current
    members = {**current.members, leader: attrs.evolve(member, replicates=None)}
    return attrs.evolve(current, members=members)
