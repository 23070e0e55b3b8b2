"""Plays every story of tests/scenarios/birth."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenario import runner
from tests.scenario.verbs_birth import BirthScenario
from tests.tidy.sources import ROOT

FILES = sorted((ROOT / "tests" / "scenarios" / "birth").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    """The story goes as it is written down."""
    runner.check(path, runner.verbs_of(BirthScenario()))


def test_there_are_scenarios() -> None:
    """An empty folder must not pass for a tested protocol."""
    assert len(FILES) >= 20
