"""Time that passes only when a simulation says so: one heap of events, in a fixed order.

Events of the same moment happen in the order in which they were planned, so what follows from a
seed follows from it every time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

Action = Callable[[], None]


class VirtualTime:
    """A clock and what is to happen.

    Attributes:
        now: seconds.
        events_count: how many events have happened.
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.events_count = 0
        self._heap: list[tuple[float, int, Action]] = []
        self._sequence = 0

    def at(self, when: float, action: Action) -> None:
        """Do something at a moment, at once if that has passed."""
        self._sequence += 1
        heapq.heappush(self._heap, (max(when, self.now), self._sequence, action))

    def after(self, delay_s: float, action: Action) -> None:
        """Do something later."""
        self.at(self.now + delay_s, action)

    def run_until(self, end: float, is_done: Callable[[], bool] | None = None) -> bool:
        """Let everything happen up to a moment, or until `is_done`; whether it was.

        `is_done` is asked after each event; time then stands at that event.
        """
        heap = self._heap
        while heap and heap[0][0] <= end:
            self.now, _, action = heapq.heappop(heap)
            self.events_count += 1
            action()
            if is_done is not None and is_done():
                return True
        self.now = end
        return False

    def run_for(self, seconds: float, is_done: Callable[[], bool] | None = None) -> bool:
        """Let some time pass; see `run_until`."""
        return self.run_until(self.now + seconds, is_done)
