from __future__ import annotations

import pytest
from attrs.exceptions import FrozenInstanceError

from cluster.transport.statistics import DatagramStatistics


def test_statistics_are_values() -> None:
    """What was read once does not change below its reader."""
    statistics = DatagramStatistics(1, 2, 3, 4, 5, {"seal": 1})
    with pytest.raises(FrozenInstanceError):
        statistics.sent = 9  # type: ignore[misc]  # that it can't be set is what is tested
