from __future__ import annotations

from meridian_resp.server.rates import SAMPLES_MAX, Rates


def test_rates_are_growth_over_the_window() -> None:
    """Old samples leave the window, so a burst is forgotten."""
    rates = Rates()
    assert rates.per_second() is None
    rates.sample(0.0, 0, 0, 0)
    assert rates.per_second() is None
    rates.sample(0.5, 100, 1000, 50)
    assert rates.per_second() == (200.0, 2000.0, 100.0)
    for number in range(1, SAMPLES_MAX + 1):
        rates.sample(0.5 + number, 100 + number, 1000, 50)
    assert rates.per_second() == (1.0, 0.0, 0.0)


def test_reset_totals_start_anew() -> None:
    """A rate is never negative, and a clock that stands still divides nothing."""
    rates = Rates()
    rates.sample(0.0, 100, 100, 100)
    rates.sample(1.0, 5, 0, 0)
    assert rates.per_second() is None
    rates.sample(1.0, 6, 0, 0)
    assert rates.per_second() is None
    rates.sample(2.0, 15, 10, 20)
    assert rates.per_second() == (10.0, 10.0, 20.0)
