"""A version: the immutable layout of the store's tables over its levels.

Level 0 holds tables as they were flushed, newest first; they may overlap, and where two hold the
same key the one further to the front is right. Every deeper level is one sorted run: tables in
order of keys, disjoint. For every key, what a shallower level holds is newer than what a deeper
level holds.

Tables must be added to level 0 in the order of their WAL segments: the order of installation, not
the file number, says which is newer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from storage.errors import CorruptionError
from storage.manifest.edit import VersionEdit
from storage.sstable.metadata import TableMetadata

Levels = tuple[tuple[TableMetadata, ...], ...]


class Version:
    """Immutable. Equal layouts compare equal.

    Attributes:
        levels: tables per level; level 0 newest first, deeper ones in order of keys. At least
            one level, no empty one at the end beyond it.
        ranged: the tables that hold range tombstones (nearly always none), newest first.
    """

    __slots__ = ("_ends", "_smallests", "levels", "ranged")

    def __init__(self, levels: Levels = ((),)) -> None:
        while len(levels) > 1 and not levels[-1]:
            levels = levels[:-1]
        self.levels: Levels = levels or ((),)
        self._smallests = [[table.smallest for table in level] for level in self.levels]
        self._ends = [[table.end for table in level] for level in self.levels]
        self.ranged = tuple(
            table for level in self.levels for table in level if table.range_tombstones
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and other.levels == self.levels

    def __hash__(self) -> int:
        return hash(self.levels)

    def __repr__(self) -> str:
        sizes = ", ".join(str(len(level)) for level in self.levels)
        return f"<Version with tables per level: {sizes}>"

    def tables(self) -> Iterator[TableMetadata]:
        """Yield every table, newest data first."""
        for level in self.levels:
            yield from level

    def numbers(self) -> frozenset[int]:
        """Return the file numbers of all tables."""
        return frozenset(table.number for table in self.tables())

    def level(self, level: int) -> tuple[TableMetadata, ...]:
        """Return the tables of a level, empty if it is beyond the deepest."""
        return self.levels[level] if level < len(self.levels) else ()

    def level_bytes(self, level: int) -> int:
        """Return the size of a level in bytes."""
        return sum(table.size for table in self.level(level))

    def find(self, number: int) -> tuple[int, TableMetadata] | None:
        """Return (level, table) of a file number."""
        for depth, level in enumerate(self.levels):
            for table in level:
                if table.number == number:
                    return depth, table
        return None

    def candidates(self, key: bytes) -> list[TableMetadata]:
        """Return the tables that may hold a key's record, newest first: the path of a read."""
        found = [table for table in self.levels[0] if table.smallest <= key < table.end]
        for depth in range(1, len(self.levels)):
            index = bisect_right(self._smallests[depth], key) - 1
            if index >= 0 and key < self._ends[depth][index]:
                found.append(self.levels[depth][index])
        return found

    def overlapping(self, level: int, start: bytes, end: bytes) -> tuple[TableMetadata, ...]:
        """Return the tables of a level that may hold something in `[start, end)`, in order."""
        if level >= len(self.levels):
            return ()
        if level == 0:
            return tuple(table for table in self.levels[0] if table.overlaps(start, end))
        low = bisect_right(self._ends[level], start)
        high = bisect_left(self._smallests[level], end)
        return self.levels[level][low:high]

    def apply(self, edit: VersionEdit) -> Version:
        """Return the version after an edit.

        Raises:
            CorruptionError: the edit removes what is not there, adds what is there already, or
                breaks an invariant.
        """
        levels = [list(level) for level in self.levels]
        for removed in edit.removed:
            tables = levels[removed.level] if removed.level < len(levels) else []
            kept = [table for table in tables if table.number != removed.number]
            if len(kept) == len(tables):
                detail = (
                    f"an edit removes table {removed.number}, absent from level {removed.level}"
                )
                raise CorruptionError("", None, detail)
            levels[removed.level] = kept
        for added in edit.added:
            while added.level >= len(levels):
                levels.append([])
            if added.level == 0:
                levels[0].insert(0, added.table)
            else:
                levels[added.level].append(added.table)
        for level in levels[1:]:
            level.sort(key=_smallest)
        version = Version(tuple(map(tuple, levels)))
        problem = version.problem()
        if problem is not None:
            raise CorruptionError("", None, f"an edit makes a wrong layout: {problem}")
        return version

    def problem(self) -> str | None:
        """Return what is wrong with the layout, or None."""
        numbers = [table.number for table in self.tables()]
        if len(set(numbers)) != len(numbers):
            return "a table is listed twice"
        if not all(table.smallest < table.end for table in self.tables()):
            return "a table is empty"
        for depth in range(1, len(self.levels)):
            smallests, ends = self._smallests[depth], self._ends[depth]
            if any(ends[index] > smallests[index + 1] for index in range(len(ends) - 1)):
                return f"tables of level {depth} overlap or are out of order"
        return None

    def check_invariants(self) -> None:
        """Verify what the module's docstring says of a layout; for tests."""
        assert self.problem() is None, self.problem()
        assert self.levels and (len(self.levels) == 1 or self.levels[-1])
        assert all(table.smallest <= table.largest <= table.end for table in self.tables())


def _smallest(table: TableMetadata) -> bytes:
    return table.smallest
