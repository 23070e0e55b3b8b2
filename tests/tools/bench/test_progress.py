"""The progress bar."""

from __future__ import annotations

import io

from tools.bench.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_bar_shows_step_and_share() -> None:
    """The line names the step under way and how many are done."""
    stream = Terminal()
    progress = Progress(4, stream)
    progress.begin("first")
    progress.finish()
    progress.begin("second")
    last = stream.getvalue().rpartition("\r")[2]
    assert "[#######....................." in last
    assert "1/4 second" in last
    assert "s left" in last


def test_bar_is_removed_at_the_end() -> None:
    """After clear the line is empty, so that the report stands alone."""
    stream = Terminal()
    progress = Progress(1, stream)
    progress.begin("only")
    progress.clear()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_files_get_nothing() -> None:
    """A log file is not filled with half lines."""
    stream = io.StringIO()
    progress = Progress(1, stream)
    progress.begin("only")
    progress.tick()
    progress.finish()
    progress.clear()
    assert stream.getvalue() == ""


def test_ticks_do_not_draw_without_end() -> None:
    """A tick in an inner loop draws at most ten times per second."""
    stream = Terminal()
    progress = Progress(1, stream)
    progress.begin("only")
    for _ in range(1000):
        progress.tick()
    assert stream.getvalue().count("\r") <= 3
