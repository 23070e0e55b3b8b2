"""Phi accrual failure detector: how surprising is it that nothing was heard for so long?

Hayashibara, Defago, Yared, Katayama, "The phi accrual failure detector" (SRDS 2004). The times
between heartbeats are taken as normally distributed; phi is -log10 of the probability that a
heartbeat is still on its way after the time that has passed:

    phi = -log10(1 - F(t)),   1 - F(t) = erfc(z / sqrt 2) / 2,   z = (t - mean - pause) / deviation

Phi 1 is wrong once in 10 times, phi 8 once in 10^8. It steers routing and never
removes a node: that is what SWIM and operators are for.

* 1 - F(t) computed as a difference is 0 from 8.3 deviations on; `erfc` keeps its digits up to 38.
  Where it is 0 too, phi is infinite, which is as dead as can be.
* The deviation is at least 100 ms: on a quiet network it would go to zero, and a pause of a few
  milliseconds would be a sensation. The acceptable pause is added to the mean for the same reason.
* Intervals are whole microseconds, so that the running sums are exact and never drift.
* After a pause of this process (it was stopped, it collected garbage) heartbeats lie unread in the
  sockets. For a while nobody is held dead, and the interval across the pause is not learnt from.
"""

from __future__ import annotations

import enum
import math
from collections import deque

from attrs import frozen

from cluster.identity import NodeId

_MICROSECONDS = 1_000_000
_SQRT_2 = math.sqrt(2.0)
_LN_10 = math.log(10.0)


class Level(enum.Enum):
    """What a phi means. The values are the words of the membership table."""

    ALIVE = "alive"
    SUSPECTED = "suspected"
    DEAD = "dead"


@frozen
class PhiOptions:
    """Options of the detector.

    Attributes:
        heartbeat_interval_s: what is expected before anything was measured.
        window: how many intervals are remembered per peer.
        deviation_min_s: least standard deviation.
        acceptable_pause_s: silence that is normal now and then (collections, slow disks).
        threshold_suspected, threshold_dead: phi from which a peer is suspected, dead.
        interval_max_s: a greater interval is an outage and not learnt from.
        local_pause_s: a gap between two looks greater than this is a pause of this process.
        local_pause_guard_s: for so long after it nobody is held dead.
    """

    heartbeat_interval_s: float = 1.0
    window: int = 1000
    deviation_min_s: float = 0.1
    acceptable_pause_s: float = 2.0
    threshold_suspected: float = 1.0
    threshold_dead: float = 8.0
    interval_max_s: float = 10.0
    local_pause_s: float = 1.0
    local_pause_guard_s: float = 3.0


def phi_of(elapsed_s: float, mean_s: float, deviation_s: float) -> float:
    """Return phi after `elapsed_s` without a heartbeat; 0 to infinity, never falling with time."""
    z = (elapsed_s - mean_s) / deviation_s
    if z < 0:
        # Near 0 the probability is near 1: the logarithm of what is missing keeps the digits.
        return -math.log1p(-0.5 * math.erfc(-z / _SQRT_2)) / _LN_10
    later = 0.5 * math.erfc(z / _SQRT_2)
    return -math.log10(later) if later > 0.0 else math.inf


class _Peer:
    """Heartbeats of one peer: the last one, and the intervals in a window with exact sums."""

    def __init__(self, options: PhiOptions, now: float) -> None:
        self._options = options
        self._intervals: deque[int] = deque()
        self._sum = 0
        self._sum_of_squares = 0
        self.last = now
        # Before anything is measured: the expected interval, give or take a quarter.
        expected = options.heartbeat_interval_s
        self._add(round(expected * 0.75 * _MICROSECONDS))
        self._add(round(expected * 1.25 * _MICROSECONDS))

    def heartbeat(self, now: float, *, is_learnt: bool) -> None:
        elapsed = now - self.last
        self.last = max(now, self.last)
        if is_learnt and 0.0 <= elapsed <= self._options.interval_max_s:
            self._add(round(elapsed * _MICROSECONDS))

    def mean_s(self) -> float:
        return self._sum / len(self._intervals) / _MICROSECONDS

    def deviation_s(self) -> float:
        count = len(self._intervals)
        # Exact in integers: count^2 times the variance.
        spread = count * self._sum_of_squares - self._sum * self._sum
        measured = math.sqrt(spread) / count / _MICROSECONDS
        return max(measured, self._options.deviation_min_s)

    def phi(self, now: float) -> float:
        mean_s = self.mean_s() + self._options.acceptable_pause_s
        return phi_of(max(0.0, now - self.last), mean_s, self.deviation_s())

    def _add(self, interval: int) -> None:
        self._intervals.append(interval)
        self._sum += interval
        self._sum_of_squares += interval * interval
        if len(self._intervals) > self._options.window:
            oldest = self._intervals.popleft()
            self._sum -= oldest
            self._sum_of_squares -= oldest * oldest


class PhiDetector:
    """Phi of the peers whose heartbeats this node gets. `now` is local monotonic time."""

    def __init__(self, options: PhiOptions) -> None:
        assert options.deviation_min_s > 0, options
        assert options.threshold_suspected <= options.threshold_dead, options
        self._options = options
        self._peers: dict[NodeId, _Peer] = {}
        self._looked_at: float | None = None
        self._paused_until = -math.inf
        self._resumed_at = -math.inf

    def watch(self, node: NodeId, now: float) -> None:
        """Expect heartbeats from a peer; its time runs from now."""
        self.look(now)
        self._peers.setdefault(node, _Peer(self._options, now))

    def unwatch(self, node: NodeId) -> None:
        """Expect nothing from a peer any more."""
        self._peers.pop(node, None)

    def watched(self) -> tuple[NodeId, ...]:
        """Return the peers by id."""
        return tuple(sorted(self._peers))

    def heartbeat(self, node: NodeId, now: float) -> None:
        """Take a heartbeat; one of a peer that is not watched is nothing."""
        self.look(now)
        peer = self._peers.get(node)
        if peer is not None:
            peer.heartbeat(now, is_learnt=peer.last >= self._resumed_at)

    def look(self, now: float) -> None:
        """Note that this process runs; call it at least every half `local_pause_s`."""
        options = self._options
        if self._looked_at is not None and now - self._looked_at > options.local_pause_s:
            self._resumed_at = now
            self._paused_until = now + options.local_pause_guard_s
        self._looked_at = now if self._looked_at is None else max(now, self._looked_at)

    def phi(self, node: NodeId, now: float) -> float:
        """Return phi of a watched peer; 0.0 for one that is not watched."""
        peer = self._peers.get(node)
        return 0.0 if peer is None else peer.phi(now)

    def level(self, node: NodeId, now: float) -> Level:
        """Return what a peer is held to be; nobody is dead right after a local pause."""
        self.look(now)
        phi = self.phi(node, now)
        if phi < self._options.threshold_suspected:
            return Level.ALIVE
        if phi < self._options.threshold_dead or now < self._paused_until:
            return Level.SUSPECTED
        return Level.DEAD
