"""Bytes of batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import batch_format
from storage.batch_format import BatchHeader, decode_batch, encode_batch
from storage.errors import CorruptionError, FormatVersionError
from storage.records import WriteBatch

ENTRIES = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=40)), max_size=6)
RANGES = st.lists(
    st.tuples(st.binary(max_size=9), st.binary(max_size=9), st.integers(0, 2**64 - 1)), max_size=3
)


def make_batch(
    entries: list[tuple[bytes, bytes]], ranges: list[tuple[bytes, bytes, int]]
) -> WriteBatch:
    """A batch of these effects."""
    batch = WriteBatch()
    batch.entries.extend(entries)
    batch.ranges.extend(ranges)
    return batch


@given(ENTRIES, RANGES, st.integers(0, 65535), st.integers(0, 2**64 - 1))
def test_round_trip(
    entries: list[tuple[bytes, bytes]],
    ranges: list[tuple[bytes, bytes, int]],
    partition: int,
    number: int,
) -> None:
    """Header, puts and delete-ranges read back in order."""
    batch = make_batch(entries, ranges)
    data = encode_batch(batch, partition=partition, term=number, sequence=number)
    header, found = decode_batch(data)
    assert BatchHeader(partition, number, number, len(batch)) == header
    assert (entries, ranges) == (found.entries, found.ranges)


@given(ENTRIES, RANGES, st.data())
def test_every_cut_is_noticed(
    entries: list[tuple[bytes, bytes]], ranges: list[tuple[bytes, bytes, int]], data: st.DataObject
) -> None:
    """A batch that lost bytes at its end, or gained some, is damage."""
    whole = encode_batch(make_batch(entries, ranges))
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(CorruptionError):
        decode_batch(whole[:end])
    with pytest.raises(CorruptionError):
        decode_batch(whole + b"\x00")


def taken(data: bytes, portion: int) -> tuple[dict[bytes, bytes], list[tuple[bytes, bytes]]]:
    """What `take_effects` finds, in portions of so many effects."""
    shards: list[dict[bytes, bytes]] = [{} for _ in range(256)]
    ranges: list[tuple[bytes, bytes]] = []
    left, offset = batch_format.decode_header(data).count, batch_format.HEADER_BYTES
    while left:
        count = min(left, portion)
        offset = batch_format.take_effects(data, offset, count, shards, ranges)
        left -= count
    batch_format.check_end(data, offset)
    assert all(key[0] == number for number, shard in enumerate(shards) for key in shard)
    return {key: record for shard in shards for key, record in shard.items()}, ranges


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=3), st.binary(max_size=20)), max_size=20),
    RANGES,
    st.integers(1, 5),
    st.data(),
)
def test_taking_effects_in_portions_is_the_same(
    entries: list[tuple[bytes, bytes]],
    ranges: list[tuple[bytes, bytes, int]],
    portion: int,
    data: st.DataObject,
) -> None:
    """The flush's quick decoder finds what the plain one does, and notices every cut."""
    whole = encode_batch(make_batch(entries, ranges))
    found = [(key, version.to_bytes(8, "big") + end) for key, end, version in ranges]
    assert taken(whole, portion) == (dict(entries), found)
    end = data.draw(st.integers(0, len(whole) - 1))
    for damaged in (whole[:end], whole + b"\x00"):
        with pytest.raises(CorruptionError):
            taken(damaged, portion)


def test_newer_formats_are_refused() -> None:
    """An unknown format, flag or operation is not guessed at."""
    whole = bytearray(encode_batch(make_batch([(b"k", b"v")], [])))
    for place, value in ((0, 2), (1, 1), (batch_format.HEADER_BYTES, 3)):
        changed = bytearray(whole)
        changed[place] = value
        with pytest.raises(FormatVersionError):
            decode_batch(bytes(changed))
        with pytest.raises(FormatVersionError):
            taken(bytes(changed), 1)


def test_delete_range_needs_a_version() -> None:
    """A delete-range whose value is shorter than a version is damage."""
    with pytest.raises(CorruptionError):
        batch_format.decode_range(b"\x00" * 7)
