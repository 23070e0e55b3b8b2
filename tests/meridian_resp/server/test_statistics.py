"""The objects that INFO and metrics read."""

from __future__ import annotations

import attrs
import pytest

from meridian_resp.server.statistics import CommandStatistics, ServerStatistics


def test_calls_are_the_sum_over_levels() -> None:
    """A command's calls are those at all consistency levels."""
    assert CommandStatistics(name="get").calls == 0
    by_level = {"ONE": 5, "QUORUM": 2}
    assert CommandStatistics(name="get", calls_by_consistency=by_level).calls == 7


def test_statistics_are_frozen() -> None:
    """What was handed out does not change under the reader."""
    statistics = ServerStatistics(version="1")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        statistics.ticks = 1  # type: ignore[misc] # the point of the test
