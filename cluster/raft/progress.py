"""What a leader knows of one member, and how fast it may send to it.

Three states (names and transitions as in etcd's raft):

    probe      the next matching entry is not known: one message, then wait for its answer
    replicate  known: messages follow each other without waiting, up to a bounded window
    snapshot   entries it needs are gone: nothing is sent until the snapshot is in or has failed

Only this class assigns these fields, so every transition can be read here.
"""

from __future__ import annotations

import enum

from cluster.raft.inflights import Inflights


class ProgressState(enum.Enum):
    """How the leader sends to a member."""

    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


class Progress:
    """One member as its leader sees it.

    Invariants (`check_invariants`): 0 <= match < next; the window is empty unless replicating;
    `snapshot_index` is 0 unless in the state of that name.
    """

    __slots__ = (
        "acknowledged_round",
        "inflights",
        "is_probe_sent",
        "is_recently_active",
        "match",
        "next",
        "snapshot_index",
        "snapshot_sent_at",
        "state",
        "told_commit",
    )

    def __init__(self, next_index: int, inflights: Inflights) -> None:
        assert next_index >= 1, next_index
        self.state = ProgressState.PROBE
        self.match = 0
        """Last entry known to be durable there and equal to the leader's."""
        self.next = next_index
        """First entry of the next message; runs ahead of `match` while replicating."""
        self.is_probe_sent = False
        """A probe is out: nothing more until it is answered or a heartbeat is."""
        self.snapshot_index = 0
        self.snapshot_sent_at = 0.0
        self.is_recently_active = True
        """Heard of since the last check of the quorum; a new member has the benefit of doubt."""
        self.acknowledged_round = 0
        """Last round of the leader that the member answered (`messages.Heartbeat.round`)."""
        self.told_commit = 0
        """The commit index in the last message of entries."""
        self.inflights = inflights

    @property
    def is_paused(self) -> bool:
        """Whether entries must wait."""
        if self.state is ProgressState.REPLICATE:
            return self.inflights.is_full
        return self.state is ProgressState.SNAPSHOT or self.is_probe_sent

    def become_probe(self) -> None:
        """Go back to one message at a time, behind a snapshot if that was on its way."""
        next_index = self.match + 1
        if self.state is ProgressState.SNAPSHOT:
            next_index = max(next_index, self.snapshot_index + 1)
        self._reset(ProgressState.PROBE)
        self.next = next_index

    def become_replicate(self) -> None:
        """Stream from the entry after the last match."""
        self._reset(ProgressState.REPLICATE)
        self.next = self.match + 1

    def become_snapshot(self, index: int, now: float) -> None:
        """Wait for a snapshot that ends with entry `index`."""
        self._reset(ProgressState.SNAPSHOT)
        self.snapshot_index = index
        self.snapshot_sent_at = now

    def fail_snapshot(self) -> None:
        """Give the snapshot up and probe from the last match, after the next sign of life."""
        assert self.state is ProgressState.SNAPSHOT
        self.snapshot_index = 0
        self.become_probe()
        self.is_probe_sent = True

    def record_sent(self, count: int, size_bytes: int, commit: int) -> None:
        """Note a message of `count` entries from `next` on, and the commit index in it."""
        assert self.state is not ProgressState.SNAPSHOT
        self.told_commit = commit
        if self.state is ProgressState.PROBE:
            self.is_probe_sent = True
        elif count:
            self.next += count
            self.inflights.add(self.next - 1, size_bytes)

    def acknowledge(self, index: int) -> bool:
        """Take in that entries up to `index` match; False when that was known."""
        if index <= self.match:
            return False
        self.match = index
        self.next = max(self.next, index + 1)
        self.is_probe_sent = False
        self.inflights.free_to(index)
        return True

    def reject(self, previous_index: int, hint_index: int) -> bool:
        """Take in that the entry before a message did not match; False when that is old news.

        Args:
            previous_index: the entry that the member did not have or had with another term.
            hint_index: the last entry that could match.
        """
        if self.state is ProgressState.REPLICATE:
            # An answer to a message from before the last match says nothing new.
            if previous_index <= self.match:
                return False
            self.become_probe()
            return True
        if self.state is ProgressState.SNAPSHOT or self.next - 1 != previous_index:
            return False
        self.next = max(min(previous_index, hint_index + 1), self.match + 1)
        self.is_probe_sent = False
        return True

    def record_activity(self, round_number: int) -> None:
        """Note an answer of any kind to what was sent in this round or before."""
        self.is_recently_active = True
        if round_number > self.acknowledged_round:
            self.acknowledged_round = round_number

    def start_activity_check(self) -> None:
        """Begin a new interval of the check of the quorum."""
        self.is_recently_active = False

    def assume_active(self) -> None:
        """Give the benefit of doubt for one interval: silence was agreed upon."""
        self.is_recently_active = True

    def resume(self) -> None:
        """After a sign of life: probe again, or free a place in a full window."""
        self.is_probe_sent = False
        if self.state is ProgressState.REPLICATE and self.inflights.is_full:
            self.inflights.free_first()

    def check_invariants(self) -> None:
        """Assert what the class promises."""
        assert 0 <= self.match < self.next, (self.match, self.next)
        assert self.state is ProgressState.REPLICATE or not len(self.inflights)
        assert self.state is ProgressState.SNAPSHOT or self.snapshot_index == 0
        self.inflights.check_invariants()

    def _reset(self, state: ProgressState) -> None:
        self.state = state
        self.is_probe_sent = False
        self.snapshot_index = 0
        self.inflights.clear()
