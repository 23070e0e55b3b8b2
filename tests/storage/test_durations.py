"""Counting durations in buckets."""

from __future__ import annotations

from storage.durations import Durations
from storage.statistics import COMPACTION_BUCKETS_S


def test_buckets_hold_what_is_at_most_their_bound() -> None:
    """A duration equal to a bound belongs to it; longer than all goes to the last place."""
    durations = Durations()
    assert durations.levels() == 0
    durations.add(1, COMPACTION_BUCKETS_S[2])
    durations.add(1, 0.0)
    durations.add(1, 1e9)
    expected = [0] * (len(COMPACTION_BUCKETS_S) + 1)
    expected[0] = expected[2] = expected[-1] = 1
    assert tuple(expected) == durations.buckets(1)
    assert 1e9 + COMPACTION_BUCKETS_S[2] == durations.seconds(1)
    assert (durations.levels(), durations.seconds(0), sum(durations.buckets(0))) == (2, 0.0, 0)
