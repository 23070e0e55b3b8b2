"""The page of compatibility is what the tables of this folder say."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.known_differences import KNOWN_DIFFERENCES
from compat_tests.render import PAGE, main, rendered_page, rendered_table, served_names


def test_page_in_the_repository_is_current() -> None:
    """What users read is what is compared: the page cannot drift from the tables."""
    assert PAGE.read_text(encoding="utf-8") == rendered_page()


def test_missing_and_changed_pages_are_found_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` fails without writing; a run writes; then all is well until somebody edits."""
    page = tmp_path / "page.md"
    given = ["--page", str(page)]
    assert main([*given, "--check"]) == 1
    assert "page.md is not current" in capsys.readouterr().err
    assert not page.exists()
    assert main(given) == 0
    assert main([*given, "--check"]) == 0
    page.write_text(page.read_text() + "by hand\n")
    assert main([*given, "--check"]) == 1


def test_every_known_difference_is_a_row_of_four_cells() -> None:
    """A pipe inside a cell is escaped, so that no row falls apart."""
    _, _, *rows = rendered_table().splitlines()
    assert len(rows) == len(KNOWN_DIFFERENCES)
    assert {row.replace("\\|", "").count("|") for row in rows} == {5}


def test_sub_commands_are_told_from_arguments() -> None:
    """`OBJECT HELP` names a sub-command, `DEL key` names none."""
    page = "| `DEL key [key ...]` | x |\n| `OBJECT HELP` | x |\n| `PING [message]` | x |\n"
    redis = dict.fromkeys(("del", "object", "object|help", "ping"), "facts")
    assert served_names(page, redis) == {"del", "object", "object|help", "ping"}
