"""How fast counters grow, for INFO's `instantaneous_*` fields.

A ring of samples of running totals; the rate is the growth between the oldest and the newest.
Pure: whoever keeps time calls `sample`, usually every 100 ms, so the window is about 1.6 s, as in
Redis.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

SAMPLES_MAX: Final = 17


@attrs.frozen
class RateSample:
    """Running totals at one moment (seconds of any monotonic clock)."""

    at_s: float
    commands: int
    input_bytes: int
    output_bytes: int


class Rates:
    """Growth per second of commands, bytes in and bytes out."""

    def __init__(self) -> None:
        self._samples: deque[RateSample] = deque(maxlen=SAMPLES_MAX)

    def sample(self, now_s: float, commands: int, input_bytes: int, output_bytes: int) -> None:
        """Take the totals of this moment; totals that fell (CONFIG RESETSTAT) start anew."""
        if self._samples and commands < self._samples[-1].commands:
            self._samples.clear()
        self._samples.append(RateSample(now_s, commands, input_bytes, output_bytes))

    def per_second(self) -> tuple[float, float, float] | None:
        """(commands, input bytes, output bytes) per second; None before two samples."""
        if len(self._samples) < 2:
            return None
        oldest, newest = self._samples[0], self._samples[-1]
        span_s = newest.at_s - oldest.at_s
        if span_s <= 0:
            return None
        return (
            (newest.commands - oldest.commands) / span_s,
            max(newest.input_bytes - oldest.input_bytes, 0) / span_s,
            max(newest.output_bytes - oldest.output_bytes, 0) / span_s,
        )
