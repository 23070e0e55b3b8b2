"""Linearizable reads without writing to the log (section 8 of the paper; thesis 6.4).

A leader may answer a read from its state when three things hold: it has committed an entry of its
own term (so its commit index is not older than any answered write), it was still the leader after
the read arrived, and its state has reached the commit index of that moment. The second is what a
*round* proves: the leader sends its round number with everything it says, and once a majority has
answered a round that began after the read arrived, no other leader can have been elected before.

All reads that arrive between two `take()` share one round. With a lease even that is spared.
"""

from __future__ import annotations

from collections import deque

import attrs

from cluster.raft.configuration import NodeId

#: Rounds whose beginning is remembered for the lease; a lost one only shortens the lease.
_ROUNDS_REMEMBERED = 256


@attrs.frozen
class PendingRead:
    """A read and who asked for it: another node, or None for this one."""

    token: int
    source: NodeId | None = None


@attrs.frozen
class ConfirmedRead:
    """A read that may be answered from a state holding `index`."""

    read: PendingRead
    index: int


class ReadQueue:
    """The reads of one leadership, and its rounds.

    Invariants: rounds rise by one; reads are confirmed in the order of their rounds.
    """

    __slots__ = ("_confirming", "_lease_from", "_rounds", "round", "waiting")

    def __init__(self) -> None:
        self.round = 0
        """The last round that began; 0 before the first."""
        self.waiting: list[PendingRead] = []
        """Reads that no round covers yet."""
        self._confirming: deque[tuple[int, int, list[PendingRead]]] = deque()
        self._rounds: deque[tuple[int, float]] = deque(maxlen=_ROUNDS_REMEMBERED)
        self._lease_from: float | None = None

    def __len__(self) -> int:
        return len(self.waiting) + sum(len(reads) for _, _, reads in self._confirming)

    def begin_round(self, commit: int, now: float, *, with_reads: bool) -> None:
        """Begin a round; the waiting reads, if they may be served, hang on it.

        Args:
            commit: the commit index now, at least as new as when the reads arrived.
            now: when the messages of this round leave, at the earliest.
            with_reads: whether an entry of the leader's term is committed.
        """
        self.round += 1
        self._rounds.append((self.round, now))
        if with_reads and self.waiting:
            self._confirming.append((self.round, commit, self.waiting))
            self.waiting = []

    def confirm(self, round_number: int) -> list[ConfirmedRead]:
        """Take in that a majority has answered this round; return the reads it confirms."""
        while self._rounds and self._rounds[0][0] <= round_number:
            self._lease_from = self._rounds.popleft()[1]
        confirmed = []
        while self._confirming and self._confirming[0][0] <= round_number:
            _, index, reads = self._confirming.popleft()
            confirmed += [ConfirmedRead(read, index) for read in reads]
        return confirmed

    @property
    def lease_from(self) -> float | None:
        """When the last confirmed round began: the start of what a lease may count."""
        return self._lease_from

    def drain(self) -> list[PendingRead]:
        """Forget everything at the end of a leadership; return the reads without an answer."""
        reads = [read for _, _, group in self._confirming for read in group] + self.waiting
        self._confirming.clear()
        self._rounds.clear()
        self._lease_from = None
        self.waiting = []
        self.round = 0
        return reads
