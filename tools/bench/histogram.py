"""Latencies in buckets: exact enough for percentiles, cheap enough for every request.

Buckets are logarithmic with 128 steps per doubling, so a percentile is at most 0.8 % above the
true value, over the whole range from a microsecond to minutes, in a few thousand counters. The
maximum is kept exactly. Two histograms of different rounds can be added.
"""

from __future__ import annotations

import attrs

STEPS_PER_DOUBLING = 128
STEP_BITS = 7


@attrs.frozen
class Percentiles:
    """The summary that is printed, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@attrs.frozen
class DriverResult:
    """What a load generator reports of one run."""

    operations_per_s: float
    latency: Percentiles


class Histogram:
    """Counts of latencies, given in nanoseconds."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.total = 0
        self.max_ns = 0

    def record(self, latency_ns: int, count: int = 1) -> None:
        """Add `count` requests that took `latency_ns` each; a negative latency counts as none."""
        latency_ns = max(latency_ns, 0)
        bucket = bucket_of(latency_ns)
        self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.total += count
        self.max_ns = max(self.max_ns, latency_ns)

    def add(self, other: Histogram) -> None:
        """Add everything another histogram has counted."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.total += other.total
        self.max_ns = max(self.max_ns, other.max_ns)

    def percentile_ns(self, percent: float) -> int:
        """The upper end of the bucket below which `percent` of all requests stayed; 0 if none."""
        wanted = self.total * percent / 100
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return min(upper_end_ns(bucket), self.max_ns)
        return 0

    def percentiles(self) -> Percentiles:
        """The usual four figures."""
        return Percentiles(
            p50_ms=self.percentile_ns(50) / 1e6,
            p95_ms=self.percentile_ns(95) / 1e6,
            p99_ms=self.percentile_ns(99) / 1e6,
            max_ms=self.max_ns / 1e6,
        )


def bucket_of(latency_ns: int) -> int:
    """The bucket of a latency: itself below 256 ns, then 128 buckets per doubling."""
    shift = max(latency_ns.bit_length() - STEP_BITS - 1, 0)
    return (shift << STEP_BITS) + (latency_ns >> shift)


def upper_end_ns(bucket: int) -> int:
    """The largest latency that falls into a bucket."""
    shift = max((bucket >> STEP_BITS) - 1, 0)
    return ((bucket - (shift << STEP_BITS) + 1) << shift) - 1
