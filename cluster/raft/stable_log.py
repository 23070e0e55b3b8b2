"""The saved part of a group's log: what the core reads of it, and one that lives in memory.

The core only reads. The shell writes what a `Ready` asks for, makes it visible here, and then
reports `Saved`. `MemoryStableLog` serves groups whose whole log fits into memory (its owner keeps
the bytes durable elsewhere) and every test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from cluster.errors import LogCompactedError
from cluster.raft.configuration import Configuration
from cluster.raft.entries import Entry, Snapshot


class StableLog(Protocol):
    """Saved entries `first_index` to `last_index`, behind a snapshot at `first_index - 1` or on.

    An empty log has `last_index == first_index - 1`. Reading never blocks for long: the newest
    entries come from memory, older ones from files that are mapped.
    """

    @property
    def first_index(self) -> int:
        """The oldest entry that can be read."""

    @property
    def last_index(self) -> int:
        """The newest saved entry."""

    def term_at(self, index: int) -> int | None:
        """Return the term of an entry, or of the one before the first; None where unknown."""

    def entries(self, low: int, high: int, bytes_max: int) -> Sequence[Entry]:
        """Return entries low <= index < high, cut at `bytes_max` but never to nothing.

        Raises:
            LogCompactedError: `low` is before the first entry.
        """

    def configurations(self) -> Iterable[tuple[int, Configuration]]:
        """Return where in the readable log which configuration stands, in order."""

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot; its index is at least `first_index - 1`."""


def limited(entries: Sequence[Entry], bytes_max: int) -> Sequence[Entry]:
    """Return the longest head of `entries` within `bytes_max`, at least one entry."""
    total = 0
    for count, entry in enumerate(entries):
        total += entry.size_bytes
        if total > bytes_max and count:
            return entries[:count]
    return entries


class MemoryStableLog:
    """A saved log in memory.

    Invariants (`check_invariants`): entries follow each other without a gap from the entry after
    the compacted part; terms never fall.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._entries: list[Entry] = []
        self._compacted_index = snapshot.index
        self._compacted_term = snapshot.term

    @property
    def first_index(self) -> int:
        """The oldest entry that can be read."""
        return self._compacted_index + 1

    @property
    def last_index(self) -> int:
        """The newest saved entry."""
        return self._compacted_index + len(self._entries)

    def term_at(self, index: int) -> int | None:
        """Return the term of an entry, or of the one before the first; None where unknown."""
        if index == self._compacted_index:
            return self._compacted_term
        if not self.first_index <= index <= self.last_index:
            return None
        return self._entries[index - self.first_index].term

    def entries(self, low: int, high: int, bytes_max: int) -> Sequence[Entry]:
        """Return entries low <= index < high, cut at `bytes_max` but never to nothing.

        Raises:
            LogCompactedError: `low` is before the first entry.
        """
        first = self.first_index
        if low < first:
            raise LogCompactedError(low, first)
        return limited(self._entries[low - first : high - first], bytes_max)

    def configurations(self) -> Iterable[tuple[int, Configuration]]:
        """Return where in the readable log which configuration stands, in order."""
        return [
            (entry.index, entry.configuration)
            for entry in self._entries
            if entry.configuration is not None
        ]

    def snapshot(self) -> Snapshot:
        """Return the newest snapshot."""
        return self._snapshot

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries; they replace the saved entry of their first index and all behind it."""
        if not entries:
            return
        first = entries[0].index
        assert self.first_index <= first <= self.last_index + 1, (first, self.last_index)
        del self._entries[first - self.first_index :]
        self._entries.extend(entries)

    def install(self, snapshot: Snapshot) -> None:
        """Replace everything by a snapshot received from the leader."""
        self._snapshot = snapshot
        self._entries.clear()
        self._compacted_index = snapshot.index
        self._compacted_term = snapshot.term

    def set_snapshot(self, snapshot: Snapshot) -> None:
        """Note a snapshot that this node made of its applied state; no entry is dropped."""
        assert snapshot.index >= self._snapshot.index, (snapshot, self._snapshot)
        self._snapshot = snapshot

    def compact(self, index: int) -> None:
        """Drop entries up to `index`, which the snapshot must cover."""
        assert index <= self._snapshot.index, (index, self._snapshot.index)
        if index <= self._compacted_index:
            return
        term = self.term_at(index)
        assert term is not None, index
        del self._entries[: index - self._compacted_index]
        self._compacted_index, self._compacted_term = index, term

    def check_invariants(self) -> None:
        """Assert what the class promises."""
        term = self._compacted_term
        for index, entry in enumerate(self._entries, self.first_index):
            assert entry.index == index, (entry, index)
            assert entry.term >= term, (entry, term)
            term = entry.term
        assert self._snapshot.index >= self._compacted_index
