"""How long flushes and compactions took, per level, as plain integers in buckets."""

from __future__ import annotations

from bisect import bisect_left

from storage.statistics import COMPACTION_BUCKETS_S


class Durations:
    """Counts of jobs by the level they wrote (level 0: flushes) and by duration."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[int]] = {}
        self._seconds: dict[int, float] = {}

    def add(self, level: int, seconds: float) -> None:
        """Count one job."""
        buckets = self._buckets.setdefault(level, [0] * (len(COMPACTION_BUCKETS_S) + 1))
        buckets[bisect_left(COMPACTION_BUCKETS_S, seconds)] += 1
        self._seconds[level] = self._seconds.get(level, 0.0) + seconds

    def buckets(self, level: int) -> tuple[int, ...]:
        """Return the jobs per bucket, not cumulated; the last one is beyond all bounds."""
        empty = [0] * (len(COMPACTION_BUCKETS_S) + 1)
        return tuple(self._buckets.get(level, empty))

    def seconds(self, level: int) -> float:
        """Return the total duration."""
        return self._seconds.get(level, 0.0)

    def levels(self) -> int:
        """Return one more than the highest level counted."""
        return max(self._buckets, default=-1) + 1
