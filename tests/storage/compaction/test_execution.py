"""Running either kind of job in slices."""

from __future__ import annotations

from storage.compaction.execution import slices
from storage.compaction.job import CompactionJob, FlushJob, InputTable, SegmentInput
from storage.records import WriteBatch, encode_string
from tests.harness.segments import write_segment
from tests.harness.tables import SMALL_BLOCKS, MemoryFiles


class Clock:
    """A clock that advances by a fixed step at each reading."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def finish(work):
    """Run slices to the end and return the result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_both_kinds_and_their_times():
    """A flush and then a compaction of its table run to the end; times come from the clocks."""
    files, batch = MemoryFiles(), WriteBatch()
    batch.put(b"k", encode_string(1, b"v"))
    limit = write_segment(files, 1, [batch])
    flush_job = FlushJob("", (SegmentInput(1, limit),), 2, SMALL_BLOCKS)
    flushed = finish(slices(files, flush_job, Clock(2.0), Clock(0.5)))
    assert (flushed.duration_s, flushed.cpu_s) == (2.0, 0.5)
    inputs = (InputTable(0, flushed.tables[0]),)
    job = CompactionJob("", inputs, 1, SMALL_BLOCKS, 1000, first_output_number=3)
    merged = finish(slices(files, job, Clock(1.0), Clock(1.0)))
    assert (merged.tables[0].number, merged.entries_written, merged.cpu_s) == (3, 1, 1.0)
