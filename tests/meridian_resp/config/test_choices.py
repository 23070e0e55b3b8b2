"""Closed sets of words."""

from __future__ import annotations

import enum

import pytest

from meridian_resp.config import choices
from storage.options import CompactionStrategy, FsyncPolicy

SETS = [
    member
    for member in vars(choices).values()
    if isinstance(member, type) and issubclass(member, enum.StrEnum) and len(member)
]


@pytest.mark.parametrize("words", SETS, ids=lambda words: str(words.__name__))
def test_words_are_found_in_any_case(words: type[enum.StrEnum]) -> None:
    """No two words of a set differ in their case only."""
    assert len({str(word).lower() for word in words}) == len(words)


def test_words_of_storage_are_known_here() -> None:
    """Every policy of the engine can be asked for by an option."""
    assert {str(word) for word in choices.AppendFsync} == {it.value for it in FsyncPolicy}
    styles = {str(word) for word in choices.CompactionStyle}
    assert styles == {it.value for it in CompactionStrategy}
