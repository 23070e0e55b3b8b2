"""Which delete-ranges cover a key: boundaries and, between them, the highest version.

Ranges are few (whole slots or keyspaces), reads are many, so the index is built anew when a range
is added and asked with one binary search. Cost of building: O(n^2) in the number of ranges.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_VERSION = -1


class RangeIndex:
    """An immutable set of delete-ranges. False when it is empty."""

    __slots__ = ("_boundaries", "_versions", "ranges")

    def __init__(self, ranges: Iterable[tuple[bytes, bytes, int]] = ()) -> None:
        """Index ranges (start, end excluded, version)."""
        self.ranges = tuple(entry for entry in ranges if entry[0] < entry[1])
        boundaries = {start for start, _, _ in self.ranges} | {end for _, end, _ in self.ranges}
        self._boundaries = sorted(boundaries)
        self._versions = [
            max(
                (version for start, end, version in self.ranges if start <= boundary < end),
                default=NO_VERSION,
            )
            for boundary in self._boundaries
        ]

    def covering_version(self, key: bytes) -> int:
        """Return the highest version of a range that covers `key`, or -1."""
        place = bisect_right(self._boundaries, key) - 1
        return self._versions[place] if place >= 0 else NO_VERSION

    def __bool__(self) -> bool:
        return bool(self.ranges)
