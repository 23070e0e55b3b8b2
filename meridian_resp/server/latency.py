"""The latency monitor: spikes of named events (LATENCY).

Each event keeps at most one sample per second, the worst of that second, and the last 160 of
them, as in Redis. Pure: times are handed in, and whoever measures compares with `threshold_ms`
before calling `add`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import attrs

#: Samples kept of an event.
SAMPLES_MAX: Final = 160


@attrs.frozen
class LatencySample:
    """The worst duration of an event within one second (Unix seconds, milliseconds)."""

    at_s: int
    duration_ms: int


class LatencyEvent:
    """All that is kept of one event; `samples` is oldest first and never empty."""

    __slots__ = ("samples", "worst_ms")

    def __init__(self) -> None:
        self.samples: deque[LatencySample] = deque(maxlen=SAMPLES_MAX)
        self.worst_ms = 0

    @property
    def latest(self) -> LatencySample:
        """The newest sample."""
        return self.samples[-1]

    def add(self, now_s: int, duration_ms: int) -> None:
        """Take a duration in; within a second only the worst stays."""
        self.worst_ms = max(self.worst_ms, duration_ms)
        if self.samples and self.samples[-1].at_s == now_s:
            duration_ms = max(duration_ms, self.samples.pop().duration_ms)
        self.samples.append(LatencySample(now_s, duration_ms))


class LatencyMonitor:
    """Events by name.

    Attributes:
        threshold_ms: events that take at least so long are to be added; 0 adds none.
    """

    def __init__(self, threshold_ms: int = 0) -> None:
        self.threshold_ms = threshold_ms
        self.events: dict[str, LatencyEvent] = {}

    def add(self, event: str, now_s: int, duration_ms: int) -> None:
        """Keep a spike."""
        kept = self.events.get(event)
        if kept is None:
            kept = self.events[event] = LatencyEvent()
        kept.add(now_s, duration_ms)

    def reset(self, events: Sequence[str] = ()) -> int:
        """Forget these events, or all; the number of events forgotten."""
        names = [name for name in events or tuple(self.events) if name in self.events]
        for name in set(names):
            del self.events[name]
        return len(set(names))
