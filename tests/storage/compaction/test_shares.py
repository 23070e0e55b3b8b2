"""The memory that tells workers their share."""

from __future__ import annotations

import os

import pytest

from storage.compaction.job import CompactionJob, FlushJob
from storage.compaction.shares import WHOLE_PERCENT, Shares, share_reader
from storage.options import TableOptions

FLUSH = FlushJob("sim", (), 1, TableOptions())
COMPACTION = CompactionJob("sim", (), 1, TableOptions(), 1 << 20)


def test_a_reader_sees_each_change() -> None:
    """Flushes and compactions have a share each; what was set before opening counts as well."""
    shares = Shares()
    shares.set(20, 30)
    shares.open()
    share_of = share_reader(shares.descriptor)
    flush, compaction = share_of(FLUSH), share_of(COMPACTION)
    assert (flush(), compaction()) == (20, 30)
    shares.set(60, WHOLE_PERCENT)
    assert (flush(), compaction()) == (60, 100)
    shares.close()
    shares.close()
    shares.set(1, 1)
    assert (flush(), compaction()) == (60, 100), "a worker that outlives it keeps the last word"


def test_closing_gives_the_descriptor_back() -> None:
    """It is not left to the garbage collector."""
    shares = Shares()
    shares.open()
    descriptor = shares.descriptor
    shares.close()
    assert shares.descriptor == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("percent", [0, 101])
def test_no_share_is_nothing_or_more_than_all(percent: int) -> None:
    """A share of nothing would never end a job."""
    with pytest.raises(AssertionError):
        Shares().set(percent, 50)
