"""The process's log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from meridian_resp.config.choices import LogLevel
from meridian_resp.config.settings import Settings
from meridian_resp.server.logs import set_up_logging

LINE = re.compile(r"\d+ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO    meridian: hello\n")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Leave the root logger as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_lines_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """One line per event: process, time to the millisecond, level, who, what."""
    set_up_logging(Settings())
    logging.getLogger("meridian").info("hello")
    assert LINE.fullmatch(capsys.readouterr().out)


def test_lines_go_to_the_file_that_is_named(tmp_path: Path) -> None:
    """And are added to what it holds."""
    path = tmp_path / "meridian.log"
    path.write_text("old\n")
    set_up_logging(Settings(logfile=str(path)))
    logging.getLogger("meridian").info("hello")
    old, new = path.read_text().splitlines(keepends=True)
    assert old == "old\n"
    assert LINE.fullmatch(new)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """The start fails and says so."""
    with pytest.raises(OSError):
        set_up_logging(Settings(logfile=str(tmp_path / "none" / "meridian.log")))


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (LogLevel.DEBUG, ["debug", "info", "warning"]),
        (LogLevel.VERBOSE, ["info", "warning"]),
        (LogLevel.NOTICE, ["info", "warning"]),
        (LogLevel.WARNING, ["warning"]),
    ],
)
def test_levels(level: LogLevel, shown: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Redis' words choose what is shown."""
    set_up_logging(Settings(loglevel=level))
    logger = logging.getLogger("meridian")
    for word in ("debug", "info", "warning"):
        getattr(logger, word)(word)
    assert [line.rsplit(" ", 1)[1] for line in capsys.readouterr().out.splitlines()] == shown


def test_the_level_follows_config_set(capsys: pytest.CaptureFixture[str]) -> None:
    """From the next event on."""
    settings = Settings()
    set_up_logging(settings)
    settings.change([(b"loglevel", b"warning")])
    logging.getLogger("meridian").info("hello")
    assert capsys.readouterr().out == ""
