"""Tables made from memtables."""

from __future__ import annotations

import errno

import pytest

from storage.compaction.job import FlushJob, JobResult
from storage.filenames import table_name
from storage.memtable import Memtable
from storage.memtable_flush import flush_memtables
from storage.options import TableOptions
from storage.records import encode_string
from storage.sstable.reader import Table
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import fail_at

JOB = FlushJob("simulated", (), 5, TableOptions())


def run(files: CrashableFileSystem, memtables: list[Memtable]) -> JobResult:
    """Run all slices."""
    slices = flush_memtables(files, JOB, memtables)
    while True:
        try:
            next(slices)
        except StopIteration as stop:
            result: JobResult = stop.value
            return result


def test_newer_memtables_win_and_ranges_hide() -> None:
    """The table holds the newest record per key, less what a delete-range hides."""
    old, new = Memtable(), Memtable()
    old.apply([(b"\x01a", encode_string(1, b"")), (b"\x02b", encode_string(1, b""))])
    old.apply([(b"\x03c", encode_string(1, b""))])
    new.apply([(b"\x01a", encode_string(2, b""))])
    new.apply_ranges([(b"\x02", b"\x03", 3)])
    files = CrashableFileSystem()
    result = run(files, [old, new])
    assert len(result.tables) == 1
    table = Table(files, table_name(5), result.tables[0], None)
    expected = [(b"\x01a", encode_string(2, b"")), (b"\x03c", encode_string(1, b""))]
    assert expected == list(table.scan())
    assert [(r.start, r.end, r.version) for r in table.ranges] == [(b"\x02", b"\x03", 3)]


def test_nothing_to_flush_writes_nothing() -> None:
    """Empty memtables give no table."""
    files = CrashableFileSystem()
    assert run(files, [Memtable()]).tables == ()
    assert files.names() == []


def test_an_error_leaves_no_file() -> None:
    """A failed write removes the output."""
    files = CrashableFileSystem()
    memtable = Memtable()
    memtable.apply([(b"\x01a", encode_string(1, b""))])
    files.on_call = fail_at(2, errno.ENOSPC)
    with pytest.raises(OSError):
        run(files, [memtable])
    assert files.names() == []
