"""The doorbell."""

from __future__ import annotations

import trio
import trio.testing

from storage.wakeup import Wakeup


async def test_a_ring_before_waiting_is_remembered_once() -> None:
    """Two rings while nobody waits end one wait; the next one blocks."""
    wakeup = Wakeup()
    wakeup.ring()
    wakeup.ring()
    await wakeup.wait()
    with trio.move_on_after(0) as scope:
        await wakeup.wait()
    assert scope.cancelled_caught


async def test_wait_ends_by_itself(autojump_clock: trio.testing.MockClock) -> None:
    """With a limit, waiting ends then."""
    started = trio.current_time()
    await Wakeup().wait(2.5)
    assert trio.current_time() - started == 2.5
