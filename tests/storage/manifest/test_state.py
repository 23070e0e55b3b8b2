"""The manifest's state: applying edits, and the snapshot that replaces them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.manifest.edit import (
    AddedTable,
    CompactionPointer,
    VersionEdit,
    decode_edit,
    encode_edit,
)
from storage.manifest.state import ManifestState
from storage.sstable.metadata import TableMetadata

numbers = st.integers(0, 20)
edits = st.builds(
    VersionEdit,
    obsolete_segments=st.lists(numbers, max_size=4).map(tuple),
    forgotten_segments=st.lists(numbers, max_size=2).map(tuple),
    next_file_number=st.none() | numbers,
    values=st.dictionaries(st.sampled_from("ab"), st.binary(max_size=2)),
    pointers=st.lists(
        st.builds(CompactionPointer, numbers, st.binary(max_size=2)), max_size=2
    ).map(tuple),
)


def with_table(edit, number, level):
    """The edit, adding one table that overlaps no other."""
    key = b"%05d" % number
    one = TableMetadata(number, 1, key, key, key + b"\x00")
    return VersionEdit(
        added=(AddedTable(level, one),),
        obsolete_segments=edit.obsolete_segments,
        forgotten_segments=edit.forgotten_segments,
        next_file_number=edit.next_file_number,
        values=edit.values,
        pointers=edit.pointers,
    )


@given(st.lists(st.tuples(edits, st.integers(0, 2)), max_size=12))
def test_snapshot_replaces_the_edits(given_edits):
    """The snapshot, through its bytes, makes the same state as all edits; level 0 in its order."""
    state = ManifestState()
    for number, (edit, level) in enumerate(given_edits):
        state = state.apply(with_table(edit, number, level))
    assert state == ManifestState().apply(decode_edit(encode_edit(state.snapshot())))


def test_each_field():
    """Obsolete segments are remembered until forgotten, values replaced by name, numbers grow."""
    state = ManifestState().apply(
        VersionEdit(obsolete_segments=(3, 4), values={"a": b"1", "b": b"2"}, next_file_number=9)
    )
    state = state.apply(
        VersionEdit(forgotten_segments=(3,), values={"a": b"3"}, next_file_number=5)
    )
    assert frozenset((4,)) == state.obsolete_segments
    assert dict(state.values) == {"a": b"3", "b": b"2"}
    assert state.next_file_number == 9


def test_table_numbers_are_taken():
    """The next file number is above every table's even if an edit forgot to say so."""
    state = ManifestState().apply(with_table(VersionEdit(), 41, 0))
    assert state.next_file_number == 42
