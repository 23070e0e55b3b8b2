"""Which seals are flushed together, and which wait for more."""

from __future__ import annotations

import pytest

from storage.memtable import Memtable
from storage.seal_groups import RESTING_MAX, is_overwritten, live_bytes, may_rest, together
from storage.store import Seal

SEGMENT = 1 << 20


def seal(number: int, *, keys: int, puts: int, size: int = SEGMENT) -> Seal:
    """A seal of a segment of that many bytes, whose memtable took so many records."""
    memtable = Memtable()
    for first in range(0, puts, keys):
        count = min(keys, puts - first)
        memtable.apply([(b"\x01%06d" % key, b"record") for key in range(count)])
    return Seal(number, number * size, (number + 1) * size, memtable)


def test_overwritten_is_a_memtable_with_less_than_half_of_its_effects() -> None:
    """Small ones are not worth a thought, and delete-ranges need the log."""
    assert is_overwritten(seal(1, keys=5000, puts=10_000).memtable)
    assert not is_overwritten(seal(1, keys=5001, puts=10_000).memtable)
    assert not is_overwritten(seal(1, keys=10, puts=8191).memtable)
    ranged = seal(1, keys=10, puts=10_000).memtable
    ranged.apply_ranges([(b"\x02", b"\x03", 1)])
    assert not is_overwritten(ranged)


def test_what_was_overwritten_is_no_work() -> None:
    """A flush is as much work as what is left."""
    assert live_bytes(seal(1, keys=1000, puts=10_000)) == SEGMENT // 10
    assert live_bytes(seal(1, keys=9000, puts=10_000)) == SEGMENT


@pytest.mark.parametrize(
    ("left", "resting"), [([1000], True), ([1000, 1000], True), ([4000, 4000], False)]
)
def test_small_ones_rest(left: list[int], resting: bool) -> None:
    """Until together they are half of a segment."""
    seals = [seal(number, keys=keys, puts=10_000) for number, keys in enumerate(left)]
    assert may_rest(seals, SEGMENT) is resting
    assert together(seals, SEGMENT) == seals


def test_a_few_are_enough() -> None:
    """A start replays what rests, so it is not for ever."""
    seals = [seal(number, keys=10, puts=10_000) for number in range(RESTING_MAX)]
    assert may_rest(seals[:-1], SEGMENT)
    assert not may_rest(seals, SEGMENT)


def test_one_that_is_not_overwritten_takes_the_others_along() -> None:
    """It has to be flushed, and those before it first; what is too much waits for its turn."""
    seals = [seal(0, keys=10, puts=10_000), seal(1, keys=10_000, puts=10_000)]
    assert not may_rest(seals, SEGMENT)
    assert together(seals, SEGMENT) == seals[:1]
    assert together(seals[1:] + seals[:1], SEGMENT) == seals[1:]
    assert together([], SEGMENT) == []
