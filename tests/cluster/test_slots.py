from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.slots import SLOT_COUNT, SlotSet, slot_of

slots = st.sets(st.integers(0, SLOT_COUNT - 1), max_size=60)


def test_slots_are_those_of_redis_cluster() -> None:
    """The key of the specification of Redis Cluster falls into its slot; a tag decides alone."""
    assert slot_of(b"123456789") == 0x31C3
    assert slot_of(b"user1000") == slot_of(b"{user1000}.following")


@given(slots, slots)
def test_slot_sets_are_sets(first: set[int], second: set[int]) -> None:
    """Union, difference, intersection, membership, size and order are those of sets of numbers."""
    one, other = SlotSet.of(first), SlotSet.of(second)
    assert sorted(first) == list(one)
    assert len(first) == len(one)
    assert SlotSet.of(first | second) == one | other
    assert SlotSet.of(first - second) == one - other
    assert SlotSet.of(first & second) == one & other
    assert all((slot in one) == (slot in first) for slot in first | second)


def test_ranges_that_overlap_share_ranges() -> None:
    """What two sets of ranges share is found range by range, also where one spans several."""
    one, other = SlotSet.parse("0-10 20-30 40"), SlotSet.parse("5-25 28 39-41")
    assert str(one & other) == "5-10 20-25 28 40"


@given(slots)
def test_slot_sets_are_read_as_written(numbers: set[int]) -> None:
    """The text form of ranges gives the same set, and ranges neither touch nor overlap."""
    found = SlotSet.of(numbers)
    assert found == SlotSet.parse(str(found))
    assert all(a[1] + 1 < b[0] for a, b in zip(found.ranges, found.ranges[1:], strict=False))


@given(slots)
def test_halves_are_disjoint_and_equal(numbers: set[int]) -> None:
    """The two halves hold every slot once, and differ by at most one."""
    found = SlotSet.of(numbers)
    lower, upper = found.halves()
    assert found == lower | upper
    assert len(lower) - len(upper) in (0, 1)
    assert not set(lower) & set(upper)


@pytest.mark.parametrize("slot", [-1, SLOT_COUNT])
def test_other_numbers_are_no_slots(slot: int) -> None:
    """There are 16384 slots."""
    with pytest.raises(ValueError, match="not a slot"):
        SlotSet.of([slot])


def test_a_span_holds_both_ends() -> None:
    """Ranges are closed, as in CLUSTER NODES."""
    assert list(SlotSet.span(3, 5)) == [3, 4, 5]
    assert str(SlotSet.span(3, 5)) == "3-5"


@pytest.mark.parametrize(
    "ranges", [[(5, 3)], [(-1, 3)], [(0, 16384)], [(0, 9), (9, 12)], [(0, 9), (10, 12)]]
)
def test_ranges_that_no_node_tells_are_none(ranges: list[tuple[int, int]]) -> None:
    """Overlapping ones could keep the reader busy for hours."""
    assert SlotSet.told(ranges) is None


def test_told_ranges_are_the_set() -> None:
    """As `ranges` of the set itself."""
    slots = SlotSet.of([1, 2, 3, 9])
    assert SlotSet.told(list(slots.ranges)) == slots
