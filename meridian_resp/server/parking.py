"""Back-pressure by client: while flushes are behind, who writes much waits until it is let go on.

Pauses that stop everybody would make those wait longest who ask for least. So a session that
writes much is parked, and one of the parked goes on after each pause that the engine asks for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from meridian_resp.server.session import Session


class Parking:
    """The parked sessions, in the order in which they may go on.

    Attributes:
        pressure_s: the pause that the engine asks for, as of this tick; 0 if there is no need.
        waiting: who is parked.
    """

    def __init__(
        self, update_interest: Callable[[Session], None], queue_to_run: Callable[[Session], None]
    ) -> None:
        self.pressure_s = 0.0
        self.waiting: deque[Session] = deque()
        self._release_at_s = 0.0
        self._update_interest = update_interest
        self._queue_to_run = queue_to_run

    def park(self, session: Session) -> None:
        """Take nothing more from a session until its turn to be released."""
        if not session.is_parked:
            session.is_parked = True
            self.waiting.append(session)
            self._update_interest(session)

    def wait_s(self, now_s: float) -> float:
        """How long until the next one may go on."""
        return max(self._release_at_s - now_s, 0.0)

    def release(self, now_s: float) -> None:
        """Let one go on if it is time, and the next after the pause; all if pressure is gone."""
        if self.pressure_s and now_s < self._release_at_s:
            return
        while self.waiting:
            session = self.waiting.popleft()
            session.is_parked = False
            if session.is_gone:
                continue
            if not session.is_held_up:
                self._queue_to_run(session)
            self._update_interest(session)
            if self.pressure_s:
                self._release_at_s = now_s + self.pressure_s
                return
