"""Partitions: sets of slots that move and replicate together, and how many of them there are.

A partition is the unit of replication, so there are enough that every node leads about 16 and
load can be spread finely, and not more, since each costs a stream. Splitting a partition gives the
upper half of its slots to a new one with the same replicas: no data moves.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from cluster.slots import SLOT_COUNT, SlotSet

PARTITIONS_MIN = 128
LED_PER_NODE = 16


@frozen(order=True)
class Partition:
    """A number that is never used again, and the slots."""

    number: int
    slots: SlotSet


def partitions_wanted(node_count: int) -> int:
    """Return how many partitions a cluster of so many nodes should have: a power of two."""
    wanted = max(PARTITIONS_MIN, LED_PER_NODE * node_count)
    return min(SLOT_COUNT, 1 << (wanted - 1).bit_length())


def first_partitions(count: int) -> tuple[Partition, ...]:
    """Return `count` partitions over all slots, as equal as can be, each one range."""
    assert 1 <= count <= SLOT_COUNT, count
    bounds = [number * SLOT_COUNT // count for number in range(count + 1)]
    return tuple(
        Partition(number, SlotSet.span(bounds[number], bounds[number + 1] - 1))
        for number in range(count)
    )


def split_wanted(partitions: Mapping[int, Partition], count: int) -> tuple[int, ...]:
    """Return which partitions to split so that there are `count`: the greatest, then by number.

    At most one split of each; a cluster that grows much splits in several rounds.
    """
    splittable = [p for p in partitions.values() if len(p.slots) >= 2]
    order = sorted(splittable, key=lambda p: (-len(p.slots), p.number))
    return tuple(p.number for p in order[: max(0, count - len(partitions))])


def split(partition: Partition, number: int) -> tuple[Partition, Partition]:
    """Return the partition with the lower half of its slots, and a new one with the upper half."""
    assert len(partition.slots) >= 2, partition
    lower, upper = partition.slots.halves()
    return Partition(partition.number, lower), Partition(number, upper)
