"""The memtable against a plain dict."""

from __future__ import annotations

import random
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import memtable as module
from storage.memtable import ENTRY_BYTES, Memtable
from storage.records import encode_string, version_of

KEYS = st.binary(min_size=1, max_size=3).map(lambda raw: bytes((raw[0] % 4,)) + raw[1:])
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS),
        st.tuples(st.just("range"), st.tuples(KEYS, KEYS)),
        st.tuples(st.just("scan"), st.tuples(KEYS, KEYS)),
        st.tuples(st.just("step"), st.integers(0, 3)),
    ),
    max_size=60,
)


@given(ACTIONS)
def test_against_a_dict(actions: list[tuple[str, object]]) -> None:
    """Puts, delete-ranges, scans and sorting bit by bit in any order give a sorted dict's."""
    with patch.object(module, "_RUN_KEYS", 2):
        compare_with_a_dict(actions)


def compare_with_a_dict(actions: list[tuple[str, object]]) -> None:
    """Do the actions to a memtable and a dict."""
    memtable = Memtable()
    model: dict[bytes, bytes] = {}
    for version, (action, operand) in enumerate(actions):
        if action == "put":
            assert isinstance(operand, bytes)
            record = encode_string(version, b"")
            memtable.apply([(operand, record)])
            model[operand] = record
            continue
        if action == "step":
            assert isinstance(operand, int)
            memtable.sort_step(operand)
            memtable.check_invariants()
            continue
        assert isinstance(operand, tuple)
        start, end = min(operand), max(operand)
        if action == "range":
            memtable.apply_ranges([(start, end, version)])
            model = {k: r for k, r in model.items() if not start <= k < end}
        else:
            expected = [(key, model[key]) for key in sorted(model) if start <= key < end]
            assert expected == list(memtable.scan(start, end))
        memtable.check_invariants()
    assert len(model) == memtable.count()
    assert sorted(model.items()) == list(memtable.scan(b"", b"\xff"))


def test_many_new_keys_between_scans() -> None:
    """The sorted view follows both few and many new keys."""
    memtable = Memtable()
    for step in (1, 10, 1000, 3):
        count = memtable.count()
        memtable.apply([(b"\x01%06d" % (999999 - count - n), b"r" * 9) for n in range(step)])
        assert count + step == len(list(memtable.scan(b"", b"\xff")))
        memtable.check_invariants()


def test_range_spares_newer_records() -> None:
    """A delete-range hides versions up to its own only."""
    memtable = Memtable()
    memtable.apply([(b"a", encode_string(5, b"")), (b"b", encode_string(9, b""))])
    memtable.apply_ranges([(b"a", b"c", 7)])
    assert memtable.get(b"a") is None
    record = memtable.get(b"b")
    assert record is not None and version_of(record) == 9


def test_scan_goes_on_while_keys_come_and_go() -> None:
    """A scan that is under way yields what was there and still is."""
    memtable = Memtable()
    memtable.apply([(b"\x01%d" % number, encode_string(1, b"")) for number in range(5)])
    scan = memtable.scan(b"", b"\xff")
    assert next(scan)[0] == b"\x010"
    memtable.apply_ranges([(b"\x012", b"\x013", 9)])
    memtable.apply([(b"\x01a", encode_string(2, b""))])
    assert [key for key, _ in scan] == [b"\x011", b"\x013", b"\x014"]


def test_recount_is_exact() -> None:
    """Counting gives content plus a constant per entry, overwritten records not included."""
    memtable = Memtable()
    for _ in range(3):
        memtable.apply([(b"\x01key", b"record"), (b"\x02key", b"rec")])
    memtable.recount()
    assert memtable.estimated_bytes == 4 + 6 + 4 + 3 + 2 * ENTRY_BYTES


def estimates(memtable: Memtable) -> tuple[int, int]:
    """Memory as estimated, and the truth."""
    memtable.reestimate()
    estimated = memtable.estimated_bytes
    memtable.recount()
    return estimated, memtable.estimated_bytes


@given(st.lists(st.tuples(KEYS, st.binary(max_size=300)), max_size=16))
def test_an_estimate_from_few_records_is_exact(entries: list[tuple[bytes, bytes]]) -> None:
    """All of them are looked at, some twice."""
    memtable = Memtable()
    memtable.apply([(bytes([n]) + key, record) for n, (key, record) in enumerate(entries)])
    estimated, counted = estimates(memtable)
    assert estimated == counted


def test_counting_a_shard_held_everybody_up() -> None:
    """A sample is enough: of records of mixed lengths it is a tenth off at most."""
    rng = random.Random(3)
    memtable = Memtable()
    memtable.apply([(b"\x01%06d" % n, bytes(rng.randrange(50, 150))) for n in range(20_000)])
    looked_at = 0

    class Counted(bytes):
        def __len__(self) -> int:
            nonlocal looked_at
            looked_at += 1
            return super().__len__()

    shard = memtable.shards[1]
    estimated, counted = estimates(memtable)
    assert estimated == pytest.approx(counted, rel=0.1)
    for key, record in shard.items():
        shard[key] = Counted(record)
    memtable.reestimate()
    assert memtable.estimated_bytes == estimated
    assert looked_at <= 256


@pytest.mark.parametrize("lengths", [(10, 1000, 10), (1000, 10, 1000), (10, 10, 1000)])
def test_long_records_between_short_ones_are_not_overlooked(lengths: tuple[int, ...]) -> None:
    """What neither end of a shard shows is in the mean of all puts: memory stays bounded."""
    memtable = Memtable()
    for phase, length in enumerate(lengths):
        entries = [(b"\x01%d %06d" % (phase, n), bytes(length)) for n in range(5000)]
        memtable.apply(entries)
        memtable.logged_bytes += sum(len(key) + len(record) for key, record in entries)
    estimated, counted = estimates(memtable)
    assert counted <= estimated * 1.01


def test_a_counter_that_is_written_all_the_time_does_not_hide_long_records() -> None:
    """They are seldom among the puts, and at the ends of their shards."""
    memtable = Memtable()
    for number in range(300):
        memtable.apply([(b"\x01%06d" % number, bytes(10_000))])
        memtable.apply([(b"\x02counter", b"1")] * 50)
        memtable.logged_bytes += 10_007 + 50 * 9
    estimated, counted = estimates(memtable)
    assert counted <= estimated * 1.01


def test_many_new_keys_are_sorted_with_the_old_ones() -> None:
    """Thousands of keys at once, then some more: the view of the shard is in order each time."""
    rng = random.Random(5)
    memtable = Memtable()
    for count in (3000, 40, 700):
        keys = [b"\x01" + rng.randbytes(rng.randrange(6)) for _ in range(count)]
        memtable.apply([(key, b"r") for key in keys])
        assert memtable.sorted_keys(1) == sorted(memtable.shards[1])
        memtable.check_invariants()


def test_a_shard_was_sorted_in_one_go() -> None:
    """9,000 keys took 5 ms; in steps each sorts a thousand, and the scan has only to merge."""
    rng = random.Random(5)
    memtable = Memtable()
    keys = [b"\x01" + rng.randbytes(8) for _ in range(9500)]
    memtable.apply([(key, b"r" * 9) for key in keys])
    steps = 0
    while memtable.sort_step(1):
        steps += 1
        memtable.check_invariants()
        memtable.apply([(b"\x01" + rng.randbytes(8), b"r" * 9)])
    assert steps == 9
    assert [key for key, _ in memtable.scan(b"", b"\xff")] == sorted(memtable.shards[1])
    assert not memtable.sort_step(1)
    memtable.check_invariants()
