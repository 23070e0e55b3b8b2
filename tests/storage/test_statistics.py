"""Statistics are values."""

from __future__ import annotations

import pytest
from attrs.exceptions import FrozenInstanceError

from storage.statistics import COMPACTION_BUCKETS_S, LevelStatistics, StorageStatistics


def test_statistics_are_frozen_and_start_at_zero() -> None:
    """Nobody can change what another one was given."""
    statistics = StorageStatistics()
    assert (statistics.appended_offset, statistics.refusal, statistics.levels) == (0, None, ())
    with pytest.raises(FrozenInstanceError):
        statistics.syncs = 1  # type: ignore[misc]  # the point of the test


def test_every_bucket_has_a_count() -> None:
    """One count per bound and one for what is beyond; bounds ascend."""
    assert len(COMPACTION_BUCKETS_S) + 1 == len(LevelStatistics(0).compaction_buckets)
    assert sorted(set(COMPACTION_BUCKETS_S)) == list(COMPACTION_BUCKETS_S)
