"""What is done about what waits: gentle first, then all of a core, then writers are slowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.options import StorageOptions
from storage.pressure import compaction_percent, delay_s, flush_percent

OPTIONS = StorageOptions("sim")


def test_a_flush_that_nobody_waits_for_is_gentle() -> None:
    """One sealed memtable is the one being flushed."""
    assert [flush_percent(sealed, OPTIONS) for sealed in range(6)] == [20, 20, 60, 100, 100, 100]


@pytest.mark.parametrize(
    ("tables", "percent"), [(0, 20), (4, 20), (7, 20), (8, 60), (11, 60), (12, 100), (99, 100)]
)
def test_a_compaction_hurries_as_level_0_grows(tables: int, percent: int) -> None:
    """All of a core before writers are slowed, which is at 16 tables."""
    assert compaction_percent(tables, OPTIONS) == percent


@pytest.mark.parametrize(
    ("sealed", "tables", "pause_s"),
    [
        (0, 0, 0.0),
        (2, 16, 0.0),
        (3, 0, 0.0025),
        (5, 0, 1 / 240),
        (0, 28, 0.0025),
        (6, 0, 0.05),
        (0, 40, 0.05),
    ],
)
def test_writers_are_slowed_a_little_and_then_fully(
    sealed: int, tables: int, pause_s: float
) -> None:
    """Half way to the bound of memtables, and from the slow bound of level 0 on."""
    assert delay_s(sealed, tables, OPTIONS) == pytest.approx(pause_s)


@given(st.integers(0, 20), st.integers(0, 80))
def test_more_waiting_never_means_less_pressure(sealed: int, tables: int) -> None:
    """Every measure grows with what waits."""
    for more_sealed, more_tables in ((sealed + 1, tables), (sealed, tables + 1)):
        assert delay_s(more_sealed, more_tables, OPTIONS) >= delay_s(sealed, tables, OPTIONS)
        assert flush_percent(more_sealed, OPTIONS) >= flush_percent(sealed, OPTIONS)
        assert compaction_percent(more_tables, OPTIONS) >= compaction_percent(tables, OPTIONS)


@given(st.integers(1, 1000), st.integers(0, 1000))
def test_writers_waited_for_a_flush_that_napped(sealed_max: int, sealed: int) -> None:
    """Where few memtables may wait, the flush has all of a core before anybody is slowed."""
    options = StorageOptions("sim", sealed_memtables_max=sealed_max)
    if delay_s(sealed, 0, options) > 0.0:
        assert flush_percent(sealed, options) == 100
