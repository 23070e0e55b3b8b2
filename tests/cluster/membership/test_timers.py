from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.membership.timers import Timers


def test_actions_fire_in_order_of_time_then_of_asking() -> None:
    """Equal times keep their order, so that a run replays."""
    timers, fired = Timers(1.0), list[str]()
    timers.at(2.0, lambda _now: fired.append("c"))
    timers.at(1.0, lambda _now: fired.append("a"))
    timers.at(1.0, lambda _now: fired.append("b"))
    assert timers.deadline() == 1.0
    core_now, _ = timers.advance(2.0)
    timers.run_due(core_now)
    assert fired == ["a", "b", "c"]
    assert timers.deadline() is None


def test_a_pause_moves_every_timer() -> None:
    """After a minute of standing still the next timer is due at once and the rest a minute on."""
    timers, fired = Timers(1.0), list[float]()
    for when in (1.0, 5.0):
        timers.at(when, fired.append)
    core_now, is_pause = timers.advance(61.0)
    timers.run_due(core_now)
    assert (core_now, is_pause, fired) == (1.0, True, [1.0])
    assert timers.paused_s == 60.0
    assert timers.deadline() == 65.0


def test_a_small_delay_is_no_pause() -> None:
    """Up to the bound, late is late: the core's time is the caller's."""
    timers = Timers(1.0)
    timers.at(1.0, lambda _now: None)
    assert timers.advance(2.0) == (2.0, False)


@given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=40), st.floats(0.0, 1e6))
def test_who_comes_at_the_deadline_is_served(gaps: list[float], began: float) -> None:
    """At its own deadline a timer is due, whatever pauses did to the digits; time only grows."""
    timers, now, last = Timers(1.0), began, began
    timers.at(began + 0.1, lambda core: timers.at(core + 0.7, lambda _now: None))
    for gap in gaps:
        timers.at(max(last, 0.0) + gap, lambda _now: None)
        deadline = timers.deadline()
        assert deadline is not None
        now = max(now, deadline) + (gap if gap > 15 else 0.0)
        before = len(timers)
        core, _ = timers.advance(now)
        assert core >= last
        last = core
        fired = list[float]()
        timers.at(core, fired.append)
        timers.run_due(core)
        assert fired == [core]
        assert before >= 1
    assert timers.paused_s == pytest.approx(now - last, abs=1e-6)


@given(st.floats(2.0, 1e4), st.lists(st.floats(0.01, 0.9), min_size=1, max_size=30))
def test_after_a_pause_the_deadline_is_still_reached(pause: float, waits: list[float]) -> None:
    """Rounding must not put a timer a digit beyond its own deadline: that would spin for ever."""
    timers = Timers(1.0)
    timers.at(1.0, lambda _now: None)
    core, is_pause = timers.advance(1.0 + pause)
    timers.run_due(core)
    assert is_pause
    for wait in waits:
        fired = list[float]()
        timers.at(core + wait, fired.append)
        deadline = timers.deadline()
        assert deadline is not None
        core, _ = timers.advance(deadline)
        timers.run_due(core)
        assert len(fired) == 1
