"""What is done about what waits: gentle first, then all of a core, then writers are slowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.options import StorageOptions
from storage.pressure import (
    GENTLE_FLUSH_PERCENT,
    LEAST_FLUSH_PERCENT,
    compaction_percent,
    delay_s,
    flush_percent,
    gentle_flush_percent,
)

OPTIONS = StorageOptions("sim")


@pytest.mark.parametrize(
    ("gentle", "percents"), [(2, [2, 2, 15, 100, 100]), (10, [10, 10, 30, 100, 100])]
)
def test_a_flush_that_nobody_waits_for_is_gentle(gentle: int, percents: list[int]) -> None:
    """One sealed memtable is the one being flushed; with two it hurries, then it takes all."""
    assert [flush_percent(sealed, gentle, OPTIONS) for sealed in range(5)] == percents


@pytest.mark.parametrize(
    ("cpu_s", "filling_s", "percent"),
    [
        (0.2, 20.0, LEAST_FLUSH_PERCENT),
        (0.3, 10.0, 5),
        (0.6, 7.0, 15),
        (1.2, 2.0, GENTLE_FLUSH_PERCENT),
        (1.2, 0.0, GENTLE_FLUSH_PERCENT),
        (0.0, 0.0, GENTLE_FLUSH_PERCENT),
    ],
)
def test_a_flush_took_a_fifth_of_the_core_whatever_there_was_to_do(
    cpu_s: float, filling_s: float, percent: int
) -> None:
    """It takes what it needs to end before the next memtable is full."""
    assert gentle_flush_percent(cpu_s, filling_s) == percent


@given(st.floats(0, 100), st.floats(0, 1e6))
def test_the_share_of_a_flush_is_one_that_workers_know(cpu_s: float, filling_s: float) -> None:
    """Between its bounds, whatever was measured."""
    percent = gentle_flush_percent(cpu_s, filling_s)
    assert LEAST_FLUSH_PERCENT <= percent <= GENTLE_FLUSH_PERCENT


@pytest.mark.parametrize(
    ("tables", "percent"), [(0, 10), (4, 10), (7, 10), (8, 40), (11, 40), (12, 100), (99, 100)]
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


GENTLE = st.integers(LEAST_FLUSH_PERCENT, GENTLE_FLUSH_PERCENT)


@given(st.integers(0, 20), st.integers(0, 80), GENTLE)
def test_more_waiting_never_means_less_pressure(sealed: int, tables: int, gentle: int) -> None:
    """Every measure grows with what waits."""
    percent = flush_percent(sealed, gentle, OPTIONS)
    for more_sealed, more_tables in ((sealed + 1, tables), (sealed, tables + 1)):
        assert delay_s(more_sealed, more_tables, OPTIONS) >= delay_s(sealed, tables, OPTIONS)
        assert flush_percent(more_sealed, gentle, OPTIONS) >= percent
        assert compaction_percent(more_tables, OPTIONS) >= compaction_percent(tables, OPTIONS)


@given(st.integers(1, 1000), st.integers(0, 1000), GENTLE)
def test_writers_waited_for_a_flush_that_napped(sealed_max: int, sealed: int, gentle: int) -> None:
    """Where few memtables may wait, the flush has all of a core before anybody is slowed."""
    options = StorageOptions("sim", sealed_memtables_max=sealed_max)
    if delay_s(sealed, 0, options) > 0.0:
        assert flush_percent(sealed, gentle, options) == 100
