"""Child process that runs flushes and compactions: `python -m storage.compaction.worker [FD]`.

It greets with one line, then takes jobs on stdin and answers each on stdout (see frames.py) until
stdin ends. It reads and writes files of the job's directory and knows nothing else: no manifest,
no engine, no event loop, so it starts in a tenth of a second.

It must never outlive the process that started it. Between slices of a job (parts of a millisecond)
it looks whether stdin was closed, which the kernel does for a parent that dies in any way. The
same wait is the throttle: after each slice it waits until the bytes written are within the job's
rate.

On a core that it shares with the server it must not be noticed. The scheduler hands out the core
in pieces of 3 to 4 ms, whatever the niceness, so the worker gives it back by itself: after a
burst of `BURST_S` it naps, so long that it takes the job's share of the core. The share stands in
memory that the server shares (shares.py; FD is its descriptor), and is looked at after each burst.
With cores enough for all there are no naps.

Python gives little memory back, so after a job that needed much the process ends itself; the pool
starts another when there is work. Objects made here hold no cycles, so the cyclic garbage
collector is off (measured 2026-11: it doubled the time of a flush).
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence

from storage.compaction.execution import slices
from storage.compaction.frames import (
    GREETING,
    HEAD_BYTES,
    Kind,
    decode_head,
    encode_error,
    encode_message,
)
from storage.compaction.job import CompactionJob, Job, JobResult, decode_job, encode_result
from storage.compaction.shares import WHOLE_PERCENT, share_reader
from storage.os_files import OsFileSystem

MEMORY_BYTES_MAX = 256 << 20
NICENESS = 3  # clients come first, but a starved flush holds writers back
#: Work between two naps, in seconds of processor time. Short bursts delay many requests a little,
#: long ones few requests by much. A job whose share is small has so few long ones that less than
#: one request in a hundred meets one, and its caches stay warm (2026-11-29).
BURST_S = 0.0002
LONG_BURST_S = 0.003
LONG_BURST_PERCENT_MAX = 6
#: With this many cores or fewer the worker may well run on the server's or the clients' core.
SHARED_CORES_MAX = 2
_THROTTLE_WAIT_S_MAX = 1.0
#: After a long slice (values of megabytes) too it looks for its parent and its share that often.
_NAP_S_MAX = 0.2
#: However late the work is, the core is the server's between two bursts.
_NAP_S_MIN = 0.0005
#: How much of the time that it had to wait for the core a worker makes up for.
_ARREARS_S_MAX = 0.05


class ParentGoneError(Exception):
    """Stdin was closed in the middle of a job: nobody wants its result."""


class Throttle:
    """Says how long to wait so that a number of bytes per second is not exceeded.

    Bursts are not saved up: time in which nothing was written earns nothing.
    """

    def __init__(self, bytes_per_second: int, now: float) -> None:
        self._rate = bytes_per_second
        self._due = now

    def wait_s(self, written: int, now: float) -> float:
        """Take note of bytes written by now; return the seconds to wait, 0 without a rate."""
        if self._rate == 0:
            return 0.0
        self._due = max(self._due, now - _THROTTLE_WAIT_S_MAX) + written / self._rate
        return max(0.0, self._due - now)


class Pace:
    """Says how long to nap so that the work comes in short bursts and takes its share only.

    A worker that wakes up may have to wait for the core for longer than it wants to use it. That
    counts as a part of the nap, or the work would take half of its share.
    """

    def __init__(self, share_percent: Callable[[], int], cpu_s: float, now: float) -> None:
        """Begin at that processor time and that time of a clock, both in seconds."""
        self._share_percent = share_percent
        self._began_cpu_s = cpu_s
        self._due = now

    def nap_s(self, cpu_s: float, now: Callable[[], float]) -> float:
        """Return the seconds to nap; 0 while the burst may go on, or if the share is all."""
        burst_s = cpu_s - self._began_cpu_s
        if burst_s < BURST_S:
            return 0.0
        share = self._share_percent()
        if share <= LONG_BURST_PERCENT_MAX and burst_s < LONG_BURST_S:
            return 0.0
        self._began_cpu_s = cpu_s
        time_s = now()
        if share >= WHOLE_PERCENT:
            self._due = time_s
            return 0.0
        self._due = max(self._due, time_s - _ARREARS_S_MAX) + burst_s * WHOLE_PERCENT / share
        self._due = min(self._due, time_s + _NAP_S_MAX)
        return min(_NAP_S_MAX, max(_NAP_S_MIN, self._due - time_s))


def run_job(
    job: Job,
    wait: Callable[[float], None],
    nap: Callable[[float], None] = time.sleep,
    share_percent: Callable[[], int] | None = None,
) -> JobResult:
    """Run a job to its end, calling `wait` with a number of seconds after every slice.

    With a share it also calls `nap` with the seconds to be asleep after every burst.
    """
    files = OsFileSystem(job.directory)
    rate = job.throughput_bytes if isinstance(job, CompactionJob) else 0
    throttle = Throttle(rate, time.monotonic())
    pace = None
    if share_percent is not None:
        pace = Pace(share_percent, time.process_time(), time.monotonic())
    work = slices(files, job, time.monotonic, time.process_time)
    try:
        while True:
            try:
                done = next(work)
            except StopIteration as end:
                result: JobResult = end.value
                return result
            wait(throttle.wait_s(done, time.monotonic()))
            nap_s = pace.nap_s(time.process_time(), time.monotonic) if pace is not None else 0.0
            if nap_s:
                nap(nap_s)
    finally:
        work.close()


def main(arguments: Sequence[str] = ()) -> int:
    """Serve jobs until stdin ends; return the exit status.

    `arguments` is the descriptor of the shares, or nothing.
    """
    # An interrupt at the terminal goes to the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    os.nice(NICENESS)
    # Results go where stdout was; whatever prints goes to stderr and cannot garble them.
    output = os.dup(1)
    os.dup2(2, 1)
    poller = select.poll()
    # No event is asked for: only the closing of the other end is reported.
    poller.register(0, 0)

    share_of = share_reader(int(arguments[0])) if arguments else _all

    def wait(seconds: float) -> None:
        if poller.poll(seconds * 1000):
            raise ParentGoneError

    try:
        _write(output, GREETING)
        while True:
            head = _read(HEAD_BYTES)
            if head is None:
                return 0
            body = _read(decode_head(head)[0])
            if body is None:
                return 0
            _write(output, _answer(body, wait, share_of))
            if _is_large():
                return 0
    except (ParentGoneError, BrokenPipeError):
        return 0


def _all(job: Job) -> None:
    """No share: all that the scheduler gives."""


def _answer(
    body: bytes,
    wait: Callable[[float], None],
    share_of: Callable[[Job], Callable[[], int] | None],
) -> bytes:
    try:
        job = decode_job(body)
        is_core_shared = len(os.sched_getaffinity(0)) <= SHARED_CORES_MAX
        result = run_job(job, wait, share_percent=share_of(job) if is_core_shared else None)
    except ParentGoneError:
        raise
    except Exception as error:  # whatever it is, the parent must be told
        kind, text = encode_error(error, traceback.format_exc())
        return encode_message(kind, text, leaving=_is_large())
    return encode_message(Kind.RESULT, encode_result(result), leaving=_is_large())


def _is_large() -> bool:
    """Say whether the process needed more memory than it should keep."""
    # Not getrusage: its peak includes the parent's memory, inherited at the start of the process.
    try:
        with open("/proc/self/status", "rb") as status:
            fields = dict(line.split(b":", 1) for line in status if b":" in line)
    except OSError:
        return False
    return int(fields[b"VmHWM"].split()[0]) * 1024 > MEMORY_BYTES_MAX


def _read(length: int) -> bytes | None:
    """Return exactly `length` bytes of stdin, or None if it ended."""
    parts = []
    while length:
        part = os.read(0, min(length, 1 << 20))
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
