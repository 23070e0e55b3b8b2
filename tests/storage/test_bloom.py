"""The bloom filter: no false negatives, and the specification's rates of false positives."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.bloom import (
    HEADER_BYTES,
    FilterBuilder,
    build_filter,
    hashes_for,
    open_filter,
)
from storage.errors import CorruptionError, FormatVersionError
from storage.keys import metadata_key


@given(st.sets(st.binary(max_size=12), max_size=200), st.integers(1, 24))
def test_every_key_is_found(keys, bits):
    """A filter never denies a key that went into it, whatever the keys and the bits."""
    may_contain = open_filter(build_filter(sorted(keys), bits))
    assert all(map(may_contain, keys))


@given(st.lists(st.binary(max_size=8), max_size=60), st.integers(0, 60))
def test_portions_do_not_matter(keys, cut):
    """Keys given in two portions make the same bytes as keys given at once."""
    builder = FilterBuilder(10)
    builder.add_keys(keys[:cut])
    builder.add_keys(keys[cut:])
    assert build_filter(keys, 10) == builder.finish()


def test_offset_in_a_file():
    """A filter in the middle of a file answers as one that is alone."""
    data = build_filter([b"one", b"two"], 10)
    inside = b"before" + data + b"behind"
    alone, embedded = open_filter(data), open_filter(inside, 6, len(data))
    probes = [b"%d" % number for number in range(2000)] + [b"one", b"two"]
    assert list(map(alone, probes)) == list(map(embedded, probes))
    assert embedded(b"one") and embedded(b"two")


# The specification's table (4.1.1). A Bloom filter of 14 bits per key cannot be below 0.119 %
# (0.6185 ** 14), which the table rounds to 0.1 %; the margin also covers chance.
@pytest.mark.parametrize(
    ("bits", "rate", "probes"),
    [(10, 0.0100, 100_000), (14, 0.00140, 200_000), (20, 0.00013, 400_000)],
)
@pytest.mark.parametrize("shape", ["numbered", "random"])
def test_rate_of_false_positives(bits, rate, probes, shape):
    """Measured false positives stay within the specification's rate for each level's bits."""
    chance = random.Random(20261122)
    if shape == "numbered":
        keys = [metadata_key(0, b"user:%d" % number) for number in range(60_000)]
        others = (
            metadata_key(0, b"user:%d" % number) for number in range(60_000, 60_000 + probes)
        )
    else:
        keys = [chance.randbytes(20) for _ in range(60_000)]
        others = (chance.randbytes(20) for _ in range(probes))
    data = build_filter(keys, bits)
    assert (len(data) - HEADER_BYTES) * 8 == 60_000 * bits
    may_contain = open_filter(data)
    false_positives = sum(map(may_contain, others))
    assert 0 < false_positives <= rate * probes


def test_small_filters_are_good_too():
    """A table of few keys does not get a filter so small that steps collide."""
    for count in (1, 10, 300):
        keys = [b"key%d" % number for number in range(count)]
        may_contain = open_filter(build_filter(keys, 20))
        others = [b"other%d" % number for number in range(20_000)]
        assert sum(map(may_contain, others)) <= 6, count


def test_hashes_grow_with_bits():
    """More bits per key mean more hashes, at least one."""
    counts = [hashes_for(bits) for bits in (1, 10, 14, 20)]
    assert counts == sorted(counts) and counts[0] == 1


def test_damaged_headers_are_refused():
    """A header that no builder writes is refused by name, not probed."""
    data = build_filter([b"a"], 10)
    with pytest.raises(CorruptionError):
        open_filter(data[:3])
    with pytest.raises(CorruptionError):
        open_filter(data, 4, len(data))
    with pytest.raises(CorruptionError):
        open_filter(data[:1] + b"\x00" + data[2:])
    with pytest.raises(CorruptionError):
        open_filter(data[:2] + b"\xff\xff\xff\xff" + data[6:])
    with pytest.raises(FormatVersionError):
        open_filter(b"\x09" + data[1:])
