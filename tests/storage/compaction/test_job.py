"""Jobs and results: bytes and back, and the edits they lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.compaction.job import (
    CompactionJob,
    ExpiredKey,
    FlushJob,
    InputTable,
    JobResult,
    KeyRange,
    SegmentInput,
    decode_job,
    decode_result,
    encode_job,
    encode_result,
)
from storage.errors import CorruptionError
from storage.manifest.edit import AddedTable, CompactionPointer, RemovedTable
from storage.options import TableOptions
from storage.sstable.metadata import TableMetadata

numbers = st.integers(0, 2**40)
keys = st.binary(max_size=5)
options = st.builds(TableOptions, numbers, numbers, st.integers(0, 22))
tables = st.builds(TableMetadata, numbers, numbers, keys, keys, keys, numbers)
key_ranges = st.lists(st.builds(KeyRange, keys, keys), max_size=3).map(tuple)
flush_jobs = st.builds(
    FlushJob,
    st.text(max_size=9),
    st.lists(st.builds(SegmentInput, numbers, st.none() | numbers), max_size=3).map(tuple),
    numbers,
    options,
    numbers,
)
compaction_jobs = st.builds(
    CompactionJob,
    directory=st.text(max_size=9),
    inputs=st.lists(st.builds(InputTable, st.integers(0, 6), tables), max_size=3).map(tuple),
    output_level=st.integers(1, 6),
    options=options,
    table_bytes=numbers,
    is_move=st.booleans(),
    pointer=st.none() | keys,
    live_keyspaces=st.none() | st.frozensets(numbers, max_size=4),
    deeper=key_ranges,
    others=key_ranges,
    tombstone_version_max=st.integers(0, 2**64 - 1),
    expired_max=numbers,
    throughput_bytes=numbers,
    first_output_number=numbers,
    outputs_max=numbers,
    now_ms=numbers,
)
results = st.builds(
    JobResult,
    tables=st.lists(tables, max_size=3).map(tuple),
    expired=st.lists(st.builds(ExpiredKey, keys, st.integers(0, 2**64 - 1)), max_size=3).map(
        tuple
    ),
    entries_read=numbers,
    entries_written=numbers,
    bytes_read=numbers,
    bytes_written=numbers,
    duration_s=st.floats(0, 1e6),
    cpu_s=st.floats(0, 1e6),
)


@given(flush_jobs | compaction_jobs)
def test_jobs_round_trip(job):
    """Every field of both kinds of jobs survives."""
    assert job == decode_job(encode_job(job))


@given(results)
def test_results_round_trip(result):
    """Every field of a result survives."""
    assert result == decode_result(encode_result(result))


@given(flush_jobs | compaction_jobs, st.data())
def test_cut_jobs_are_corruption(job, data):
    """A job that lost its end is never taken for another job."""
    raw = encode_job(job)
    with pytest.raises(CorruptionError):
        decode_job(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(CorruptionError):
        decode_job(raw + b"\x00")


def test_unknown_kind():
    """A job of an unknown kind is refused."""
    with pytest.raises(CorruptionError, match="kind"):
        decode_job(b"\x09")


ONE, TWO = (TableMetadata(number, 5, b"a", b"b", b"b\x00") for number in (1, 2))


def test_flush_edit():
    """Installing a flush adds its table to level 0 and makes its segments obsolete."""
    job = FlushJob("d", (SegmentInput(3), SegmentInput(4, 9)), 1, TableOptions())
    edit = job.edit(JobResult(tables=(ONE,)))
    assert edit.added == (AddedTable(0, ONE),)
    assert (edit.obsolete_segments, edit.next_file_number) == ((3, 4), 2)
    assert job.edit(JobResult()).added == ()


def test_compaction_edit():
    """Installing a compaction replaces its inputs; a move takes its inputs along."""
    job = CompactionJob("d", (InputTable(1, ONE),), 2, TableOptions(), 100, pointer=b"p")
    edit = job.edit(JobResult(tables=(TWO,)))
    assert (edit.added, edit.removed) == ((AddedTable(2, TWO),), (RemovedTable(1, 1),))
    assert edit.pointers == (CompactionPointer(1, b"p"),)
    move = CompactionJob("d", (InputTable(1, ONE),), 2, TableOptions(), 100, is_move=True)
    assert move.edit().added == (AddedTable(2, ONE),)
    assert (job.first_level, job.input_bytes, job.numbers) == (1, 5, frozenset((1,)))
    assert job.started(7, 8).first_output_number == 7
