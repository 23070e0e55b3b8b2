"""Table metadata: bytes and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import CorruptionError, FormatVersionError, StorageError
from storage.sstable.metadata import TableMetadata, decode_metadata, encode_metadata

numbers = st.integers(0, 2**64 - 1)
metadata = st.builds(
    TableMetadata,
    number=numbers,
    size=numbers,
    smallest=st.binary(max_size=9),
    largest=st.binary(max_size=9),
    end=st.binary(max_size=9),
    entries=numbers,
    tombstones=numbers,
    range_tombstones=numbers,
    oldest_version=numbers,
    newest_version=numbers,
    raw_bytes=numbers,
    created_ms=numbers,
)


@given(metadata)
def test_round_trip(table):
    """Every field survives."""
    assert table == decode_metadata(encode_metadata(table))


@given(metadata, st.data())
def test_cut_bytes_are_corruption(table, data):
    """Metadata that ends early never passes for metadata."""
    whole = encode_metadata(table)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(StorageError):
        decode_metadata(whole[:cut])


def test_foreign_bytes():
    """Trailing bytes and later formats are refused."""
    whole = encode_metadata(TableMetadata(1, 2, b"a", b"b", b"b\x00"))
    with pytest.raises(CorruptionError):
        decode_metadata(whole + b"x")
    with pytest.raises(FormatVersionError):
        decode_metadata(b"\x63" + whole[1:])


def test_overlaps():
    """The end is excluded, the smallest key included."""
    table = TableMetadata(1, 2, b"b", b"d", b"d\x00")
    assert table.overlaps(b"d", b"e") and table.overlaps(b"a", b"b\x00")
    assert not table.overlaps(b"a", b"b") and not table.overlaps(b"d\x00", b"e")
