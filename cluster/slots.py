"""Slots: the unit in which keys are owned, and sets of them as ranges.

A key's slot is Redis Cluster's (CRC16 of the key or of its hash tag, modulo 16384); it is computed
in `storage.keys`, where it is the beginning of every storage key, and only named here. Ownership
is told in ranges (`0-5460`), in CLUSTER NODES as in plans, so a set of slots is kept as sorted,
disjoint ranges that do not touch: equal sets are equal values, whatever they were made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from attrs import frozen

from storage.keys import SLOT_COUNT, hash_tag, slot_of

__all__ = ["SLOT_COUNT", "SlotSet", "hash_tag", "slot_of"]


@frozen
class SlotSet:
    """An immutable set of slots; `ranges` holds (first, last), both included."""

    ranges: tuple[tuple[int, int], ...] = ()

    @staticmethod
    def of(slots: Iterable[int]) -> SlotSet:
        """Return the set of these slots, in any order, repeats allowed.

        Raises:
            ValueError: a number is not a slot.
        """
        ranges: list[tuple[int, int]] = []
        for slot in sorted(set(slots)):
            if not 0 <= slot < SLOT_COUNT:
                raise ValueError(f"not a slot: {slot}")
            if ranges and ranges[-1][1] == slot - 1:
                ranges[-1] = (ranges[-1][0], slot)
            else:
                ranges.append((slot, slot))
        return SlotSet(tuple(ranges))

    @staticmethod
    def span(first: int, last: int) -> SlotSet:
        """Return the slots from `first` to `last`, both included."""
        assert 0 <= first <= last < SLOT_COUNT, (first, last)
        return SlotSet(((first, last),))

    @staticmethod
    def parse(text: str) -> SlotSet:
        """Return the set written as `0-99 200 300-301`, the form that `str` gives.

        Raises:
            ValueError: a word is neither a slot nor a range of slots.
        """
        slots: list[int] = []
        for word in text.split():
            first, _, last = word.partition("-")
            slots.extend(range(int(first), int(last or first) + 1))
        return SlotSet.of(slots)

    @staticmethod
    def told(ranges: Sequence[tuple[int, int]]) -> SlotSet | None:
        """Return the set that another node tells by its ranges; None when it never could.

        Ranges that overlap are refused: a few bytes could make the reader count for hours.
        """
        if not all(0 <= first <= last < SLOT_COUNT for first, last in ranges):
            return None
        is_apart = all(a[1] + 1 < b[0] for a, b in pairwise(ranges))
        return SlotSet(tuple(ranges)) if is_apart else None

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __contains__(self, slot: int) -> bool:
        return any(first <= slot <= last for first, last in self.ranges)

    def __or__(self, other: SlotSet) -> SlotSet:
        return SlotSet.of((*self, *other))

    def __and__(self, other: SlotSet) -> SlotSet:
        # Ranges against ranges: most pairs of partitions have nothing in common.
        common: list[tuple[int, int]] = []
        mine, theirs = list(reversed(self.ranges)), list(reversed(other.ranges))
        while mine and theirs:
            first = max(mine[-1][0], theirs[-1][0])
            last = min(mine[-1][1], theirs[-1][1])
            if first <= last:
                common.append((first, last))
            (mine if mine[-1][1] <= theirs[-1][1] else theirs).pop()
        return SlotSet(tuple(common))

    def __sub__(self, other: SlotSet) -> SlotSet:
        gone = set(other)
        return SlotSet.of(slot for slot in self if slot not in gone)

    def __str__(self) -> str:
        return " ".join(
            str(first) if first == last else f"{first}-{last}" for first, last in self.ranges
        )

    def halves(self) -> tuple[SlotSet, SlotSet]:
        """Return the lower and the upper half; the lower one is greater by one when odd."""
        slots = list(self)
        middle = (len(slots) + 1) // 2
        return SlotSet.of(slots[:middle]), SlotSet.of(slots[middle:])
