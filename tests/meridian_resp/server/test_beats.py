"""Regular work is done once a beat, by the task or by whoever is busy."""

from __future__ import annotations

import math

import trio
import trio.testing
from hypothesis import example, given
from hypothesis import strategies as st

from meridian_resp.server.beats import Beats, next_beat
from tests.harness.simulated_server import LiveClient, serving

PERIOD_S = 0.1


@example(131072.625, 0.002).via("the next beat of a beat was itself, by rounding")
@given(st.floats(0, 1e6), st.sampled_from((0.002, 0.1, 0.5, 1.0)))
def test_the_next_beat_is_less_than_a_period_away(now: float, period_s: float) -> None:
    """Always later than now, and a multiple of the period."""
    beat = next_beat(now, period_s)
    assert 0 < beat - now <= period_s * 1.002
    assert math.isclose(beat / period_s, round(beat / period_s), rel_tol=1e-9)
    assert next_beat(beat, period_s) > beat


def recorded(calls: list[float], period_s: float = PERIOD_S) -> Beats:
    """Beats whose work notes the time."""
    return Beats(calls.append, lambda: period_s, lambda: trio.current_time())


async def test_the_task_does_the_work_of_a_server_at_rest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Once a beat, at the latest a little after it."""
    calls: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recorded(calls).run)
        await trio.sleep(1.05)
        nursery.cancel_scope.cancel()
    assert len(calls) == 11
    late = [at - math.floor(at / PERIOD_S + 1e-6) * PERIOD_S for at in calls[1:]]
    assert max(late) < 0.02


async def test_the_task_stopped_a_busy_reactor_at_every_beat(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """While somebody else does the work in time the task sleeps on; then it takes over."""
    calls: list[float] = []
    beats = recorded(calls)
    by_others: list[float] = []
    wakes = 0

    class Count(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            nonlocal wakes
            wakes += task.coro.__qualname__ == "Beats.run"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(beats.run)
        await trio.sleep(0.001)
        trio.lowlevel.add_instrument(instrument := Count())
        while trio.current_time() < 1.0:
            await trio.sleep(0.002)
            now = trio.current_time()
            if now >= beats.due_s:
                beats.beat(now)
                by_others.append(now)
        assert wakes == 0
        assert calls[1:] == by_others and 9 <= len(by_others) <= 10
        await trio.sleep(0.55)
        assert wakes and len(calls) == 1 + len(by_others) + 5
        trio.lowlevel.remove_instrument(instrument)
        nursery.cancel_scope.cancel()


async def test_beats_that_were_missed_are_left_out(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Nobody makes up for a time in which nothing ran."""
    calls: list[float] = []
    now_s = 5.03
    beats = Beats(calls.append, lambda: PERIOD_S, lambda: now_s)
    beats.beat(now_s)
    assert math.isclose(beats.due_s, 5.1)
    now_s = 9.98
    beats.beat(now_s)
    assert math.isclose(beats.due_s, 10.0)
    assert calls == [5.03, 9.98]


async def test_a_busy_reactor_beats_by_itself(autojump_clock: trio.testing.MockClock) -> None:
    """Between two turns, as soon as it is due: the task would come later."""
    async with serving() as server:
        client = LiveClient(server.io.connect())
        await client.ask("PING")
        server.io.reading_s = 0.001
        beats = server.node.beats
        assert server.reactor.beats is beats
        seen = []
        for _ in range(200):
            due_s = beats.due_s
            await client.ask("PING")
            if beats.due_s != due_s:
                seen.append(server.io.monotonic() - due_s)
        assert len(seen) >= 5
        assert max(seen) < 0.02
