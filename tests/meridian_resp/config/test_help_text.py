"""The text of --help and --version."""

from __future__ import annotations

import meridian_resp
from meridian_resp.config.command_line import parse_command_line
from meridian_resp.config.help_text import help_text, version_text
from meridian_resp.config.parameter import Section


def test_help_has_examples_and_every_section() -> None:
    """Usage first, then what to type, then the groups in their order."""
    text = help_text()
    assert text.startswith("usage: meridian")
    places = [text.index(f"\n{section.value}:\n") for section in Section]
    assert text.index("examples:") < places[0]
    assert places == sorted(places)


def test_help_fits_a_terminal() -> None:
    """No line is longer than 96 characters."""
    assert max(map(len, help_text().splitlines())) <= 96


def test_examples_of_the_help_are_command_lines() -> None:
    """Every example that starts the server is understood."""
    lines = [line.split("  ")[1] for line in help_text().splitlines() if "  meridian" in line]
    assert len(lines) >= 4
    for line in lines:
        parse_command_line(line.split()[1:])


def test_the_version_is_that_of_the_package() -> None:
    """One line with name and version."""
    assert version_text() == f"meridian {meridian_resp.__version__}\n"
