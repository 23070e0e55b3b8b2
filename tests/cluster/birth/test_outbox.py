from __future__ import annotations

import logging

from cluster.birth.events import Adopt, Notice, Release, Save
from cluster.birth.outbox import Outbox
from cluster.identity import ClusterId
from cluster.journal.records import Record, RecordKind

A = ClusterId("a")
RECORD = Record(RecordKind.CLAIMS, b"")


def test_nothing_is_promised_before_the_disk_has_what_was_written() -> None:
    """What follows a save waits for it, in order; what came before does not."""
    outbox = Outbox()
    outbox.put(Adopt(A))
    outbox.save(RECORD)
    outbox.put(Adopt(A))
    outbox.save(RECORD)
    outbox.put(Adopt(ClusterId("b")))
    assert list(outbox.take()) == [Adopt(A), Save(1, (RECORD,)), Save(2, (RECORD,))]
    outbox.saved(1)
    assert outbox.is_saving
    assert list(outbox.take()) == [Adopt(A)]
    outbox.saved(2)
    assert list(outbox.take()) == [Adopt(ClusterId("b"))]


def test_stopping_and_notices_do_not_wait() -> None:
    """A group that is given up acknowledges nothing while the record of that is written."""
    outbox = Outbox()
    outbox.save(RECORD)
    outbox.put(Release(A))
    outbox.put(Notice(logging.INFO, "x"))
    assert list(outbox.take())[1:] == [Release(A), Notice(logging.INFO, "x")]


def test_one_report_speaks_for_all_before_it() -> None:
    """`Saved(2)` lets go what waited for 1 as well; a late report changes nothing."""
    outbox = Outbox()
    outbox.save(RECORD)
    outbox.put(Adopt(A))
    outbox.save(RECORD)
    outbox.take()
    outbox.saved(2)
    outbox.saved(1)
    assert list(outbox.take()) == [Adopt(A)]
    assert not outbox.is_saving
