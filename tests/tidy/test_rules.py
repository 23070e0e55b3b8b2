"""Each rule of the tidy test finds what it forbids and lets the allowed neighbour pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tidy import rules
from tests.tidy.sources import ROOT, Source, all_sources

# Forbidden words are put together, so that this file does not contain them.
LATER = "TO" + "DO"
IGNORE = "# type: " + "ignore[misc]"
SILENT = "# no" + "qa: E501"
PATH = "/ho" + "me/somebody/x"

CASES: list[tuple[Callable[[Source], list[str]], str, str]] = [
    (rules.long_file, "a = 1\n" * 501, "a = 1\n" * 500),
    (rules.long_functions, "def f():\n" + "    a = 1\n" * 60, "def f():\n" + "    a = 1\n" * 59),
    (rules.long_lines, "#" * 100, "#" * 99),
    (rules.missing_module_docstring, "a = 1", '"""About a."""\na = 1'),
    (rules.missing_public_docstrings, "def f(): pass", "def _f(): pass"),
    (rules.missing_public_docstrings, "class A: pass", 'class A:\n    """An a."""'),
    (rules.missing_test_docstrings, "def test_f(): pass", 'def test_f():\n    """It holds."""'),
    (rules.prints, "print(1)", "a.print(1)"),
    (rules.wall_clocks, "import time\ntime.time()", "import time\ntime.monotonic()"),
    (rules.wall_clocks, "clock = time.time_ns", "clock = time.monotonic_ns"),
    (rules.wall_clocks, "from time import time", "from time import monotonic"),
    (rules.wall_clocks, "datetime.now(UTC)", "datetime.fromtimestamp(1, UTC)"),
    (rules.impure_imports, "import trio.lowlevel", "import math"),
    (rules.impure_imports, "from os import path", "from posixpath import join"),
    (rules.impure_imports, "import random\nrandom.random()", "import random\nrandom.Random(1)"),
    (rules.global_chance, "from random import choice", "from random import Random"),
    (rules.open_work, f"# {LATER}: later", "# done"),
    (rules.open_work, "raise NotImplementedError", "raise ValueError"),
    (rules.open_work, "raise NotImplementedError('x')", "raise ValueError('x')"),
    (rules.machine_paths, f'a = "{PATH}"', 'a = "./data/x"'),
    (rules.silenced_without_reason, f"a = 1  {IGNORE}", f"a = 1  {IGNORE} - untyped library"),
    (rules.silenced_without_reason, f"a = 1  {SILENT}", f"a = 1  {SILENT} - one long URL"),
    (rules.stored_nurseries, "self.nursery = nursery", "nursery = open_nursery()"),
    (rules.stored_nurseries, "self._nursery: object = n", "self._tasks: object = n"),
    (rules.untyped_public_names, "def f(a: Any): pass", "def f(a: int): pass"),
    (rules.untyped_public_names, "def f() -> list[Any]: pass", "def _f() -> list[Any]: pass"),
    (rules.untyped_public_names, "class A:\n def f(self, *a: Any): pass", "class A: pass"),
    (rules.async_without_await, "async def f(): return 1", "async def f(): await g()"),
    (rules.async_without_await, "async def f():\n a = 1", "async def f(): ..."),
    (rules.several_bases, "class A(B, C): pass", "class A(B, Protocol): pass"),
    (rules.several_bases, "class A(B[int], C): pass", "class A(B, Generic[T]): pass"),
    (rules.sleeps, "trio.sleep(1)", "trio.lowlevel.checkpoint()"),
    (rules.sleeps, "def f(): trio.sleep(1)", "def f(autojump_clock): trio.sleep(1)"),
    (rules.sleeps, "def f(mock_clock): time.sleep(1)", "def f(mock_clock): trio.sleep_until(1)"),
]


@pytest.mark.parametrize(("rule", "bad", "good"), CASES)
def test_rule_bites_and_spares(rule: Callable[[Source], list[str]], bad: str, good: str) -> None:
    """The first text breaks the rule, the second does not."""
    assert rule(Source("storage/sample.py", bad)) != []
    assert rule(Source("storage/sample.py", good)) == []


def test_module_names_without_a_subject_are_found() -> None:
    """A module called helpers is refused wherever it stands."""
    assert rules.banned_module_name(Source("storage/helpers.py", "")) != []
    assert rules.banned_module_name(Source("storage/common/bloom.py", "")) != []
    assert rules.banned_module_name(Source("storage/bloom.py", "")) == []


@pytest.mark.parametrize(
    ("path", "imported", "allowed"),
    [
        ("storage/a.py", "cluster.ring", False),
        ("storage/a.py", "storage.bloom", True),
        ("cluster/a.py", "meridian_resp.errors", False),
        ("cluster/a.py", "storage", True),
        ("meridian_resp/a.py", "tools.bench", False),
        ("tools/a.py", "meridian_resp.protocol", True),
        ("tools/a.py", "tests.harness", False),
        ("compat_tests/a.py", "storage", False),
        ("compat_tests/a.py", "tests.harness", False),
        ("compat_tests/a.py", "compat_tests.both", True),
    ],
)
def test_imports_point_downwards_only(path: str, imported: str, allowed: bool) -> None:
    """The direction is tools > meridian_resp > cluster > storage; compat_tests see nothing."""
    assert (rules.upward_imports(Source(path, f"import {imported}")) == []) is allowed


def test_all_files_are_read() -> None:
    """The list of sources holds this very file and files of the product."""
    paths = {source.path for source in all_sources()}
    assert "tests/tidy/test_rules.py" in paths
    assert "tools/__init__.py" in paths
    assert all((ROOT / path).is_file() for path in paths)
