"""A progress bar on the error stream, for people at a terminal only.

Programs read the standard output, which stays clean; a log file is not filled with half lines.
"""

from __future__ import annotations

import sys
import time
from typing import TextIO

BAR_CHARACTERS = 28
REDRAW_SECONDS_MIN = 0.1


class Progress:
    """Shows which of a known number of steps is under way, and how long is left."""

    def __init__(self, steps_total: int, stream: TextIO = sys.stderr) -> None:
        assert steps_total > 0
        self._stream = stream
        self._shown = stream.isatty()
        self._steps_total = steps_total
        self._steps_done = 0
        self._text = ""
        self._begin_s = time.monotonic()
        self._drawn_s = 0.0

    def begin(self, text: str) -> None:
        """A step begins; `text` says what it is."""
        self._text = text
        self.draw()

    def finish(self) -> None:
        """The step that began last is over."""
        self._steps_done += 1
        assert self._steps_done <= self._steps_total
        self.draw()

    def tick(self) -> None:
        """Draw again if the last time is a while ago; cheap enough for inner loops."""
        if time.monotonic() - self._drawn_s >= REDRAW_SECONDS_MIN:
            self.draw()

    def draw(self) -> None:
        """Draw the bar now."""
        self._drawn_s = time.monotonic()
        if self._shown:
            self._stream.write(f"\r\x1b[K{self.line()}")
            self._stream.flush()

    def clear(self) -> None:
        """Remove the bar, so that the report stands alone."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def line(self) -> str:
        """The bar as text: share done, step, seconds run and, once a step is over, left."""
        share = self._steps_done / self._steps_total
        filled = int(share * BAR_CHARACTERS)
        run_s = time.monotonic() - self._begin_s
        left = f", about {run_s / share - run_s:.0f} s left" if share else ""
        bar = "#" * filled + "." * (BAR_CHARACTERS - filled)
        return f"[{bar}] {self._steps_done}/{self._steps_total} {self._text} ({run_s:.0f} s{left})"
