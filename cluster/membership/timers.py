"""Timers of a pure core: a heap of actions, and a clock that stands still while the process does.

Nothing is ever cancelled. An action looks at the state when it fires and does nothing when it is
out of date; that is simpler than handles, and an idle entry costs some bytes until its time.

**Pauses.** A process that was stopped (SIGSTOP, a paused virtual machine, a long collection) wakes
up with all its timers overdue and the answers it waited for unread in the sockets. It must not
take its own absence for the silence of others. So when the earliest timer is overdue by more than
`pause_s`, the overdue time is taken out of the core's own time: every timer moves by it, and the
core goes on where it stopped. `at` and the actions speak core time; `deadline` and `advance`
translate. Core time never goes back.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

Action = Callable[[float], None]


class Timers:
    """A heap of (core time, action)."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._paused_s = 0.0
        self._heap: list[tuple[float, int, Action]] = []
        self._count = 0
        self._now = float("-inf")

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def paused_s(self) -> float:
        """How far core time is behind the caller's clock."""
        return self._paused_s

    def at(self, when: float, action: Action) -> None:
        """Call `action(core time)` at `when` or soon after; equal times in order of asking."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, action))

    def deadline(self) -> float | None:
        """Return when the next action is due, on the caller's clock."""
        return self._heap[0][0] + self._paused_s if self._heap else None

    def advance(self, now: float) -> tuple[float, bool]:
        """Return core time for the caller's `now`, and whether a pause was taken out of it."""
        core = now - self._paused_s
        deadline = self.deadline()
        if deadline is not None and now >= deadline:
            # (when + paused) - paused may be a rounding below when: who wakes us at our own
            # deadline would be sent away for ever.
            core = max(core, self._heap[0][0])
        is_pause = bool(self._heap) and core - self._heap[0][0] > self._pause_s
        if is_pause:
            # Not before the last reading: an action may have been asked for in the past.
            resumed = max(self._heap[0][0], self._now)
            self._paused_s += core - resumed
            core = resumed
        self._now = max(core, self._now)
        return self._now, is_pause

    def run_due(self, core_now: float) -> None:
        """Call what is due, earliest first."""
        heap = self._heap
        while heap and heap[0][0] <= core_now:
            _, _, action = heapq.heappop(heap)
            action(core_now)
