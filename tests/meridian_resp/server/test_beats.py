"""Tasks with the same period wake together."""

from __future__ import annotations

import math

import trio
import trio.testing
from hypothesis import example, given
from hypothesis import strategies as st

from meridian_resp.server.beats import next_beat, sleep_to_beat


@example(131072.625, 0.002).via("the next beat of a beat was itself, by rounding")
@given(st.floats(0, 1e6), st.sampled_from((0.002, 0.1, 0.5, 1.0)))
def test_the_next_beat_is_less_than_a_period_away(now: float, period_s: float) -> None:
    """Always later than now, and a multiple of the period."""
    beat = next_beat(now, period_s)
    assert 0 < beat - now <= period_s * 1.002
    assert math.isclose(beat / period_s, round(beat / period_s), rel_tol=1e-9)
    assert next_beat(beat, period_s) > beat


async def test_two_tasks_stopped_the_reactor_twice_as_often(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Whenever they began, they wake at the same times, and a late one leaves beats out."""
    woken: list[float] = []

    async def task(delay_s: float) -> None:
        await trio.sleep(delay_s)
        for _ in range(3):
            await sleep_to_beat(0.1)
            woken.append(round(trio.current_time() * 10, 6))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(task, 0.01)
        nursery.start_soon(task, 0.07)
    assert len(set(woken)) == 3
    assert sorted(woken) == sorted(list(set(woken)) * 2)
    await trio.sleep(0.25)
    before = trio.current_time()
    await sleep_to_beat(0.1)
    assert trio.current_time() - before <= 0.1
