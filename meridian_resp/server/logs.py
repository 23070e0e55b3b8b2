"""The process's log: one line per event, to standard output or the file that `logfile` names."""

from __future__ import annotations

import logging
import sys
from typing import Final

from meridian_resp.config.choices import LogLevel
from meridian_resp.config.settings import Settings

_LEVELS: Final = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.VERBOSE: logging.INFO,
    LogLevel.NOTICE: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
}


def set_up_logging(settings: Settings) -> None:
    """Send all log records where the settings say, and follow `loglevel`. Raises OSError."""
    handler: logging.Handler
    if settings.logfile:
        handler = logging.FileHandler(settings.logfile, encoding="utf-8")
    else:
        handler = logging.StreamHandler(sys.stdout)
    line = "%(process)d %(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"
    handler.setFormatter(logging.Formatter(line, datefmt="%Y-%m-%d %H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]

    def follow() -> None:
        root.setLevel(_LEVELS[settings.loglevel])

    follow()
    settings.on_change("loglevel", follow)
