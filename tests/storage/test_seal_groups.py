"""Which seals are flushed together, and which wait for more."""

from __future__ import annotations

import pytest

from storage.batch_format import HEADER_BYTES, encode_batch
from storage.memtable import Memtable
from storage.records import WriteBatch
from storage.seal_groups import (
    NOTHING,
    RESTING_MAX,
    is_overwritten,
    may_rest,
    measured,
    seems_overwritten,
    size,
    together,
    work_bytes,
)
from storage.store import Seal

SEGMENT = 1 << 20
MANY = 6


def memtable_of(keys: int, puts: int, record: bytes = b"record") -> Memtable:
    """A memtable that took so many records of so many keys."""
    memtable = Memtable()
    for first in range(0, puts, keys):
        count = min(keys, puts - first)
        memtable.apply([(bytes((key % 3,)) + b"%06d" % key, record) for key in range(count)])
    return memtable


def seal(number: int, memtable: Memtable, size: int = SEGMENT) -> Seal:
    """A measured seal of a segment of that many bytes."""
    made = Seal(number, number * size, (number + 1) * size, memtable)
    *_, made.contents = measured(memtable)
    return made


def small(number: int) -> Seal:
    """A seal with a tenth of a segment left."""
    return seal(number, memtable_of(keys=6500, puts=65_000))


def full(number: int) -> Seal:
    """A seal in which nothing was overwritten."""
    return seal(number, memtable_of(keys=10_000, puts=10_000))


def test_what_is_left_is_measured_in_bytes_of_the_log() -> None:
    """Exactly what a batch of the same records takes, and the longest of them."""
    memtable = memtable_of(keys=10, puts=100)
    memtable.apply([(b"\x05k", b"longer than the others")])
    batch = WriteBatch()
    for shard in memtable.shards:
        batch.entries.extend(shard.items())
    *_, contents = measured(memtable)
    assert contents.log_bytes == len(encode_batch(batch)) - HEADER_BYTES
    assert contents.longest == len(b"longer than the others")
    memtable.recount()
    assert contents.memory_bytes == memtable.estimated_bytes
    assert [*measured(Memtable())][-1] == NOTHING


def test_overwritten_is_a_memtable_with_less_than_half_of_its_effects() -> None:
    """Small ones are not worth a thought, and delete-ranges need the log."""
    assert seems_overwritten(memtable_of(keys=5000, puts=10_000))
    assert not seems_overwritten(memtable_of(keys=5001, puts=10_000))
    assert not seems_overwritten(memtable_of(keys=10, puts=8191))
    ranged = memtable_of(keys=10, puts=10_000)
    ranged.apply_ranges([(b"\x02", b"\x03", 1)])
    assert not seems_overwritten(ranged)
    unmeasured = small(1)
    assert is_overwritten(unmeasured)
    unmeasured.contents = None
    assert not is_overwritten(unmeasured)


def test_values_of_mixed_sizes_were_judged_by_their_number() -> None:
    """Counters written over and over beside large values: little of the segment is gone."""
    memtable = memtable_of(keys=10, puts=10_000)
    memtable.apply([(b"\x01large%03d" % key, b"v" * 40_000) for key in range(15)])
    mixed = seal(1, memtable)
    assert seems_overwritten(memtable)
    assert not is_overwritten(mixed)
    assert work_bytes(mixed) == size(mixed) == SEGMENT


def test_long_records_are_left_to_the_log() -> None:
    """Copying them would hold up the event loop."""
    memtable = memtable_of(keys=10, puts=10_000)
    memtable.apply([(b"\x01large", b"v" * 70_000)])
    assert not is_overwritten(seal(1, memtable))


def test_small_ones_rest_until_they_are_a_few() -> None:
    """A start replays what rests, so it is not for ever."""
    seals = [small(number) for number in range(RESTING_MAX)]
    assert work_bytes(seals[0]) < SEGMENT // 4
    for count in range(1, RESTING_MAX + 1):
        assert may_rest(seals[:count], SEGMENT, MANY) is (count < RESTING_MAX)
        assert together(seals[:count], SEGMENT) == seals[:count]


def test_what_is_half_a_segment_does_not_rest() -> None:
    """Memory stays within what a full memtable takes."""
    large = [seal(number, memtable_of(keys=19_000, puts=65_000)) for number in range(2)]
    assert all(map(is_overwritten, large))
    assert may_rest(large[:1], SEGMENT, MANY)
    assert not may_rest(large, SEGMENT, MANY)


@pytest.mark.parametrize(("sealed_max", "resting"), [(1, 0), (2, 1), (3, 2), (6, 2)])
def test_writers_were_refused_for_what_rested(sealed_max: int, resting: int) -> None:
    """Where few memtables may wait, fewer rest."""
    seals = [small(number) for number in range(5)]
    counts = [count for count in range(1, 6) if may_rest(seals[:count], SEGMENT, sealed_max)]
    assert counts == [*range(1, resting + 1)]


def test_one_that_is_not_overwritten_takes_the_others_along() -> None:
    """It has to be flushed, and those before it first; what is too much waits for its turn."""
    seals = [small(0), full(1)]
    assert not may_rest(seals, SEGMENT, MANY)
    assert together(seals, SEGMENT) == seals[:1]
    assert together(seals[::-1], SEGMENT) == seals[1:]
    assert together([], SEGMENT) == []
