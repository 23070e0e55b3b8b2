"""Where and when a measurement was made: without that, a figure means nothing."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

import attrs


@attrs.frozen
class Machine:
    """The facts printed at the head of every report."""

    processor: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    date: str


def this_machine() -> Machine:
    """Describe the machine that this runs on; the date is in UTC."""
    return Machine(
        processor=processor_name(),
        cores=os.cpu_count() or 1,
        memory_gb=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") / 2**30, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def processor_name() -> str:
    """The processor's name as the kernel reports it, or its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def cores_for_measuring() -> tuple[int | None, int | None]:
    """The core for the server and the one for the load; None twice when there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)
