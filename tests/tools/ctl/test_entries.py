"""Keys and records in words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.keys import metadata_key
from storage.records import Record, VectorEntry, encode_record, encode_string
from tools.ctl.entries import describe_put, describe_record, time_text, version_text

VERSION = (1704164645678 << 16) | 9


def test_versions_are_moments() -> None:
    """The physical part is a time, the rest a counter."""
    assert version_text(VERSION) == "version 2024-01-02T03:04:05.678Z/9"


@given(st.integers(0, 2**64 - 1))
def test_any_time_has_a_text(milliseconds: int) -> None:
    """A damaged or strange time is shown and does not end the dump."""
    assert time_text(milliseconds)


def test_vectors_are_counted_and_listed() -> None:
    """People see how long the vector is, programs see all of it."""
    record = Record(VERSION, b"x", vector=(VectorEntry(1, 2, 3), VectorEntry(4, 5, 6)))
    text, data = describe_record(encode_record(record))
    assert "vector of 2" in text
    assert data["vector"] == [[1, 2, 3], [4, 5, 6]]


def test_damaged_entries_are_shown_raw() -> None:
    """A record that does not parse is shown as it is, with the reason."""
    text, data = describe_put(metadata_key(0, b"k"), b"short")
    assert text.startswith("DAMAGED")
    assert data["raw_record"] == b"short".hex()
    text, data = describe_put(b"\x00", encode_string(VERSION, b"v"))
    assert text.startswith("DAMAGED")
