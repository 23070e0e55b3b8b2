"""Plays every story of tests/scenarios/raft."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenario import runner
from tests.scenario.verbs_raft import RaftScenario
from tests.tidy.sources import ROOT

FILES = sorted((ROOT / "tests" / "scenarios" / "raft").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    """The story goes as it is written down."""
    runner.check(path, runner.verbs_of(RaftScenario()))


def test_there_are_scenarios() -> None:
    """An empty folder must not pass for a tested protocol."""
    assert len(FILES) >= 12
