"""One order of saves for all cores, reports to those who waited, and rewrites."""

from __future__ import annotations

import pytest

from cluster.control.saves import Saves
from cluster.journal.records import Record, RecordKind

SMALL = (Record(RecordKind.CLAIMS, b"x" * 10),)
LARGE = (Record(RecordKind.MAP, b"x" * 2000),)


def test_each_core_hears_of_its_own_numbers_in_order() -> None:
    """One report from the disk covers everything up to its number."""
    saves, heard = Saves(1000), []
    first = saves.add(lambda number, now: heard.append(("a", number, now)), 7, SMALL)
    second = saves.add(lambda number, now: heard.append(("b", number, now)), 1, SMALL)
    third = saves.add(lambda number, now: heard.append(("a", number, now)), 8, SMALL)
    assert [save.number for save in (first, second, third)] == [1, 2, 3]
    saves.saved(2, 5.0)
    assert heard == [("a", 7, 5.0), ("b", 1, 5.0)]
    saves.saved(2, 6.0)
    saves.saved(3, 7.0)
    assert heard[2:] == [("a", 8, 7.0)]


def test_a_report_about_a_save_that_was_never_ordered_is_a_defect() -> None:
    """The shell can't have made durable what it was not given."""
    with pytest.raises(AssertionError):
        Saves(1000).saved(1, 0.0)


def test_a_rewrite_is_wanted_when_the_journal_has_grown_and_not_again_at_once() -> None:
    """Growth counts from the last rewrite, and twice its size has to come on top."""
    saves = Saves(1000)
    saves.add(lambda number, now: None, 1, SMALL)
    assert not saves.is_rewrite_wanted
    saves.add(lambda number, now: None, 2, LARGE)
    assert saves.is_rewrite_wanted
    rewrite = saves.rewrite(LARGE)
    assert (rewrite.number, rewrite.is_rewrite, rewrite.records) == (3, True, LARGE)
    saves.add(lambda number, now: None, 3, LARGE)
    assert not saves.is_rewrite_wanted
    saves.add(lambda number, now: None, 4, LARGE)
    saves.add(lambda number, now: None, 5, LARGE)
    assert saves.is_rewrite_wanted
