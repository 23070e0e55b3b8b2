"""The log of a group as its core sees it: the saved part, and what is not saved yet.

    compacted |  saved (StableLog)          |  unsaved: handed out, then not handed out
              ^first_index                   ^offset                      ^handed      ^last_index
                     applied <= applying <= commit                (commit may be in any part)

Reading at `offset` and behind never looks at the saved part: while the shell writes, entries of a
leader of the past may still stand there.

What a shell is writing is remembered per `Ready` number. When the log is truncated below what is
being written, that record is cut as well. So `Saved` marks exactly what is both written and still
wanted, even if an index was written, replaced and written again; terms alone would not tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import attrs

from cluster.errors import LogCompactedError
from cluster.raft.entries import Entry, Snapshot
from cluster.raft.stable_log import StableLog, limited


@attrs.define(eq=False)
class PendingSave:
    """What one `Ready` asked to save: the last entry (0: none) and the snapshot's index."""

    number: int
    last_index: int = 0
    snapshot_index: int = 0


class RaftLog:
    """Entries, and how far they are handed out, saved, committed and applied.

    Invariants (`check_invariants`): applied <= applying <= commit <= last_index;
    applying < offset (only saved entries are applied); offset - 1 <= handed <= last_index.
    """

    __slots__ = (
        "_is_snapshot_new",
        "_pending",
        "_stable",
        "_unsaved",
        "applied",
        "applying",
        "commit",
        "handed",
        "offset",
        "snapshot",
    )

    def __init__(self, stable: StableLog, commit: int, applied: int) -> None:
        self._stable = stable
        self._unsaved: list[Entry] = []
        self._pending: deque[PendingSave] = deque()
        self.offset = stable.last_index + 1
        """Index of the first unsaved entry."""
        self.handed = stable.last_index
        """Last entry that a `Ready` has asked to save."""
        base = stable.first_index - 1
        self.applied = max(applied, base)
        """Last entry reported as applied."""
        self.applying = self.applied
        """Last entry handed out to be applied."""
        self.commit = max(commit, self.applied)
        """Last entry known to be committed."""
        self.snapshot: Snapshot | None = None
        """A received snapshot that is not durable yet."""
        self._is_snapshot_new = False
        assert self.commit <= stable.last_index, (self.commit, stable.last_index)

    @property
    def first_index(self) -> int:
        """The oldest entry that can be read."""
        return self.snapshot.index + 1 if self.snapshot else self._stable.first_index

    @property
    def last_index(self) -> int:
        """The newest entry, saved or not."""
        return self.offset + len(self._unsaved) - 1

    @property
    def saved_index(self) -> int:
        """The newest entry that is durable here and not replaced."""
        return 0 if self.snapshot else self.offset - 1

    @property
    def last_term(self) -> int:
        """The term of the newest entry, 0 for an empty log."""
        term = self.term_at(self.last_index)
        assert term is not None
        return term

    def term_at(self, index: int) -> int | None:
        """Return the term of an entry, or of the one before the first; None where unknown."""
        if index >= self.offset:
            position = index - self.offset
            return self._unsaved[position].term if position < len(self._unsaved) else None
        if self.snapshot:
            return self.snapshot.term if index == self.snapshot.index else None
        return self._stable.term_at(index)

    def is_up_to_date(self, last_index: int, last_term: int) -> bool:
        """Whether a log with this end is at least as up-to-date as ours (5.4.1)."""
        return (last_term, last_index) >= (self.last_term, self.last_index)

    def entries(self, low: int, bytes_max: int) -> Sequence[Entry]:
        """Return entries from `low` on, cut at `bytes_max`, at least one where there is one.

        Raises:
            LogCompactedError: `low` is before the first entry.
        """
        if low > self.last_index:
            return ()
        if low >= self.offset:
            return limited(self._unsaved[low - self.offset :], bytes_max)
        if low < self.first_index:
            raise LogCompactedError(low, self.first_index)
        saved = self._stable.entries(low, self.offset, bytes_max)
        if not self._unsaved or len(saved) < self.offset - low:
            return saved
        return limited([*saved, *self._unsaved], bytes_max)

    def stable_snapshot(self) -> Snapshot:
        """Return the newest durable snapshot, for a follower that is too far behind."""
        return self._stable.snapshot()

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries, replacing what stands at their first index and behind.

        Committed entries are never replaced (asserted).
        """
        first = entries[0].index
        assert self.commit < first <= self.last_index + 1, (first, self.commit, self.last_index)
        if first <= self.last_index:
            self._truncate(first)
        self._unsaved.extend(entries)

    def _truncate(self, from_index: int) -> None:
        del self._unsaved[max(from_index - self.offset, 0) :]
        self.offset = min(self.offset, from_index)
        self.handed = min(self.handed, from_index - 1)
        for save in self._pending:
            save.last_index = min(save.last_index, from_index - 1)

    def find_conflict(self, entries: Sequence[Entry]) -> int | None:
        """Return the position in `entries` of the first that is not in the log as it is there."""
        for position, entry in enumerate(entries):
            if self.term_at(entry.index) != entry.term:
                return position
        return None

    def last_possible_match(self, index: int, term: int) -> tuple[int, int]:
        """Return the last (index, term) here that another log may share, given one of its places.

        The other log has `term` at `index`; terms never fall along a log, so nothing of ours
        behind `index` or of a later term can be in it (end of 5.3).
        """
        index = min(index, self.last_index)
        while index > 0:
            here = self.term_at(index)
            if here is None:
                return index, 0
            if here <= term:
                return index, here
            index -= 1
        return 0, 0

    def commit_to(self, index: int) -> bool:
        """Raise the commit index; False when it was there already."""
        if index <= self.commit:
            return False
        assert index <= self.last_index, (index, self.last_index)
        self.commit = index
        return True

    def restore(self, snapshot: Snapshot) -> None:
        """Begin anew from a snapshot, which counts once it is durable."""
        assert snapshot.index > self.commit, (snapshot, self.commit)
        self._unsaved.clear()
        for save in self._pending:
            save.last_index = save.snapshot_index = 0
        self.snapshot = snapshot
        self._is_snapshot_new = True
        self.offset = snapshot.index + 1
        self.handed = self.commit = snapshot.index

    def take_unsaved(self, number: int) -> tuple[Snapshot | None, tuple[Entry, ...]]:
        """Return what was not handed out yet, and remember the save under this number."""
        if self.handed == self.last_index and not self._is_snapshot_new:
            return None, ()
        snapshot = self.snapshot if self._is_snapshot_new else None
        entries = tuple(self._unsaved[self.handed + 1 - self.offset :])
        snapshot_index = snapshot.index if snapshot else 0
        last_index = entries[-1].index if entries else 0
        self._pending.append(PendingSave(number, last_index, snapshot_index))
        self.handed = self.last_index
        self._is_snapshot_new = False
        return snapshot, entries

    def saved(self, number: int) -> bool:
        """Take in that every save up to this number is durable; True when entries became saved."""
        before = self.saved_index
        while self._pending and self._pending[0].number <= number:
            save = self._pending.popleft()
            if self.snapshot and save.snapshot_index == self.snapshot.index:
                self.snapshot = None
                self.applied = self.applying = save.snapshot_index
            if save.last_index >= self.offset:
                del self._unsaved[: save.last_index + 1 - self.offset]
                self.offset = save.last_index + 1
        return self.saved_index > before

    def take_committed(self, bytes_max: int) -> tuple[Entry, ...]:
        """Return what may be applied next: committed and saved, at most this many bytes.

        One batch is under way at a time: the next one follows when it is reported as applied.
        """
        high = min(self.commit, self.saved_index)
        if self.applying >= high or self.applying > self.applied:
            return ()
        entries = tuple(self._stable.entries(self.applying + 1, high + 1, bytes_max))
        self.applying = entries[-1].index
        return entries

    def applied_to(self, index: int) -> None:
        """Take in that the state machine holds everything up to `index`."""
        if index > self.applied:
            assert index <= self.applying, (index, self.applying)
            self.applied = index

    def check_invariants(self) -> None:
        """Assert what the class promises."""
        assert self.applied <= self.applying <= self.commit <= self.last_index
        assert self.applying <= max(self.saved_index, self.applied)
        assert self.offset - 1 <= self.handed <= self.last_index
        for index, entry in enumerate(self._unsaved, self.offset):
            assert entry.index == index, (entry, index)
