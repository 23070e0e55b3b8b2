"""What the kernel says of this process: memory, processor time, threads. Linux' /proc, read fresh.

INFO and MEMORY ask seldom, and each question costs a few small files.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

import attrs

PROC = Path("/proc")


@attrs.frozen
class ProcessFigures:
    """Memory in bytes, processor time in seconds; worker processes that ended are children."""

    process_id: int
    resident_bytes: int
    resident_bytes_peak: int
    machine_bytes: int
    system_s: float
    user_s: float
    system_children_s: float
    user_children_s: float


def process_figures(proc: Path = PROC) -> ProcessFigures:
    """Read the figures; memory is 0 where /proc does not tell."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    status = _sizes(proc / "self" / "status")
    return ProcessFigures(
        process_id=os.getpid(),
        resident_bytes=status.get("VmRSS", 0),
        resident_bytes_peak=max(status.get("VmHWM", 0), status.get("VmRSS", 0)),
        machine_bytes=_sizes(proc / "meminfo").get("MemTotal", 0),
        system_s=own.ru_stime,
        user_s=own.ru_utime,
        system_children_s=children.ru_stime,
        user_children_s=children.ru_utime,
    )


def _sizes(path: Path) -> dict[str, int]:
    """The lines `name: number kB` of a file, in bytes; empty if it cannot be read."""
    try:
        text = path.read_text()
    except OSError:
        return {}
    sizes: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[1] == "kB" and words[0].isdigit():
            sizes[name] = int(words[0]) * 1024
    return sizes
