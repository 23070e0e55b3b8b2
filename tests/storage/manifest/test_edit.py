"""Version edits: bytes and back."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.codec import encode_blob, encode_varint
from storage.errors import CorruptionError, FormatVersionError, StorageError
from storage.manifest.edit import (
    AddedTable,
    CompactionPointer,
    RemovedTable,
    VersionEdit,
    decode_edit,
    encode_edit,
    runs,
)
from storage.sstable.metadata import TableMetadata

small = st.integers(0, 300)
segments = st.sets(small, max_size=6).map(lambda numbers: tuple(sorted(numbers)))
tables = st.builds(TableMetadata, small, small, *[st.binary(max_size=4)] * 3, small)
edits = st.builds(
    VersionEdit,
    added=st.lists(st.builds(AddedTable, small, tables), max_size=3).map(tuple),
    removed=st.lists(st.builds(RemovedTable, small, small), max_size=3).map(tuple),
    obsolete_segments=segments,
    forgotten_segments=segments,
    next_file_number=st.none() | st.integers(0, 2**64 - 1),
    values=st.dictionaries(st.text(max_size=5), st.binary(max_size=9), max_size=3),
    pointers=st.lists(st.builds(CompactionPointer, small, st.binary(max_size=5)), max_size=2).map(
        tuple
    ),
)


@given(edits)
def test_round_trip(edit):
    """Every field survives, in its order."""
    assert edit == decode_edit(encode_edit(edit))


@given(edits, st.data())
def test_damage_raises_or_reads(edit, data):
    """Cut or changed bytes raise a StorageError or give an edit; nothing else escapes."""
    raw = bytearray(encode_edit(edit))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(raw), bytes(raw[: len(raw) // 2])):
        try:
            assert isinstance(decode_edit(damaged), VersionEdit)
        except StorageError:
            continue


def test_unknown_fields_are_refused():
    """A field of a later version is not skipped: half an edit is a lost table."""
    with pytest.raises(FormatVersionError):
        decode_edit(b"\x01" + encode_varint(99) + encode_blob(b"new"))
    with pytest.raises(FormatVersionError):
        decode_edit(b"\x02")


def test_bad_fields_are_corruption():
    """Fields that no writer makes are refused."""
    with pytest.raises(CorruptionError):
        decode_edit(b"")
    with pytest.raises(CorruptionError, match="segments"):
        decode_edit(b"\x01\x03" + encode_blob(encode_varint(5) + encode_varint(4)))
    with pytest.raises(CorruptionError, match="follow"):
        decode_edit(b"\x01\x02" + encode_blob(b"\x01\x01\x01"))
    with pytest.raises(CorruptionError, match="text"):
        decode_edit(b"\x01\x05" + encode_blob(encode_blob(b"\xff")))


@given(st.sets(small))
def test_runs(numbers):
    """Runs hold the same numbers, ascend, and no two of them touch."""
    found = runs(numbers)
    assert numbers == {number for low, high in found for number in range(low, high + 1)}
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(found))
