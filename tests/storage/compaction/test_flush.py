"""Flush against the memtable: the same records in the table as in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.compaction.flush import flush
from storage.compaction.job import FlushJob, SegmentInput
from storage.errors import CorruptionError
from storage.filenames import segment_name, table_name
from storage.memtable import Memtable
from storage.options import TableOptions
from storage.records import WriteBatch, encode_string
from storage.sstable.reader import Table
from tests.harness.segments import write_segment
from tests.harness.tables import MemoryFiles

OPTIONS = TableOptions(block_bytes=64)


def finish(slices):
    """Run slices to the end and return the result."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return end.value


# Versions ascend with the log, as they do in what is committed.
steps = st.lists(
    st.tuples(
        st.sampled_from([b"a", b"b", b"bb", b"c", b"\xff"]),
        st.booleans(),
        st.sampled_from([b"a", b"b", b"c", b"d"]),
        st.integers(1, 3),
    ),
    max_size=40,
)


def batches_of(given_steps):
    """Batches of one to three puts or delete-ranges with ascending versions."""
    batches, batch, left = [], WriteBatch(), 1
    for version, (key, is_range, end, size) in enumerate(given_steps, 1):
        if is_range:
            batch.delete_range(key, end, version)
        else:
            batch.put(key, encode_string(version, b"v%d" % version))
        left -= 1
        if left <= 0 or is_range:
            batches.append(batch)
            batch, left = WriteBatch(), size
    return [*batches, batch] if batch else batches


@given(steps, st.integers(0, 40))
def test_table_equals_memtable(given_steps, cut):
    """One or two segments flushed give what a memtable holds after the same batches."""
    files, memtable = MemoryFiles(), Memtable()
    batches = batches_of(given_steps)
    for batch in batches:
        memtable.apply(batch.entries)
        memtable.apply_ranges(batch.ranges)
    ends = [write_segment(files, 1, batches[:cut]), write_segment(files, 2, batches[cut:])]
    segments = tuple(SegmentInput(number, end) for number, end in zip((1, 2), ends, strict=True))
    result = finish(flush(files, FlushJob("", segments, 9, OPTIONS, 123)))
    if not batches:
        assert result.tables == ()
        assert not files.exists(table_name(9))
        return
    (metadata,) = result.tables
    table = Table(files, table_name(9), metadata, None)
    assert list(memtable.scan(b"", b"\xff" * 9)) == list(table.scan())
    for key in (b"a", b"b", b"bb", b"c"):
        covering = [version for start, end, version in memtable.ranges if start <= key < end]
        assert max(covering, default=-1) == table.ranges.version_at(key)
    assert (metadata.number, metadata.created_ms) == (9, 123)
    assert result.entries_read == len(given_steps)
    assert result.entries_written == table.verify()


def put(key, version):
    """A batch of one record."""
    batch = WriteBatch()
    batch.put(key, encode_string(version, b"x" * 50))
    return batch


def test_limit_is_respected():
    """Records beyond the limit offset, superseded by a later segment, are not flushed."""
    files = MemoryFiles()
    limit = write_segment(files, 1, [put(b"a", 1)])
    write_segment(files, 1, [put(b"a", 1), put(b"b", 2)])
    result = finish(flush(files, FlushJob("", (SegmentInput(1, limit),), 2, OPTIONS)))
    assert result.tables[0].entries == 1


def test_damage_is_not_flushed():
    """A sealed segment that ends early or is damaged gives no table, but an error."""
    files = MemoryFiles()
    limit = write_segment(files, 1, [put(b"a", 1), put(b"b", 2)])
    job = FlushJob("", (SegmentInput(1, limit + 4),), 2, OPTIONS)
    with pytest.raises(CorruptionError, match="ends"):
        finish(flush(files, job))
    files.contents[segment_name(1)][-5] ^= 1
    with pytest.raises(CorruptionError):
        finish(flush(files, FlushJob("", (SegmentInput(1, limit),), 2, OPTIONS)))
    assert [segment_name(1)] == files.names()


def test_many_small_slices():
    """A big flush yields often, and the bytes it tells of add up to what it read and wrote."""
    files = MemoryFiles()
    batches = []
    for start in range(0, 9000, 100):
        batch = WriteBatch()
        for number in range(start, start + 100):
            batch.put(b"%05d" % number, encode_string(number, bytes(80)))
        batches.append(batch)
    limit = write_segment(files, 1, batches)
    slices = flush(files, FlushJob("", (SegmentInput(1, limit),), 2, TableOptions()))
    told = []
    while True:
        try:
            told.append(next(slices))
        except StopIteration as end:
            result = end.value
            break
    assert len(told) > 8
    assert all(amount >= 0 for amount in told)
    assert result.bytes_read + result.bytes_written * 0.9 <= sum(told) * 1.5


@pytest.mark.parametrize("fail", range(1, 8))
def test_failures_leave_nothing(fail):
    """A write that fails at any call leaves no table behind."""
    files = MemoryFiles()
    limit = write_segment(files, 1, [put(b"a", 1)])
    files.fail_at = len(files.steps) + fail
    job = FlushJob("", (SegmentInput(1, limit),), 2, OPTIONS)
    try:
        result = finish(flush(files, job))
    except OSError:
        assert [segment_name(1)] == [name for name in files.names() if files.size(name)]
    else:
        assert len(result.tables) == 1


def test_ended_early_leaves_nothing():
    """Closing the generator in the middle of writing unlinks the output."""
    files = MemoryFiles()
    limit = write_segment(files, 1, [put(b"a", 1)])
    slices = flush(files, FlushJob("", (SegmentInput(1, limit),), 2, OPTIONS))
    while not files.exists(table_name(2)):
        next(slices)
    slices.close()
    assert [segment_name(1)] == files.names()
