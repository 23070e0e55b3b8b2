"""The figures of a node."""

from __future__ import annotations

import attrs
import pytest

from cluster.statistics import ClusterStatistics, JournalStatistics, TableStatistics


@pytest.mark.parametrize("kind", [ClusterStatistics, JournalStatistics, TableStatistics])
def test_figures_are_values_of_one_moment(kind: type[attrs.AttrsInstance]) -> None:
    """Whoever holds them sees them as they were; nobody can change them for others."""
    table = TableStatistics(batches=3, failures=1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        table.batches = 4  # type: ignore[misc]  # that it can't be done is what is tested
    assert all(attribute.default is attrs.NOTHING for attribute in attrs.fields(kind))
