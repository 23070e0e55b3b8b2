"""The picker: every job it gives keeps the layout right, and it always comes to rest."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.compaction.job import CompactionJob, JobResult, KeyRange
from storage.compaction.picker import pick, scores
from storage.manifest.edit import AddedTable, VersionEdit
from storage.manifest.state import ManifestState
from storage.manifest.version import Version
from storage.options import CompactionStrategy, StorageOptions
from storage.sstable.metadata import TableMetadata

LEVELED = StorageOptions(
    directory="d",
    level0_compaction_tables=3,
    level_ratio=2,
    levels_max=4,
    table_bytes_override=100,
    level1_bytes_override=300,
)
TIERED = StorageOptions(
    directory="d",
    compaction=CompactionStrategy.TIERED,
    level0_compaction_tables=3,
    levels_max=4,
    table_bytes_override=100,
)


def table(number, low, high, size=100, tombstones=0):
    """A table over keys that are numbers, both ends included."""
    smallest, largest = b"%04d" % low, b"%04d" % high
    return TableMetadata(number, size, smallest, largest, largest + b"\x00", 10, tombstones)


def version_of(*levels):
    """A version of these levels, level 0 newest first."""
    return Version(tuple(map(tuple, levels)))


class Store:
    """A layout that jobs are applied to as a worker would: sizes add up, outputs are cut."""

    def __init__(self, options):
        self.options = options
        self.state = ManifestState()

    def flush(self, low, high, size, tombstones):
        """Add a level 0 table."""
        new = table(self.state.next_file_number, low, high, size, tombstones)
        self.state = self.state.apply(VersionEdit(added=(AddedTable(0, new),)))

    def pick(self, busy=()):
        """Ask the picker."""
        version, pointers = self.state.version, self.state.pointers
        return pick(version, self.options, None, pointers=pointers, busy=busy)

    def run(self, job):
        """Install what a worker would make of the job."""
        check_job(self.state.version, job, self.options)
        job = job.started(self.state.next_file_number, 0)
        result = None if job.is_move else JobResult(tables=tuple(self.outputs(job)))
        self.state = self.state.apply(job.edit(result))
        self.state.version.check_invariants()

    def outputs(self, job):
        """Cut the inputs' key range into tables of the wanted size."""
        low = min(int(source.table.smallest) for source in job.inputs)
        high = max(int(source.table.largest) for source in job.inputs)
        # Overwritten keys vanish: the result can be no larger than its keys allow.
        size = min(job.input_bytes, 50 * (high - low + 1))
        count = max(1, min(size // job.table_bytes, high - low + 1, job.outputs_max))
        edges = [low + (high + 1 - low) * part // count for part in range(count + 1)]
        for index in range(count):
            number = job.first_output_number + index
            yield table(number, edges[index], edges[index + 1] - 1, size // count)


def check_job(version, job, options):
    """What must hold for every job."""
    numbers = [source.table.number for source in job.inputs]
    assert len(set(numbers)) == len(numbers) > 0
    for source in job.inputs:
        assert source.table in version.level(source.level)
        assert source.level <= job.output_level < options.levels_max
    start = min(source.table.smallest for source in job.inputs)
    end = max(source.table.end for source in job.inputs)
    # All that overlaps in the output level takes part, and all that lies between the levels.
    for level in range(job.first_level + 1, job.output_level + 1):
        for other in version.overlapping(level, start, end):
            assert other.number in numbers
    # Level 0 is taken whole, newest first: an older table left behind would hide the outputs.
    if job.first_level == 0:
        assert version.level(0) == tuple(s.table for s in job.inputs if s.level == 0)
    outside = [one for one in version.tables() if one.number not in numbers]
    for one in outside:
        if one.overlaps(start, end):
            assert KeyRange(one.smallest, one.end) in job.others
    deeper = [
        one
        for level in range(job.output_level + 1, len(version.levels))
        for one in version.overlapping(level, start, end)
    ]
    assert {KeyRange(one.smallest, one.end) for one in deeper} <= set(job.deeper)


flushes = st.lists(
    st.tuples(st.integers(0, 99), st.integers(0, 60), st.integers(1, 300), st.integers(0, 1)),
    max_size=40,
)


@pytest.mark.parametrize("options", [LEVELED, TIERED], ids=["leveled", "tiered"])
@given(given_flushes=flushes)
def test_every_layout_comes_to_rest(options, given_flushes):
    """After any flushes, running what is picked ends soon, in a layout where nothing is due."""
    store = Store(options)
    for low, length, size, tombstones in given_flushes:
        store.flush(low, low + length, size, tombstones)
        for _ in range(60):
            job = store.pick()
            if job is None:
                break
            store.run(job)
        else:
            raise AssertionError("compaction does not end")
    assert len(store.state.version.level(0)) < options.level0_compaction_tables
    if options is LEVELED:
        assert all(part.score < 1 for part in scores(store.state.version, options))


@given(flushes, st.integers(0, 2**32))
def test_concurrent_jobs_do_not_meet(given_flushes, seed):
    """Jobs picked while others run share no input, and any order of finishing keeps the layout."""
    store, chance, running = Store(LEVELED), random.Random(seed), []
    for low, length, size, tombstones in given_flushes:
        store.flush(low, low + length, size, tombstones)
        while True:
            busy = frozenset().union(*(job.numbers for job in running))
            job = store.pick(busy)
            if job is None:
                break
            assert not job.numbers & busy
            running.append(job)
        if running and chance.random() < 0.5:
            job = running.pop(chance.randrange(len(running)))
            job = job.started(store.state.next_file_number, 0)
            result = None if job.is_move else JobResult(tables=tuple(store.outputs(job)))
            store.state = store.state.apply(job.edit(result))
            store.state.version.check_invariants()


def test_nothing_due():
    """An empty store, or few tables, asks for nothing."""
    assert pick(Version(), LEVELED, None) is None
    assert pick(version_of([table(2, 1, 5), table(1, 1, 5)]), LEVELED, None) is None


def test_level0_takes_all_and_what_it_overlaps():
    """Level 0 goes as a whole, newest first, with the tables of level 1 below it."""
    version = version_of(
        [table(5, 1, 9), table(4, 3, 5), table(3, 30, 31)], [table(1, 0, 20), table(2, 40, 50)]
    )
    job = pick(version, LEVELED, frozenset((1, 2)))
    assert [source.table.number for source in job.inputs] == [5, 4, 3, 1]
    assert (job.first_level, job.output_level, job.is_move) == (0, 1, False)
    assert job.live_keyspaces == frozenset((1, 2))
    assert job.options == LEVELED.table_options(1)


def test_round_robin_within_a_level():
    """Tables of a level take turns: each job goes on behind the last one's key."""
    level1 = [table(number, 10 * number, 10 * number + 5) for number in range(6)]
    version, pointers, seen = version_of([], level1), {}, []
    for _ in range(7):
        job = pick(version, LEVELED, None, pointers=pointers)
        seen.append(job.inputs[0].table.number)
        pointers = {1: job.pointer}
    assert seen == [0, 1, 2, 3, 4, 5, 0]


def test_most_urgent_level_first():
    """Of several levels that are due the one furthest beyond its bound is served."""
    level1 = [table(number, 10 * number, 10 * number + 5) for number in range(4)]
    level2 = [table(10 + number, 10 * number, 10 * number + 5, 300) for number in range(6)]
    version = version_of([], level1, level2)
    assert [part.level for part in scores(version, LEVELED)] == [2, 1, 0]
    assert pick(version, LEVELED, None).first_level == 2


def test_busy_tables_are_left_alone():
    """If the best table is busy the next one is taken; if level 0 is busy it waits."""
    level1 = [table(number, 10 * number, 10 * number + 5) for number in range(6)]
    assert pick(version_of([], level1), LEVELED, None, busy={0}).inputs[0].table.number == 1
    level0 = [table(30 + number, 0, 5) for number in range(3)]
    assert pick(version_of(level0), LEVELED, None, busy={31}) is None


def test_trivial_moves():
    """A table with nothing below moves; with tombstones at the bottom it is rewritten instead."""
    level1 = [table(number, 10 * number, 10 * number + 5) for number in range(6)]
    assert pick(version_of([], level1), LEVELED, None).is_move
    level1[0] = table(0, 0, 5, tombstones=1)
    job = pick(version_of([], level1), LEVELED, None)
    assert not job.is_move and len(job.inputs) == 1
    # Above older data the tombstones are needed, so rewriting would gain nothing.
    assert pick(version_of([], level1, [], [table(9, 0, 5)]), LEVELED, None).is_move


def test_no_move_onto_many_grandparents():
    """A table that lies over very much two levels down is merged now rather than moved."""
    level1 = [table(0, 0, 95, 400)]
    level3 = [table(10 + number, number, number, 100) for number in range(30)]
    assert not pick(version_of([], level1, [], level3), LEVELED, None).is_move
    assert pick(version_of([], level1, [], level3[:5]), LEVELED, None).is_move


def test_tiered_merges_runs_of_like_size():
    """Tiered takes level 0 and the runs that are not larger, and leaves larger ones alone."""
    level0 = [table(number, 0, 9) for number in (5, 4, 3)]
    job = pick(version_of(level0), TIERED, None)
    assert (job.output_level, len(job.inputs)) == (3, 3)
    job = pick(version_of(level0, [], [], [table(1, 0, 9, 301)]), TIERED, None)
    assert (job.output_level, len(job.inputs)) == (2, 3)
    assert job.deeper == (KeyRange(b"0000", b"0009\x00"),)
    job = pick(version_of(level0, [], [table(2, 0, 9, 300)], [table(1, 0, 9, 600)]), TIERED, None)
    assert (job.output_level, len(job.inputs)) == (3, 5)
    job = pick(version_of(level0, [table(2, 0, 9, 999)], [table(1, 0, 9, 9999)]), TIERED, None)
    assert (job.output_level, len(job.inputs)) == (1, 4)


def test_options_reach_the_job():
    """Sizes, throughput, bounds and the grace of tombstones come from the options and the call."""
    version = version_of([table(number, 0, 9) for number in (3, 2, 1)])
    job = pick(version, LEVELED, None, tombstone_version_max=7)
    assert isinstance(job, CompactionJob)
    assert (job.table_bytes, job.throughput_bytes) == (100, 50 << 20)
    assert (job.expired_max, job.tombstone_version_max, job.directory) == (1000, 7, "d")
    assert job.outputs_max >= 3
