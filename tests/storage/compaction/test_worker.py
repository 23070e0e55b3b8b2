"""The worker process, seen over its pipes; and its throttle."""

from __future__ import annotations

import subprocess
import sys

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from storage.compaction.frames import (
    GREETING,
    HEAD_BYTES,
    Kind,
    decode_error,
    decode_head,
    encode_message,
)
from storage.compaction.job import FlushJob, SegmentInput, decode_result, encode_job
from storage.compaction.pool import worker_command
from storage.compaction.shares import WHOLE_PERCENT
from storage.compaction.worker import (
    BURST_S,
    LONG_BURST_PERCENT_MAX,
    LONG_BURST_S,
    Pace,
    Throttle,
    run_job,
)
from storage.errors import CorruptionError, WorkerError
from storage.options import TableOptions
from storage.os_files import OsFileSystem
from storage.records import WriteBatch, encode_string
from tests.harness.segments import write_segment

pytestmark = pytest.mark.process


@pytest.fixture
def worker():
    """A worker process, ended by the end of its stdin."""
    process = subprocess.Popen(worker_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout.read(len(GREETING)) == GREETING
        yield process
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def ask(process, body):
    """Send a job's bytes; return (kind, body) of the answer."""
    process.stdin.write(encode_message(Kind.JOB, body))
    process.stdin.flush()
    length, kind, _ = decode_head(process.stdout.read(HEAD_BYTES))
    return kind, process.stdout.read(length)


def flush_job(directory, count=3):
    """A flush of that many records."""
    files, batch = OsFileSystem(str(directory)), WriteBatch()
    for number in range(count):
        batch.put(b"k%05d" % number, encode_string(number, b"v"))
    limit = write_segment(files, 1, [batch])
    return FlushJob(str(directory), (SegmentInput(1, limit),), 2, TableOptions())


def test_jobs_and_errors(worker, tmp_path):
    """One process answers job after job: results, damage, missing files, and nonsense."""
    job = flush_job(tmp_path)
    kind, body = ask(worker, encode_job(job))
    assert kind is Kind.RESULT
    result = decode_result(body)
    assert result.tables[0].entries == 3
    assert result.duration_s > 0

    damaged = FlushJob(str(tmp_path), (SegmentInput(1, 1 << 40),), 3, TableOptions())
    error = decode_error(*ask(worker, encode_job(damaged)), "flush")
    assert isinstance(error, CorruptionError)

    missing = FlushJob(str(tmp_path), (SegmentInput(9),), 3, TableOptions())
    error = decode_error(*ask(worker, encode_job(missing)), "flush")
    assert isinstance(error, FileNotFoundError)

    error = decode_error(*ask(worker, b"\x07nonsense"), "flush")
    assert isinstance(error, CorruptionError)

    # A path with a zero byte is refused by Python itself, not by the system.
    odd = FlushJob("\0", (), 3, TableOptions())
    error = decode_error(*ask(worker, encode_job(odd)), "flush")
    assert isinstance(error, WorkerError) and "ValueError" in error.detail


def test_it_loads_little():
    """A worker loads neither the event loop nor the engine, so that it starts quickly."""
    code = "import sys, storage.compaction.worker; print(' '.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "storage.compaction.merge" in loaded
    assert {"trio", "storage.engine", "hiredis", "asyncio"}.isdisjoint(loaded)


def test_run_job_waits_between_slices(tmp_path):
    """Every slice is followed by a wait; a wait that raises ends the job without output."""
    waits = []
    result = run_job(flush_job(tmp_path, 5000), waits.append)
    assert len(waits) >= 4 and set(waits) == {0.0}
    assert result.tables[0].entries == 5000

    class Gone(Exception):
        pass

    def gone(seconds):
        raise Gone

    with pytest.raises(Gone):
        run_job(flush_job(tmp_path / "other", 5000), gone)
    assert OsFileSystem(str(tmp_path / "other")).names() == ["segment_0000000001.wal"]


def test_a_worker_on_a_shared_core_held_it_for_whole_scheduler_slices(tmp_path):
    """With a share a job naps after its bursts, so that it takes about that; else not."""
    job = flush_job(tmp_path, 20_000)
    naps = []
    result = run_job(job, lambda seconds: None, naps.append, lambda: 33)
    assert len(naps) > 10
    # The naps do not pass here, so each is as long as all that the job is behind of its share.
    assert naps[-1] > naps[0] > 0.0
    assert result.tables[0].entries == 20_000
    run_job(evolve(job, output_number=3), lambda seconds: None, pytest.fail)


def test_a_job_that_dawdled_held_writers_back(tmp_path):
    """Its share was that of the moment it began: 587 ms for others at the 99th percentile."""
    naps = []

    def share():
        return 33 if len(naps) < 5 else WHOLE_PERCENT

    run_job(flush_job(tmp_path, 20_000), lambda seconds: None, naps.append, share)
    assert len(naps) == 5


class Core:
    """A core that a worker has all of, by two clocks."""

    def __init__(self, percent):
        self.cpu_s, self.now_s = 5.0, 100.0
        self.percent = percent
        self.pace = Pace(lambda: self.percent, self.cpu_s, self.now_s)

    def work(self, seconds, waiting=0.0):
        """Work, the core being taken by others for some time meanwhile; the nap that follows."""
        self.cpu_s += seconds
        self.now_s += seconds + waiting
        nap_s = self.pace.nap_s(self.cpu_s, lambda: self.now_s)
        self.now_s += nap_s
        return nap_s


def test_a_share_of_all_takes_no_naps():
    """Whoever may take the whole core never naps; others not before a burst is over."""
    assert Core(WHOLE_PERCENT).work(5.0) == 0.0
    core = Core(25)
    assert core.work(BURST_S / 2) == 0.0
    assert core.work(BURST_S) == pytest.approx(4.5 * BURST_S)
    assert core.work(BURST_S / 2) == 0.0


def test_a_small_share_is_taken_in_long_bursts():
    """Few requests meet a burst then, and caches stay warm."""
    core = Core(LONG_BURST_PERCENT_MAX)
    assert core.work(LONG_BURST_S / 2) == 0.0
    assert core.work(LONG_BURST_S / 2 + 1e-9) > LONG_BURST_S


def test_a_long_slice_is_followed_by_a_short_nap():
    """The worker looks for its parent between slices, so it must not sleep for seconds."""
    assert Core(1).work(1.0) == 0.2


def test_a_worker_that_waited_for_the_core_had_half_of_its_share():
    """What it waits counts as a nap, yet it never takes the core without any."""
    core = Core(25)
    began_s, began_cpu_s = core.now_s, core.cpu_s
    naps = [core.work(2 * BURST_S, waiting=2 * BURST_S) for _ in range(100)]
    assert (core.cpu_s - began_cpu_s) / (core.now_s - began_s) == pytest.approx(0.25, rel=0.05)
    assert min(naps) > 0.0
    late = Core(25)
    assert late.work(2 * BURST_S, waiting=1.0) == pytest.approx(0.0005)


def test_a_job_that_had_to_hurry_napped_off_its_debts():
    """Slices longer than their share allows are forgotten, or a larger share came late."""
    core = Core(2)
    for _ in range(60):
        core.work(0.01)
    core.percent = 60
    naps = [core.work(2 * BURST_S) for _ in range(20)]
    assert sum(naps) < 0.25


@given(
    st.integers(1, 1000),
    st.lists(st.tuples(st.integers(0, 2000), st.floats(0, 3)), min_size=1, max_size=30),
)
def test_throttle_holds_the_rate(rate, slices):
    """Whoever waits as told never writes more than the rate allows, bar a second's burst."""
    now = 0.0
    throttle = Throttle(rate, now)
    total = 0
    for written, working in slices:
        now += working
        total += written
        now += throttle.wait_s(written, now)
    assert total <= rate * (now + 1.0) + 1e-6 * total + 1e-6


def test_no_throttle():
    """A rate of zero never waits."""
    assert Throttle(0, 5.0).wait_s(1 << 40, 5.0) == 0.0
