"""The order of saves: what waits for a disk is done after it, and nothing overtakes."""

from __future__ import annotations

from cluster.journal.records import Record, RecordKind
from cluster.metadata.saving import Done, SaveQueue

RECORD = Record(RecordKind.MAP, b"map")


def noting(done: list[str], name: str) -> Done:
    """A completion that leaves its name."""
    return lambda now: done.append(f"{name} at {now:g}")


def test_what_waits_is_done_when_its_save_is() -> None:
    """One report speaks for all saves before it."""
    queue, done = SaveQueue(), list[str]()
    queue.add([RECORD], noting(done, "first"), now=1)
    queue.add([RECORD], noting(done, "second"), now=1)
    queue.add([RECORD], noting(done, "third"), now=1)
    assert [save.number for save in queue.take()] == [1, 2, 3]
    queue.saved(2, 5)
    assert done == ["first at 5", "second at 5"]
    assert not queue.is_idle


def test_nothing_to_save_waits_for_what_is_under_way() -> None:
    """A message that promises nothing new may still rely on an earlier save."""
    queue, done = SaveQueue(), list[str]()
    queue.add([RECORD], noting(done, "saved"), now=1)
    queue.add([], noting(done, "behind"), now=1)
    assert len(queue.take()) == 1
    assert done == []
    queue.saved(1, 2)
    assert done == ["saved at 2", "behind at 2"]


def test_nothing_to_save_and_nothing_under_way_is_done_at_once() -> None:
    """No empty save reaches the disk."""
    queue, done = SaveQueue(), list[str]()
    queue.add([], noting(done, "now"), now=3)
    assert done == ["now at 3"]
    assert queue.take() == []
    assert queue.is_idle
