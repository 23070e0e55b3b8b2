from __future__ import annotations

import os
from pathlib import Path

from meridian_resp.commands.process_figures import process_figures


def test_figures_of_this_process() -> None:
    """A Python process takes some megabytes and some time, of a machine that is larger."""
    figures = process_figures()
    assert figures.process_id == os.getpid()
    assert 1 << 20 < figures.resident_bytes <= figures.resident_bytes_peak
    assert figures.resident_bytes < figures.machine_bytes
    assert figures.user_s > 0


def test_what_proc_says_is_read_in_bytes(tmp_path: Path) -> None:
    """Lines of another form are passed over; the peak is never below the present."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text(
        "Name:\tx\nVmRSS:\t  12 kB\nThreads: 3\nVmHWM: 7 kB\n"
    )
    (tmp_path / "meminfo").write_text("MemTotal:  100 kB\nMemFree: -\n")
    figures = process_figures(tmp_path)
    assert (figures.resident_bytes, figures.resident_bytes_peak) == (12 << 10, 12 << 10)
    assert figures.machine_bytes == 100 << 10


def test_without_proc_memory_is_unknown(tmp_path: Path) -> None:
    """That is 0, and no error."""
    figures = process_figures(tmp_path)
    assert (figures.resident_bytes, figures.machine_bytes) == (0, 0)
