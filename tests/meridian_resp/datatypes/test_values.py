"""Tests of live values."""

from __future__ import annotations

from meridian_resp.datatypes.values import (
    NEVER,
    OVERHEAD_BYTES,
    TYPE_NAMES,
    Entry,
    Kind,
    is_living,
    live_bytes,
)
from storage.records import TYPE_MASK, RecordType


def test_kinds_are_the_record_types() -> None:
    """Types in memory and on disk carry the same numbers."""
    for record_type in RecordType:
        assert record_type == Kind[record_type.name]


def test_absence_is_never_stored() -> None:
    """The kind of absent keys does not fit the type bits of a record."""
    assert Kind.ABSENT > TYPE_MASK


def test_every_type_of_key_has_a_name() -> None:
    """TYPE can answer for every kind but the internal ones."""
    assert set(Kind) - {Kind.SYSTEM, Kind.ABSENT} == set(TYPE_NAMES)


def test_memory_estimates_grow_with_key_and_value() -> None:
    """Key, value and objects around them are counted; an entry costs more than plain bytes."""
    assert live_bytes(b"key", b"value") == OVERHEAD_BYTES + 3 + 5
    entry = Entry(Kind.STRING, b"value", 1)
    assert live_bytes(b"key", entry) > live_bytes(b"key", b"value")


def test_a_key_that_never_existed() -> None:
    """It has no generation to respect and never expires."""
    assert (
        NEVER.kind,
        NEVER.value,
        NEVER.expire_at_ms,
        NEVER.generation,
    ) == (Kind.ABSENT, b"", 0, 0)


def test_what_is_living() -> None:
    """Plain strings always, entries until the millisecond of their expiry, absent ones never."""
    assert is_living(b"", 5)
    assert is_living(Entry(Kind.STRING, b""), 5)
    assert is_living(Entry(Kind.HASH, b"", 6), 5)
    assert not is_living(Entry(Kind.HASH, b"", 5), 5)
    assert not is_living(NEVER, 5)
