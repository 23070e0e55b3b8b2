"""The page of results."""

from __future__ import annotations

from tests.tools.bench.test_idle import COST
from tests.tools.bench.test_report import MACHINE, RESULT
from tools.bench.idle import IdleResult
from tools.bench.mixed import MixedResult, Phase
from tools.bench.page import mixed_settings, page

IDLE = IdleResult(machine=MACHINE, connections=10_000, seconds=5, costs=(COST,))
MIXED = MixedResult(
    machine=MACHINE,
    description="meridian: 0.1.0",
    settings=mixed_settings(RESULT.settings, quick=False),
    phases=(
        Phase(
            name="slow-reader",
            requests=10_000,
            p50_ms=0.1,
            p99_ms=2.5,
            p999_ms=3.5,
            max_ms=4.5,
            late_p99_ms=1.0,
            disturbance_operations=500,
            resident_mb=None,
        ),
    ),
)


def test_page_holds_all_three_results() -> None:
    """One title, three sections, each with its circumstances and its table."""
    text = page(RESULT, IDLE, MIXED, quick=False)
    titles = [line for line in text.splitlines() if line.startswith("#")]
    assert [title.count("#") for title in titles] == [1, 2, 2, 2]
    assert text.count("- date: 2026-01-02 03:04 UTC") == 3
    assert "| SET | 16 | meridian | 250,000 |" in text
    assert "| meridian | 50.0 | 120.5 | 70.5 | 12.3 |" in text
    assert "| slow-reader | 10,000 | 0.10 | 2.50 | 3.50 | 4.50 | 1.00 | 500 | - |" in text


def test_quick_page_says_so() -> None:
    """Nobody should take a glance for a measurement."""
    assert "quick run" in page(RESULT, IDLE, MIXED, quick=True)
    assert "quick run" not in page(RESULT, IDLE, MIXED, quick=False)


def test_mixed_runs_on_the_same_servers_and_cores() -> None:
    """What the comparison was told holds for the other measurements too."""
    settings = mixed_settings(RESULT.settings, quick=True)
    assert (settings.server_core, settings.load_core) == (0, 1)
    assert settings.keys < mixed_settings(RESULT.settings, quick=False).keys
