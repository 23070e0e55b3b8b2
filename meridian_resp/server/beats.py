"""The beat on which a server does its regular work, all of it in one go.

A task that wakes stops the reactor for 0.2 ms of Trio's and its own, and every request under way
waits for that. Two tasks that woke ten times a second each did it to one request in eighty, and
p99 of SET was 8 % higher with them (2026-11-30). So there is one beat, and a reactor that is busy
does its work between two turns as soon as it is due; a task does it while the reactor rests.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import trio

#: A part of the period, far above what the rounding of large times can be.
_AS_GOOD_AS_OVER: Final = 1e-3
#: How long the task leaves the work to a busy reactor, which looks every few milliseconds; a part
#: of the period, which is 100 ms if nobody has set `hz`.
_GRACE: Final = 0.05


def next_beat(now_s: float, period_s: float) -> float:
    """The first multiple of the period after now; one that is as good as now is over."""
    return (math.floor(now_s / period_s + _AS_GOOD_AS_OVER) + 1) * period_s


class Beats:
    """Calls `work` at every beat, from whoever comes first; times are those of `monotonic`.

    Attributes:
        due_s: when the next beat is; whoever sees that it is over calls `beat`.
    """

    def __init__(
        self,
        work: Callable[[float], None],
        period_s: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self.due_s = 0.0
        self._work = work
        self._period_s = period_s
        self._monotonic = monotonic
        self._sleep: trio.CancelScope | None = None

    def beat(self, now_s: float) -> None:
        """Do the work now; beats that were missed are left out."""
        self.due_s = next_beat(now_s, self._period_s())
        if self._sleep is not None:
            self._sleep.deadline = self._deadline(now_s)
        self._work(now_s)

    async def run(self) -> None:
        """See to it that each beat is done, until cancelled."""
        while True:
            now_s = self._monotonic()
            if now_s >= self.due_s:
                self.beat(now_s)
            with trio.CancelScope(deadline=self._deadline(now_s)) as self._sleep:
                await trio.sleep_forever()

    def _deadline(self, now_s: float) -> float:
        """When the task has to wake, in Trio's time."""
        grace_s = self._period_s() * _GRACE
        return trio.current_time() + max(self.due_s - now_s, 0.0) + grace_s
