"""Range tombstones: fragments answer as the ranges they were cut from."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import CorruptionError
from storage.sstable.range_tombstones import (
    RangeTombstone,
    RangeTombstones,
    decode_ranges,
    encode_ranges,
)

keys = st.binary(max_size=2)
ranges = st.lists(st.builds(RangeTombstone, keys, keys, st.integers(0, 5)), max_size=8)


@given(ranges, keys)
def test_highest_version_at_a_key(given_ranges, key):
    """The version at a key is the highest of the ranges that cover it, -1 if none does."""
    covering = [part.version for part in given_ranges if part.start <= key < part.end]
    assert max(covering, default=-1) == RangeTombstones(given_ranges).version_at(key)


@given(ranges)
def test_fragments_are_disjoint_and_minimal(given_ranges):
    """Fragments ascend, do not overlap, and neighbours that touch differ in version."""
    fragments = RangeTombstones(given_ranges).fragments
    assert all(part.start < part.end for part in fragments)
    for left, right in itertools.pairwise(fragments):
        assert left.end <= right.start
        assert left.end < right.start or left.version != right.version


@given(ranges, keys, keys)
def test_overlaps(given_ranges, start, end):
    """Overlap with an interval is overlap with one of the ranges."""
    expected = any(
        part.start < part.end and max(part.start, start) < min(part.end, end)
        for part in given_ranges
    )
    if start < end:
        assert expected == RangeTombstones(given_ranges).overlaps(start, end)


@given(ranges)
def test_codec_round_trip(given_ranges):
    """Bytes give back the ranges, and say where they end."""
    data = encode_ranges(given_ranges)
    assert (given_ranges, len(data)) == decode_ranges(data)


def test_clipping():
    """A clipped range is the common part, or nothing."""
    part = RangeTombstone(b"b", b"f", 3)
    assert RangeTombstone(b"c", b"d", 3) == part.clipped(b"c", b"d")
    assert part == part.clipped(b"", None)
    assert part.clipped(b"f", None) is None
    assert part.clipped(b"", b"b") is None


def test_absurd_count_is_corruption():
    """A count that cannot fit is refused before anything is read."""
    with pytest.raises(CorruptionError):
        decode_ranges(b"\xff\xff\xff\x7f")


def test_empty_set_is_false():
    """An empty set costs its users one truth test."""
    assert not RangeTombstones()
    assert not RangeTombstones([RangeTombstone(b"b", b"a", 1)])
    assert len(RangeTombstones([RangeTombstone(b"a", b"b", 1)])) == 1
