"""What must hold in every history of a Raft group: figure 3 of the paper, and linearizable reads.

The checkers see all nodes at once and remember everything, which no node could. Each raises
`Violation` the moment a promise is broken, with enough words to find the place in the trace.
"""

from __future__ import annotations

from cluster.raft import Entry, NodeId, RaftGroup, RaftStatus, Role


class Violation(AssertionError):
    """A promise of the protocol was broken."""


class Checkers:
    """The memory of a whole history."""

    def __init__(self) -> None:
        self.leaders: dict[int, NodeId] = {}
        self.entries: dict[tuple[int, int], tuple[Entry, int]] = {}
        self.committed: dict[int, Entry] = {}
        self.commit_max = 0
        self._tips: dict[NodeId, tuple[int, int, int]] = {}

    def see_leader(self, node: NodeId, term: int, terms_of_log: dict[int, int]) -> None:
        """Check Election Safety and, against all that was ever applied, Leader Completeness."""
        other = self.leaders.setdefault(term, node)
        if other != node:
            raise Violation(f"election safety: {other} and {node} lead term {term}")
        for index, term_there in terms_of_log.items():
            known = self.committed.get(index)
            if known is not None and known.term != term_there:
                raise Violation(f"leader completeness: {node} lost entry {index} in term {term}")
        if terms_of_log and max(terms_of_log) < self.commit_max:
            raise Violation(f"leader completeness: log of {node} ends before {self.commit_max}")

    def see_log_end(self, status: RaftStatus, term_at_tip: int | None) -> None:
        """Check Leader Append-Only: the end of a leader's log stays where it was.

        Args:
            status: of the node after a step.
            term_at_tip: its term now at the index given by `tip_of`.
        """
        tip = self._tips.get(status.node)
        if status.role is not Role.LEADER:
            self._tips.pop(status.node, None)
            return
        if tip is not None and tip[0] == status.term and term_at_tip != tip[2]:
            raise Violation(f"leader append-only: {status.node} changed entry {tip[1]}")

    def tip_of(self, node: NodeId) -> int | None:
        """Where a leader's log ended at the step before."""
        tip = self._tips.get(node)
        return tip[1] if tip else None

    def remember_tip(self, node: NodeId, term: int, index: int, term_there: int) -> None:
        """Note where a leader's log ends now."""
        self._tips[node] = (term, index, term_there)

    def see_entries(self, entries: tuple[Entry, ...], term_before: int) -> None:
        """Check Log Matching by induction: an index and a term name one entry and one past."""
        for entry in entries:
            known, known_before = self.entries.setdefault(
                (entry.index, entry.term), (entry, term_before)
            )
            if known != entry or known_before != term_before:
                raise Violation(f"log matching: {known} and {entry} at {entry.index}")
            if entry.term < term_before:
                raise Violation(f"terms fall at {entry.index}")
            term_before = entry.term

    def see_applied(self, node: NodeId, applied: int, entries: tuple[Entry, ...]) -> None:
        """Check State Machine Safety: everybody applies the same, in order, without gaps."""
        for entry in entries:
            applied += 1
            if entry.index != applied:
                raise Violation(f"{node} applied {entry.index} instead of {applied}")
            known = self.committed.setdefault(entry.index, entry)
            if known != entry:
                raise Violation(f"state machine safety: {node} applied {entry}, others {known}")
            self.commit_max = max(self.commit_max, entry.index)

    def see_read(self, node: NodeId, index: int, committed_before: int) -> None:
        """Check that a read sees all that was applied anywhere before it was asked for."""
        if index < committed_before:
            raise Violation(f"stale read on {node}: {index} < {committed_before}")


def terms_of_log(group: RaftGroup, stable_first: int) -> dict[int, int]:
    """The term of each entry of a group's log, from its first readable one on."""
    log = group._state.log
    first = max(stable_first, log.first_index)
    return {index: log.term_at(index) or 0 for index in range(first, log.last_index + 1)}
