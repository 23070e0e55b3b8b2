"""What the birth core has to say, in order, and what of it must wait for the disk.

One rule instead of a case for each message: **nothing is promised while something written before
it is not durable yet.** So a message can never tell of a state that a crash would undo. The price
is that an unimportant question may wait some milliseconds for an important write.

Notices and `Release` do not wait: they promise nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from cluster.birth.events import Notice, Output, Release, Save
from cluster.journal.records import Record


class Outbox:
    """Outputs of one core; saves are numbered from 1."""

    def __init__(self) -> None:
        self._ready: list[Output] = []
        self._waiting: deque[tuple[int, Output]] = deque()
        self._written = 0
        self._durable = 0

    @property
    def is_saving(self) -> bool:
        """Whether something written is not durable yet."""
        return self._durable < self._written

    def put(self, output: Output) -> None:
        """Say this, when all that was written before is durable."""
        if self.is_saving and not isinstance(output, Notice | Release):
            self._waiting.append((self._written, output))
        else:
            self._ready.append(output)

    def save(self, *records: Record) -> None:
        """Write these records as one unit."""
        self._written += 1
        self._ready.append(Save(self._written, records))

    def saved(self, number: int) -> None:
        """Let go what waited for saves up to this number."""
        self._durable = max(self._durable, min(number, self._written))
        while self._waiting and self._waiting[0][0] <= self._durable:
            self._ready.append(self._waiting.popleft()[1])

    def take(self) -> Sequence[Output]:
        """Return what may be done now and forget it."""
        ready, self._ready = self._ready, []
        return ready
