from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.placement.partitions import (
    first_partitions,
    partitions_wanted,
    split,
    split_wanted,
)
from cluster.slots import SLOT_COUNT


@given(st.integers(1, 2000))
def test_partitions_cover_every_slot_once(count: int) -> None:
    """All slots, each in one partition, sizes differing by at most one."""
    partitions = first_partitions(count)
    assert list(range(SLOT_COUNT)) == [slot for p in partitions for slot in p.slots]
    sizes = {len(p.slots) for p in partitions}
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 600))
def test_there_are_enough_partitions(nodes: int) -> None:
    """At least 128 and at least 16 for each node to lead, and no more than twice that."""
    count = partitions_wanted(nodes)
    assert count >= max(128, 16 * nodes)
    assert count == 128 or count < 32 * nodes


def test_splitting_keeps_all_slots() -> None:
    """Each split gives half of the slots to a new number and loses none."""
    partitions = {p.number: p for p in first_partitions(3)}
    for number, chosen in enumerate(split_wanted(partitions, 5), start=3):
        lower, upper = split(partitions[chosen], number)
        partitions[chosen], partitions[number] = lower, upper
    assert len(partitions) == 5
    assert sum(len(p.slots) for p in partitions.values()) == SLOT_COUNT
    assert set(range(SLOT_COUNT)) == {slot for p in partitions.values() for slot in p.slots}


def test_the_greatest_are_split_first() -> None:
    """A partition of twice the size is split before all others; equal ones by number."""
    partitions = {p.number: p for p in first_partitions(4)}
    partitions[0], partitions[4] = split(partitions[0], 4)
    assert split_wanted(partitions, 7) == (1, 2)
    assert split_wanted(partitions, 5) == ()
