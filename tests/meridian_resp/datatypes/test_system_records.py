"""Tests of the records that the keyspace keeps about itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.datatypes.system_records import (
    CLOCK_KEY,
    COUNTS_KEY,
    KEYSPACES_KEY,
    decode_counts,
    decode_keyspaces,
    decode_number,
    encode_counts,
    encode_keyspaces,
    encode_number,
)
from meridian_resp.datatypes.values import Kind
from storage.errors import CorruptionError
from storage.keys import is_system_key
from storage.records import Record, encode_record, encode_string, version_of

ids = st.integers(0, 2**32 - 1)
numbers = st.integers(0, 2**64 - 1)


@given(numbers, st.dictionaries(ids, st.tuples(numbers, numbers)))
def test_counts_read_back(version: int, counts: dict[int, tuple[int, int]]) -> None:
    """Keys and expiring keys of each keyspace survive."""
    record = encode_counts(version, counts)
    assert counts == decode_counts(record)
    assert version == version_of(record)


@given(numbers, st.lists(ids), ids)
def test_keyspaces_read_back(version: int, keyspaces: list[int], next_id: int) -> None:
    """The ids by database index and the next free one survive."""
    assert (keyspaces, next_id) == decode_keyspaces(encode_keyspaces(version, keyspaces, next_id))


@given(numbers, numbers)
def test_numbers_read_back(version: int, number: int) -> None:
    """One number survives."""
    assert number == decode_number(encode_number(version, number))


def test_they_live_under_system_keys() -> None:
    """No user's key can collide with them, nor they with each other."""
    keys = {CLOCK_KEY, COUNTS_KEY, KEYSPACES_KEY}
    assert len(keys) == 3
    assert all(is_system_key(key) for key in keys)


@pytest.mark.parametrize(
    "record",
    [
        encode_string(1, b"x" * 20),
        encode_record(Record(1, b"x", Kind.SYSTEM)),
        encode_record(Record(1, b"x" * 9, Kind.SYSTEM)),
        b"",
    ],
)
def test_damage_is_noticed(record: bytes) -> None:
    """A record of another type or size raises instead of giving numbers."""
    for decode in (decode_counts, decode_keyspaces, decode_number):
        with pytest.raises(CorruptionError):
            decode(record)


def test_empty_system_records_are_damage() -> None:
    """A map of databases has at least the next id, a number its eight bytes."""
    record = encode_record(Record(1, b"", Kind.SYSTEM))
    for decode in (decode_keyspaces, decode_number):
        with pytest.raises(CorruptionError):
            decode(record)
