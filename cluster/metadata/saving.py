"""Saves of the parts of the metadata log, in one order, and what waits for them.

Whatever must not be said before it is durable is handed over as `done`; it is called when the
records beside it, and all records before them, are durable. So several saves may be under way,
and nothing overtakes. Without records `done` waits for what is under way already, or is called at
once.

Invariant: what is durable is always a first part of what was added, since the shell saves in
order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from cluster.journal.records import Record
from cluster.metadata.events import Save

Done = Callable[[float], None]


class SaveQueue:
    """The saves under way."""

    def __init__(self) -> None:
        self._number = 0
        self._waiting: deque[tuple[int, Done]] = deque()
        self._new: list[Save] = []

    @property
    def is_idle(self) -> bool:
        """Whether everything that was added is durable."""
        return not self._waiting

    def add(self, records: Sequence[Record], done: Done, *, now: float) -> None:
        """Have records saved, and `done` called with the time when they are."""
        if records:
            self._number += 1
            self._new.append(Save(self._number, tuple(records)))
        elif not self._waiting:
            done(now)
            return
        self._waiting.append((self._number, done))

    def saved(self, number: int, now: float) -> None:
        """Take in that every save up to this number is durable."""
        assert number <= self._number, (number, self._number)
        while self._waiting and self._waiting[0][0] <= number:
            _, done = self._waiting.popleft()
            done(now)

    def take(self) -> list[Save]:
        """Return the saves to be started, in order."""
        new, self._new = self._new, []
        return new
