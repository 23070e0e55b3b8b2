"""Percentiles from buckets against percentiles from all values."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tools.bench.histogram import Histogram, bucket_of, upper_end_ns

LATENCIES = st.integers(min_value=0, max_value=10**12)


@given(LATENCIES)
def test_bucket_holds_its_latency(latency: int) -> None:
    """A latency lies in its bucket: not above its upper end, above that of the bucket below."""
    bucket = bucket_of(latency)
    assert latency <= upper_end_ns(bucket)
    assert bucket == 0 or latency > upper_end_ns(bucket - 1)


@given(LATENCIES)
def test_bucket_is_narrow(latency: int) -> None:
    """The upper end is at most 1/128 above any latency in the bucket."""
    assert upper_end_ns(bucket_of(latency)) <= latency + latency / 128


@given(st.lists(LATENCIES, min_size=1), st.sampled_from([1, 50, 95, 99, 99.9, 100]))
def test_percentile_is_that_of_the_sorted_list(latencies: list[int], percent: float) -> None:
    """The percentile is the exact one, or above it by less than a bucket."""
    histogram = Histogram()
    for latency in latencies:
        histogram.record(latency)
    exact = sorted(latencies)[math.ceil(len(latencies) * percent / 100) - 1]
    assert exact <= histogram.percentile_ns(percent) <= exact + exact / 128


@given(st.lists(LATENCIES), st.lists(LATENCIES))
def test_added_histograms_equal_one(left: list[int], right: list[int]) -> None:
    """Adding two histograms gives that of all values."""
    one, other, together = Histogram(), Histogram(), Histogram()
    for latency in left:
        one.record(latency)
        together.record(latency)
    for latency in right:
        other.record(latency)
        together.record(latency)
    one.add(other)
    assert one.counts == together.counts
    assert (one.total, one.max_ns) == (together.total, together.max_ns)


def test_count_stands_for_many_requests() -> None:
    """A packet's latency counts once per command in it."""
    histogram = Histogram()
    histogram.record(1_000_000, 99)
    histogram.record(9_000_000, 1)
    assert histogram.total == 100
    assert math.isclose(histogram.percentiles().p50_ms, 1.0, rel_tol=0.01)
    assert histogram.percentiles().max_ms == 9.0


def test_empty_histogram_has_zeros() -> None:
    """No requests: all figures are zero instead of an error."""
    assert Histogram().percentiles().p99_ms == 0
