from __future__ import annotations

from cluster.raft.read_index import ConfirmedRead, PendingRead, ReadQueue


def test_reads_hang_on_the_round_that_begins_after_them() -> None:
    """A round that was under way when the read came proves nothing for it."""
    queue, read = ReadQueue(), PendingRead(1)
    queue.begin_round(5, 0.0, with_reads=True)
    queue.waiting.append(read)
    assert queue.confirm(1) == []
    queue.begin_round(7, 0.1, with_reads=True)
    assert len(queue) == 1
    assert queue.confirm(2) == [ConfirmedRead(read, 7)]
    assert len(queue) == 0


def test_reads_wait_while_nothing_of_the_term_is_committed() -> None:
    """Rounds for heartbeats begin without them."""
    queue = ReadQueue()
    queue.waiting.append(PendingRead(1))
    queue.begin_round(3, 0.0, with_reads=False)
    assert queue.confirm(1) == []
    assert len(queue.waiting) == 1


def test_a_lease_counts_from_the_beginning_of_a_confirmed_round() -> None:
    """Not from the answer: the voters' promise may have begun right after the question."""
    queue = ReadQueue()
    assert queue.lease_from is None
    queue.begin_round(0, 1.0, with_reads=True)
    queue.begin_round(0, 2.0, with_reads=True)
    queue.begin_round(0, 3.0, with_reads=True)
    queue.confirm(2)
    assert queue.lease_from == 2.0
    queue.confirm(1)
    assert queue.lease_from == 2.0


def test_the_end_of_a_leadership_forgets_all() -> None:
    """Reads without an answer are given back; rounds of the next term start anew."""
    queue = ReadQueue()
    queue.waiting.append(PendingRead(1))
    queue.begin_round(1, 0.0, with_reads=True)
    queue.waiting.append(PendingRead(2, "3"))
    assert queue.drain() == [PendingRead(1), PendingRead(2, "3")]
    assert (len(queue), queue.round, queue.lease_from) == (0, 0, None)
