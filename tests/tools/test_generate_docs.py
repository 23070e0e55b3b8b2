"""Generated pages are current."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.generate_docs import PAGES, ROOT, main, stale_pages, write_pages


def test_pages_in_the_repository_are_current() -> None:
    """What is checked in is what the tables say; `make docs` brings it up to date."""
    assert stale_pages(ROOT) == []


def test_missing_and_changed_pages_are_found_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` names them and fails without writing; a run writes them; then all is well."""
    root = ["--root", str(tmp_path)]
    assert main([*root, "--check"]) == 1
    told = capsys.readouterr().err
    assert all(f"{path} is not current" in told for path in PAGES)
    assert list(tmp_path.iterdir()) == []
    assert write_pages(tmp_path) == list(PAGES)
    assert main([*root, "--check"]) == 0
    page = tmp_path / "docs" / "configuration.md"
    page.write_text(page.read_text() + "by hand\n")
    assert stale_pages(tmp_path) == ["docs/configuration.md"]
    capsys.readouterr()
    assert main(root) == 0
    assert capsys.readouterr().out == "wrote docs/configuration.md\n"
