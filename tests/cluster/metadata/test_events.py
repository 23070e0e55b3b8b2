"""Inputs and outputs of the metadata log are values."""

from __future__ import annotations

from typing import get_args

from cluster.metadata import events


def test_all_of_them_are_frozen_values() -> None:
    """What crosses the boundary of a core is never changed by either side."""
    for kind in (*get_args(events.Input), *get_args(events.Output)):
        assert kind.__setattr__ is not object.__setattr__, kind


def test_an_unknown_outcome_says_why() -> None:
    """Nobody takes an unknown outcome for a refusal."""
    assert events.Result(1, None, "no leader answered").result is None
