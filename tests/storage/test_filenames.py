"""File names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import filenames
from storage.filenames import FileKind, parse_name

NUMBERS = st.integers(0, 2**64 - 1)


@given(NUMBERS)
def test_numbered_names_round_trip(number: int) -> None:
    """Every kind of numbered name gives back its kind and number."""
    assert (FileKind.SEGMENT, number) == parse_name(filenames.segment_name(number))
    assert (FileKind.TABLE, number) == parse_name(filenames.table_name(number))
    assert (FileKind.MANIFEST, number) == parse_name(filenames.manifest_name(number))


def test_names_without_number() -> None:
    """CURRENT, LOCK and temporary files are told apart."""
    assert parse_name("CURRENT") == (FileKind.CURRENT, 0)
    assert parse_name("LOCK") == (FileKind.LOCK, 0)
    assert parse_name(filenames.temporary_name("CURRENT")) == (FileKind.TEMPORARY, 0)


@pytest.mark.parametrize(
    "name", ["", "notes.txt", "segment_1.wal", "segment_0000000001.sst", "table_000000000x.sst"]
)
def test_foreign_files_are_left_alone(name: str) -> None:
    """A file that is not ours has no kind, so nothing ever removes it."""
    assert parse_name(name) is None
