"""CPU time and memory of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tools.bench.accounting import (
    CpuTime,
    cpu_time,
    descendants,
    process_clock_ns,
    resident_bytes,
    stat_fields,
)

PARENT = """
import subprocess, sys
waiting = "print('waiting', flush=True); input()"
pipe = subprocess.PIPE
child = subprocess.Popen([sys.executable, "-c", waiting], stdin=pipe, stdout=pipe)
child.stdout.readline()
print(child.pid, flush=True)
input()
child.communicate(b"end")
"""


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """Process ids of a process and of its child, both waiting."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    try:
        yield parent.pid, int(parent.stdout.readline())
    finally:
        parent.communicate("end\n")


def test_own_cpu_time_agrees_with_the_interpreter() -> None:
    """The clock read by process id is the one Python reads for itself."""
    before = time.process_time_ns()
    measured = process_clock_ns(os.getpid())
    after = time.process_time_ns()
    assert before <= measured <= after


def test_cpu_time_grows_with_work() -> None:
    """Work shows in the reading, to a few percent."""
    before = cpu_time(os.getpid())
    begin = time.process_time_ns()
    while time.process_time_ns() - begin < 20_000_000:
        pass
    used = cpu_time(os.getpid()).since(before)
    assert 20_000_000 <= used.own_ns < 60_000_000


@pytest.mark.process
def test_children_are_found_and_counted_apart(family: tuple[int, int]) -> None:
    """A living child's time is in `children_ns` and not in `own_ns`."""
    parent, child = family
    assert descendants(parent) == [child]
    reading = cpu_time(parent)
    assert reading.own_ns == process_clock_ns(parent)
    assert reading.children_ns >= process_clock_ns(child) > 0


def test_difference_of_readings() -> None:
    """Children that vanish without being waited for do not make the share negative."""
    assert CpuTime(10, 5).since(CpuTime(4, 1)) == CpuTime(6, 4)
    assert CpuTime(10, 1).since(CpuTime(4, 5)) == CpuTime(6, 0)


def test_stat_is_cut_behind_the_name() -> None:
    """The first field kept is the state, whatever the program is called."""
    assert stat_fields(os.getpid())[0] in {"R", "S"}
    assert int(stat_fields(os.getpid())[1]) == os.getppid()


def test_resident_memory_is_plausible() -> None:
    """A Python with the test tools takes between 5 MB and 5 GB."""
    assert 5_000_000 < resident_bytes(os.getpid()) < 5_000_000_000


def test_missing_process_is_told() -> None:
    """A process that is gone is a ProcessLookupError, not zeros."""
    finished = subprocess.Popen([sys.executable, "-c", ""])
    finished.wait()
    with pytest.raises(ProcessLookupError):
        cpu_time(finished.pid)
    with pytest.raises(ProcessLookupError):
        resident_bytes(finished.pid)
