"""The time a suspected node has to refute, which shrinks as others confirm (Lifeguard, 3.2).

A single accuser may be the one with the bad connection, so it waits long; with `confirmations`
independent accusers the timeout is down to its minimum:

    timeout = max - (max - min) * log(accusers beyond the first + 1) / log(confirmations + 1)

In a cluster too small to give that many confirmations the timeout is the minimum at once.
"""

from __future__ import annotations

import math

from cluster.identity import NodeId


def suspicion_bounds_s(
    node_count: int, probe_interval_s: float, *, multiplier: int, max_multiplier: int
) -> tuple[float, float]:
    """Return the least and the greatest suspicion timeout in a cluster of so many live nodes."""
    scale = max(1.0, math.log10(max(1, node_count)))
    least = multiplier * scale * probe_interval_s
    return least, least * max_multiplier


def confirmations_wanted(node_count: int, multiplier: int) -> int:
    """Return how many accusers beyond the first bring the timeout down to its minimum."""
    wanted = multiplier - 2
    # The suspect and the first accuser cannot confirm.
    return wanted if node_count - 2 >= wanted else 0


class Suspicion:
    """One suspicion: who accuses, since when, until when."""

    def __init__(
        self, accuser: NodeId, now: float, *, confirmations: int, min_s: float, max_s: float
    ) -> None:
        assert 0 < min_s <= max_s, (min_s, max_s)
        assert confirmations >= 0, confirmations
        self._accusers = {accuser}
        self._began = now
        self._confirmations = confirmations
        self._min_s = min_s
        self._max_s = max_s

    @property
    def accusers(self) -> frozenset[NodeId]:
        """Everybody who accused, the first included."""
        return frozenset(self._accusers)

    def confirm(self, accuser: NodeId) -> bool:
        """Count one more accuser; True when it is new and shortens the timeout."""
        if accuser in self._accusers or len(self._accusers) > self._confirmations:
            return False
        self._accusers.add(accuser)
        return True

    def deadline(self) -> float:
        """Return when the suspect is to be held dead."""
        if self._confirmations == 0:
            return self._began + self._min_s
        share = math.log(len(self._accusers)) / math.log(self._confirmations + 1)
        return self._began + max(self._min_s, self._max_s - share * (self._max_s - self._min_s))
