"""Versions: layouts stay right under random edits, and answer which tables matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import CorruptionError
from storage.manifest.edit import AddedTable, RemovedTable, VersionEdit
from storage.manifest.version import Version
from storage.sstable.metadata import TableMetadata


def table(number, low, high, **more):
    """A table from key `low` to key `high` (numbers below 256), both included."""
    smallest, largest = bytes((low,)), bytes((high,))
    return TableMetadata(number, 10 * number, smallest, largest, largest + b"\x00", **more)


def added(level, *tables):
    """An edit that adds tables to a level."""
    return VersionEdit(added=tuple(AddedTable(level, one) for one in tables))


steps = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 10), st.booleans()),
    max_size=30,
)


@given(steps, st.integers(0, 60))
def test_random_edits_keep_the_invariants(given_steps, key_number):
    """An edit gives a right layout or is refused whole; candidates are as brute force finds."""
    version = Version()
    for number, (level, low, length, removes) in enumerate(given_steps):
        new = table(number, low, low + length)
        removed = ()
        if removes and version.level(level):
            removed = (RemovedTable(level, version.level(level)[-1].number),)
        edit = VersionEdit(added=(AddedTable(level, new),), removed=removed)
        before = version.levels
        try:
            version = version.apply(edit)
        except CorruptionError:
            assert before == version.levels
            continue
        version.check_invariants()
        assert new in version.level(level)
    key = bytes((key_number,))
    expected = [one for one in version.tables() if one.smallest <= key <= one.largest]
    assert expected == version.candidates(key)


@given(steps, st.integers(0, 60), st.integers(0, 20))
def test_overlapping_by_brute_force(given_steps, low, length):
    """Overlap queries of every level give the same as looking at every table."""
    version = Version()
    for number, (level, start, size, _) in enumerate(given_steps):
        try:
            version = version.apply(added(level, table(number, start, start + size)))
        except CorruptionError:
            continue
    start, end = bytes((low,)), bytes((low + length,))
    for level in range(5):
        expected = tuple(one for one in version.level(level) if one.overlaps(start, end))
        if start < end:
            assert expected == version.overlapping(level, start, end)


def test_level0_is_newest_first():
    """The last table added to level 0 is asked first, whatever its number."""
    version = Version().apply(added(0, table(5, 1, 9), table(4, 1, 9)))
    version = version.apply(added(0, table(3, 1, 9)))
    assert [one.number for one in version.candidates(b"\x02")] == [3, 4, 5]


def test_levels_answer_before_deeper_levels():
    """Candidates come from shallow to deep, at most one per deeper level."""
    version = Version()
    for level in (2, 1, 0):
        version = version.apply(
            added(
                level,
                table(10 + level, 1, 9),
            )
        )
        version = version.apply(added(level, table(20 + level, 11, 19)))
    assert [one.number for one in version.candidates(b"\x05")] == [10, 11, 12]
    assert version.candidates(b"\x0a") == []


def test_moves_in_one_edit():
    """A table can leave one level and join another in the same edit."""
    one = table(1, 1, 5)
    version = Version().apply(added(0, one))
    moved = version.apply(VersionEdit(added=(AddedTable(1, one),), removed=(RemovedTable(0, 1),)))
    assert ((), (one,)) == moved.levels
    emptied = moved.apply(VersionEdit(removed=(RemovedTable(1, 1),)))
    assert Version() == emptied and hash(Version()) == hash(emptied)


def test_wrong_edits_are_refused():
    """Removing what is absent, adding twice, overlapping deeper levels: each is corruption."""
    version = Version().apply(added(1, table(1, 1, 5)))
    for edit, text in (
        (VersionEdit(removed=(RemovedTable(0, 1),)), "absent"),
        (VersionEdit(removed=(RemovedTable(7, 1),)), "absent"),
        (added(0, table(1, 1, 5)), "twice"),
        (added(1, table(2, 5, 6)), "overlap"),
        (added(0, TableMetadata(3, 0, b"", b"", b"")), "empty"),
    ):
        with pytest.raises(CorruptionError, match=text):
            version.apply(edit)


def test_excluded_end_of_a_range_tombstone():
    """A table that ends with a range tombstone may be followed by one that starts at its end."""
    left = TableMetadata(1, 0, b"a", b"m", b"m", range_tombstones=1)
    version = Version().apply(added(1, left, TableMetadata(2, 0, b"m", b"z", b"z\x00")))
    version.check_invariants()
    assert [one.number for one in version.candidates(b"m")] == [2]
    assert (left,) == version.ranged


def test_numbers_and_sizes():
    """Small questions: all numbers, bytes of a level, where a table is."""
    version = Version().apply(added(0, table(1, 1, 5))).apply(added(2, table(7, 1, 5)))
    assert frozenset((1, 7)) == version.numbers()
    assert [version.level_bytes(level) for level in range(4)] == [10, 0, 70, 0]
    assert version.find(7) == (2, table(7, 1, 5))
    assert version.find(8) is None
