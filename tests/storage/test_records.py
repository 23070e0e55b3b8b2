"""Records: every combination of parts, and the short cuts that skip decoding."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import records
from storage.errors import CorruptionError
from storage.records import Record, RecordType, VectorEntry, WriteBatch

U64 = st.integers(0, 2**64 - 1)
VECTORS = st.dictionaries(U64, st.tuples(U64, U64), max_size=4).map(
    lambda actors: tuple(VectorEntry(actor, *actors[actor]) for actor in sorted(actors))
)
RECORDS = st.builds(
    Record,
    version=U64,
    payload=st.binary(max_size=40),
    type=st.sampled_from([int(kind) for kind in RecordType]),
    tombstone=st.booleans(),
    expiry_ms=st.none() | U64,
    generation=U64,
    vector=VECTORS,
)


@given(RECORDS)
def test_round_trip(record: Record) -> None:
    """A record reads back whatever parts it has, and the short cuts agree with it."""
    data = records.encode_record(record)
    assert record == records.decode_record(data)
    assert record.version == records.version_of(data)
    assert record.tombstone == records.is_tombstone(data)
    assert record.type == records.type_of(data)
    assert record.expiry_ms == records.expiry_of(data)
    assert record.generation == records.generation_of(data)


def test_plain_string_is_the_documented_bytes() -> None:
    """A plain string is flags 0, version, value: what GET's fast path relies on."""
    data = records.encode_string(77, b"value")
    assert struct.pack(">BQ", 0, 77) + b"value" == data
    assert Record(77, b"value") == records.decode_record(data)


@given(U64, U64)
def test_tombstones(version: int, generation: int) -> None:
    """A tombstone is a record without payload that keeps its generation."""
    data = records.encode_tombstone(version, generation)
    expected = Record(version, tombstone=True, generation=generation)
    assert expected == records.decode_record(data)


@given(RECORDS, st.integers(0, 12))
def test_cut_short(record: Record, kept: int) -> None:
    """A record cut inside its header is refused or shorter, never an unexpected exception."""
    data = records.encode_record(record)[:kept]
    if kept < records.HEADER_BYTES:
        with pytest.raises(CorruptionError):
            records.decode_record(data)
    else:
        try:
            records.decode_record(data)
        except CorruptionError as error:
            assert error.detail


def test_batch_counts_and_clears() -> None:
    """A batch is false when empty, counts both kinds of effects, and clears in place."""
    batch = WriteBatch()
    assert not batch
    entries = batch.entries
    batch.put(b"k", b"r")
    batch.delete_range(b"a", b"b", 1)
    assert batch and len(batch) == 2
    batch.clear()
    assert not batch and batch.entries is entries
