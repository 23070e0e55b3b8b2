from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cluster.raft.inflights import Inflights
from cluster.raft.progress import Progress, ProgressState


def make(next_index: int = 5) -> Progress:
    """A member that was just added."""
    return Progress(next_index, Inflights(3, 1000))


def test_probe_sends_once_and_waits() -> None:
    """In doubt one message is on its way, whatever it holds."""
    progress = make()
    assert not progress.is_paused
    progress.record_sent(2, 10, 0)
    assert progress.is_paused
    assert progress.next == 5
    progress.resume()
    assert not progress.is_paused


def test_replicate_runs_ahead_until_the_window_is_full() -> None:
    """Messages follow each other without answers, as many as the window takes."""
    progress = make()
    progress.acknowledge(4)
    progress.become_replicate()
    for _ in range(3):
        assert not progress.is_paused
        progress.record_sent(2, 10, 0)
    assert (progress.next, progress.is_paused) == (11, True)
    assert progress.acknowledge(6)
    assert not progress.is_paused
    assert not progress.acknowledge(6)


def test_rejection_of_old_messages_changes_nothing() -> None:
    """Answers may be late and double; only the one to the last probe counts."""
    progress = make()
    assert not progress.reject(9, 1)
    assert progress.reject(4, 2)
    assert progress.next == 3
    assert not progress.reject(4, 1)
    progress.acknowledge(2)
    progress.become_replicate()
    assert not progress.reject(2, 0)
    progress.record_sent(1, 1, 0)
    assert progress.reject(3, 2)
    assert (progress.state, progress.next) == (ProgressState.PROBE, 3)


def test_snapshot_stops_everything_until_it_is_in_or_failed() -> None:
    """During a snapshot nothing is sent; afterwards the leader goes on where that makes sense."""
    progress = make()
    progress.become_snapshot(20, 1.0)
    assert progress.is_paused
    progress.become_probe()
    assert progress.next == 21
    progress.become_snapshot(30, 2.0)
    progress.fail_snapshot()
    assert (progress.next, progress.is_paused) == (1, True)


def test_rounds_only_rise() -> None:
    """A late answer does not take a confirmation back."""
    progress = make()
    progress.start_activity_check()
    assert not progress.is_recently_active
    progress.record_activity(4)
    progress.record_activity(3)
    assert (progress.acknowledged_round, progress.is_recently_active) == (4, True)
    progress.start_activity_check()
    progress.assume_active()
    assert progress.is_recently_active


class ProgressMachine(RuleBasedStateMachine):
    """Any order of sending and answers keeps the invariants."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = make(1)
        self.last = 50

    @precondition(lambda self: not self.progress.is_paused)
    @rule(count=st.integers(0, 3))
    def send(self, count: int) -> None:
        count = min(count, self.last + 1 - self.progress.next)
        self.progress.record_sent(max(count, 0), count * 10, 0)

    @rule(index=st.integers(0, 50))
    def acknowledge(self, index: int) -> None:
        if self.progress.acknowledge(index) and self.progress.state is ProgressState.PROBE:
            self.progress.become_replicate()

    @rule(previous=st.integers(0, 50), hint=st.integers(0, 50))
    def reject(self, previous: int, hint: int) -> None:
        self.progress.reject(previous, hint)

    @rule(index=st.integers(1, 50))
    def snapshot(self, index: int) -> None:
        self.progress.become_snapshot(index, 0.0)

    @rule()
    def probe(self) -> None:
        self.progress.become_probe()

    @rule()
    def resume(self) -> None:
        self.progress.resume()

    @invariant()
    def holds(self) -> None:
        self.progress.check_invariants()


TestProgressMachine = ProgressMachine.TestCase
