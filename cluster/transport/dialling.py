"""Endpoints that a node connects to, and how long it waits after a failure.

The pause after a failure doubles from `back_off_min_s` to `back_off_max_s`, and chance takes away
up to `jitter` of it, so that nodes that lost the same peer do not knock in step. A link that held
for as long as the longest pause starts the count anew; one that fails sooner does not, or a peer
that accepts and drops would be asked ten times a second for ever.

While an endpoint rests, messages to it are refused at once: what they would say after ten seconds
is of no use to anybody, and their sender can look for another way. That somebody asked is
remembered, so the connection is tried again by itself when the pause is over.
"""

from __future__ import annotations

from random import Random

from cluster.identity import Endpoint
from cluster.transport.options import TransportOptions


class Dial:
    """One endpoint that this node connects to; identity object.

    Attributes:
        failures: since the last link that held.
        retry_at: when it may be tried again.
        is_wanted: somebody wanted to send since the last failure.
    """

    __slots__ = ("_options", "_rng", "endpoint", "failures", "is_wanted", "retry_at")

    def __init__(self, endpoint: Endpoint, options: TransportOptions, rng: Random) -> None:
        self._options = options
        self._rng = rng
        self.endpoint = endpoint
        self.failures = 0
        self.retry_at = float("-inf")
        self.is_wanted = False

    def may_try(self, now: float) -> bool:
        """Return whether the pause is over."""
        return now >= self.retry_at

    def fail(self, now: float, *, up_s: float) -> None:
        """Begin the next pause: there was no link, or the one that was up for so long ended."""
        options = self._options
        if up_s >= options.back_off_max_s:
            self.failures = 0
        doublings = min(self.failures, 64)
        pause_s = min(options.back_off_min_s * 2**doublings, options.back_off_max_s)
        self.failures += 1
        self.retry_at = now + pause_s * (1 - options.jitter * self._rng.random())
        self.is_wanted = False

    def hear_of(self, now: float) -> None:
        """The peer has shown itself: the pause is over."""
        self.retry_at = min(self.retry_at, now)

    def is_forgettable(self, now: float) -> bool:
        """Return whether nobody has asked for it for so long that it need not be kept."""
        return not self.is_wanted and now >= self.look_at()

    def look_at(self) -> float:
        """Return when it is time to try it again if it is wanted, else to forget it."""
        if self.is_wanted:
            return self.retry_at
        return self.retry_at + self._options.forget_s
