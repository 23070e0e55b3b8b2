"""Writes the pages that come from tables: `python -m tools.generate_docs [--check]`.

    docs/configuration.md     from the table of parameters
    meridian.example.toml     from the table of parameters
    docs/commands.md          from the table of commands

With `--check` nothing is written: the exit code is 1 when a page on disk is not what the tables
say, and the pages are named. A test does the same, so a page cannot drift.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.docs_commands import commands_page
from tools.docs_configuration import configuration_page, example_toml

ROOT = Path(__file__).resolve().parent.parent

#: Every generated page, by its path in the repository.
PAGES: dict[str, Callable[[], str]] = {
    "docs/configuration.md": configuration_page,
    "docs/commands.md": commands_page,
    "meridian.example.toml": example_toml,
}


def stale_pages(root: Path) -> list[str]:
    """Return the paths of pages that are missing or not what the tables say."""
    return [path for path, page in PAGES.items() if _read(root / path) != page()]


def write_pages(root: Path) -> list[str]:
    """Bring all pages up to date; return the paths of those that changed."""
    stale = stale_pages(root)
    for path in stale:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(PAGES[path](), encoding="utf-8")
    return stale


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 when `--check` finds a page that is not current."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.generate_docs",
        description="Write the pages that are generated from the tables of the program.",
        epilog="example: python -m tools.generate_docs --check",
    )
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository to work on")
    options = parser.parse_args(arguments)
    if options.check:
        stale = stale_pages(options.root)
        for path in stale:
            sys.stderr.write(f"{path} is not current; run: python -m tools.generate_docs\n")
        return 1 if stale else 0
    for path in write_pages(options.root):
        sys.stdout.write(f"wrote {path}\n")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
