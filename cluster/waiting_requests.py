"""Requests to the control plane that wait for their answers, by token, each with a deadline.

Each is answered exactly once: by the control plane, by its deadline, or by the end of the node. A
request whose time is over was not undone: it may still come to be, and the answer says so. What
the control plane answers later goes nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

from cluster.control.requests import Answer, Request, RequestRefused

OnAnswer = Callable[[Answer], None]

LATE: Final = RequestRefused(
    "TIMEOUT the cluster has not agreed in time; the change may still be made", is_unknown=True
)
TOO_MANY: Final = RequestRefused("BUSY too many requests to the cluster wait for their answers")
STOPPED: Final = RequestRefused(
    "SHUTDOWN this node is stopping; the change may still be made", is_unknown=True
)
RENEWED: Final = RequestRefused(
    "RESET this node begins anew under another id; the change may still be made", is_unknown=True
)


@frozen
class WaitingRequest:
    """A request and who wants its answer by when."""

    request: Request
    on_answer: OnAnswer
    expires_at: float


class WaitingRequests:
    """The requests of one node.

    Attributes:
        count: taken in since the start.
        refused: answered by a refusal of the control plane, or since too many waited.
        timed_out: not answered in time.
    """

    def __init__(self, count_max: int) -> None:
        self.count = 0
        self.refused = 0
        self.timed_out = 0
        self._count_max = count_max
        self._by_token: dict[int, WaitingRequest] = {}
        self._token = 0

    def __len__(self) -> int:
        return len(self._by_token)

    def add(self, request: Request, on_answer: OnAnswer, expires_at: float) -> int | None:
        """Let a request wait; its token, or None if it was refused since too many wait."""
        self.count += 1
        if len(self._by_token) >= self._count_max:
            self.refused += 1
            on_answer(TOO_MANY)
            return None
        self._token += 1
        self._by_token[self._token] = WaitingRequest(request, on_answer, expires_at)
        return self._token

    def find(self, token: int) -> WaitingRequest | None:
        """Return a request that still waits."""
        return self._by_token.get(token)

    def answer(self, token: int, answer: Answer) -> None:
        """Answer a request, if it still waits."""
        waiting = self._by_token.pop(token, None)
        if waiting is not None:
            self.refused += isinstance(answer, RequestRefused)
            waiting.on_answer(answer)

    def deadline(self) -> float | None:
        """Return when the first of them runs out."""
        return min((w.expires_at for w in self._by_token.values()), default=None)

    def expire(self, now: float) -> None:
        """Answer those whose time is over."""
        over = [token for token, w in self._by_token.items() if w.expires_at <= now]
        for token in over:
            self.timed_out += 1
            self._by_token.pop(token).on_answer(LATE)

    def end(self, answer: RequestRefused) -> None:
        """Give all the same answer: nobody else will answer them."""
        waiting, self._by_token = self._by_token, {}
        for each in waiting.values():
            each.on_answer(answer)
