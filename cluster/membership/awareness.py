"""Local health: a node that is slow itself gives others more time (Lifeguard, section 3.1).

The score is 0 when all is well and rises with every sign that messages come or are handled late
here: an own probe failed although relays did not complain, a nack did not come, a suspicion of
ourselves had to be refuted, a timer fired late. Probe interval and timeout are multiplied by
score + 1. So a slow node probes less and accuses later, instead of accusing everybody it is too
slow to hear.
"""

from __future__ import annotations


class Awareness:
    """A score of 0 to `maximum`, excluded."""

    def __init__(self, maximum: int) -> None:
        assert maximum >= 1, maximum
        self._maximum = maximum
        self._score = 0

    @property
    def score(self) -> int:
        """0 is well."""
        return self._score

    def apply(self, delta: int) -> None:
        """Add to the score; it stays within its bounds."""
        self._score = min(max(self._score + delta, 0), self._maximum - 1)

    def scale(self, duration_s: float) -> float:
        """Return a duration stretched by the score."""
        return duration_s * (self._score + 1)
