"""The `meridian` command up to the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from meridian_resp.__main__ import EXIT_WRONG_OPTIONS, main


def test_mistakes_are_told_on_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, bounds and what was given; exit code 2; nothing on standard output."""
    assert main(["--port", "70000", "--hz", "x"]) == EXIT_WRONG_OPTIONS == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.splitlines() == [
        "meridian: --port must be a whole number from 0 to 65535, not 70000",
        "meridian: --hz must be a whole number from 1 to 500 (1/s), not x",
        "Try meridian --help.",
    ]


def test_help_and_version_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    """Both are written to standard output with exit code 0."""
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: meridian")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("meridian ")


@pytest.mark.process
def test_the_package_is_a_command(tmp_path: Path) -> None:
    """`python -m meridian_resp` refuses a missing file without a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "meridian_resp", str(tmp_path / "none.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == EXIT_WRONG_OPTIONS
    assert "cannot read" in done.stderr
    assert "Traceback" not in done.stderr
