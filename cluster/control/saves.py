"""Saves of several cores in one journal: numbered once, done in order, reported to their cores.

Each core numbers its own saves and waits for them. The plane hands them on under numbers of its
own, so that one report from the disk (`Saved(n)`: everything up to n is durable) becomes one
report per core that waited. When the journal has grown it is written anew with what the cores
still need; that is a save like any other, in order with the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from cluster.control.outputs import Save
from cluster.journal.records import Record

Report = Callable[[int, float], None]

#: Bytes that every record costs beside its payload, for deciding when the journal has grown.
_RECORD_OVERHEAD_BYTES = 16


class Saves:
    """The order of all saves of a node."""

    def __init__(self, rewrite_bytes: int) -> None:
        self._rewrite_bytes = rewrite_bytes
        self._grown_bytes = 0
        self._base_bytes = 0
        self._number = 0
        self._waiting: deque[tuple[int, Report | None, int]] = deque()

    @property
    def is_rewrite_wanted(self) -> bool:
        """Whether the journal has grown enough to be worth writing anew."""
        return self._grown_bytes > max(self._rewrite_bytes, 2 * self._base_bytes)

    def add(self, report: Report, number: int, records: Sequence[Record]) -> Save:
        """Take a core's save; `report(number, now)` is called once it is durable."""
        self._number += 1
        self._waiting.append((self._number, report, number))
        self._grown_bytes += _size(records)
        return Save(self._number, tuple(records))

    def rewrite(self, records: Sequence[Record]) -> Save:
        """Replace the journal by what all cores still need, unsaved changes included."""
        self._number += 1
        self._waiting.append((self._number, None, 0))
        self._grown_bytes, self._base_bytes = 0, _size(records)
        return Save(self._number, tuple(records), is_rewrite=True)

    def saved(self, number: int, now: float) -> None:
        """Report to the cores that everything up to `number` is durable."""
        assert number <= self._number, (number, self._number)
        while self._waiting and self._waiting[0][0] <= number:
            _, report, own_number = self._waiting.popleft()
            if report is not None:
                report(own_number, now)


def _size(records: Sequence[Record]) -> int:
    return sum(len(record.payload) + _RECORD_OVERHEAD_BYTES for record in records)
