"""The project's Python files, read and parsed once, and small questions about a syntax tree.

Everything here is standard library, so that the rules run wherever Python runs. A rule gets a
`Source` and returns what it found; it never opens a file itself, so a rule can be shown to bite
on a few lines of made-up source (tests/tidy/test_rules.py).
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Union

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cluster", "meridian_resp", "storage", "tools")
TEST_FOLDERS = ("tests", "compat_tests")

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


class Source:
    """One Python file: its path below the root with `/`, its text and its syntax tree."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.tree = ast.parse(text, filename=path)
        self.top = path.split("/", 1)[0]

    @property
    def is_test(self) -> bool:
        """Whether the file belongs to the tests and not to the product."""
        return self.top in TEST_FOLDERS

    @property
    def module(self) -> str:
        """The dotted name by which the file is imported."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def at(self, node: ast.AST, what: str) -> str:
        """A finding in the form `path:line: what`, which editors can follow."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what}"

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def imports(self) -> Iterator[tuple[ast.AST, str]]:
        """Every imported dotted name with its statement, including those of type checking."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node, alias.name
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                assert node.level == 0, f"{self.path}: relative imports are not used here"
                for alias in node.names:
                    yield node, f"{node.module}.{alias.name}"


@functools.cache
def all_sources() -> tuple[Source, ...]:
    """Every Python file of the packages and the tests, in path order."""
    paths = sorted(
        path for folder in (*PACKAGES, *TEST_FOLDERS) for path in (ROOT / folder).rglob("*.py")
    )
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
    )


def product_sources() -> list[Source]:
    """The files that are installed: everything but tests."""
    return [source for source in all_sources() if not source.is_test]


def sources_of_tests() -> list[Source]:
    """The files of tests/ and compat_tests/."""
    return [source for source in all_sources() if source.is_test]


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a chain of names, the empty text for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def is_stub_body(function: Function) -> bool:
    """Whether a function only declares: a docstring or `...` and nothing else (protocols)."""
    return all(
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        for statement in function.body
    )
