"""Counting what was refused, and saying it once a minute per reason.

Strangers decide how often something is refused, so each time would let them fill the log. The
line that is written tells how many there were since the last one.
"""

from __future__ import annotations

from collections.abc import Mapping

from cluster.wire.handshake import Refusal

#: Reason of a link that was refused because the process that answers has this node's own id.
DUPLICATE = f"refused: {Refusal.BY_PEER.value} ({Refusal.DUPLICATE_ID.value})"


class Refusals:
    """Counters by reason. Reasons are words of ours, never a stranger's, so there are few.

    Args:
        interval_s: between two lines for the same reason.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._counts: dict[str, int] = {}
        #: Reason -> (when it was said, the count then).
        self._said: dict[str, tuple[float, int]] = {}

    def count(self, reason: str, now: float) -> int:
        """Count one, and return how many are to be said now: 0 to say nothing."""
        total = self._counts[reason] = self._counts.get(reason, 0) + 1
        said_at, said = self._said.get(reason, (now - self._interval_s, 0))
        if now - said_at < self._interval_s:
            return 0
        self._said[reason] = (now, total)
        return total - said

    def counts(self) -> Mapping[str, int]:
        """Return how often each reason was met."""
        return dict(self._counts)
