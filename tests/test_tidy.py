"""Structure that a program can check is checked here, one function per rule.

Good will does not keep a code base in order for long; a red test does. Every rule says why it is
there. What may differ, and why, is in tests/tidy/exceptions.py; that the rules bite is shown in
tests/tidy/test_rules.py.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping

import pytest

from tests.tidy import exceptions, rules
from tests.tidy.sources import (
    PACKAGES,
    ROOT,
    Source,
    all_sources,
    product_sources,
    sources_of_tests,
)

Rule = Callable[[Source], list[str]]


def hold(rule: Rule, sources: Iterable[Source], allowed: Mapping[str, str] | None = None) -> None:
    """The rule finds nothing outside the allowed files, and every allowed file needs it."""
    allowed = allowed or {}
    found = {source.path: rule(source) for source in sources}
    wrong = [finding for path in found if path not in allowed for finding in found[path]]
    assert wrong == [], "\n" + "\n".join(wrong)
    stale = [path for path in allowed if not found.get(path)]
    assert stale == [], f"no longer an exception, take it off the list: {stale}"


def test_files_are_short() -> None:
    """At most 500 lines: a longer file has two subjects, and nobody reads it to the end."""
    hold(rules.long_file, all_sources())


def test_functions_are_short() -> None:
    """At most 60 lines: a function fits on a screen, so its invariant can be seen at once."""
    hold(rules.long_functions, all_sources())


def test_lines_are_short() -> None:
    """At most 99 characters: two files stand side by side in a review."""
    hold(rules.long_lines, all_sources())


def test_modules_say_what_they_are() -> None:
    """Every module opens with a docstring: the reader learns its idea before its code.

    A test file is named after its module, which says enough.
    """
    hold(rules.missing_module_docstring, product_sources())


def test_public_names_are_documented() -> None:
    """Public functions and classes have a docstring: shapes, units and errors are a promise."""
    hold(rules.missing_public_docstrings, product_sources())


def test_tests_say_what_must_hold() -> None:
    """Every test has a docstring: who breaks it must know what was promised."""
    hold(rules.missing_test_docstrings, sources_of_tests())


def test_modules_are_named_by_a_noun() -> None:
    """No utils, helpers, common: such a module has no subject and grows for ever."""
    hold(rules.banned_module_name, product_sources())


def test_only_tools_print() -> None:
    """A server logs; print goes to wherever stdout happens to be, without level or time."""
    server = [
        source
        for source in product_sources()
        if source.top != "tools" and not source.path.endswith("/__main__.py")
    ]
    hold(rules.prints, server)


def test_wall_clock_is_read_in_named_places() -> None:
    """Hidden time cannot be simulated: the clock is handed in, except by the listed files."""
    hold(rules.wall_clocks, product_sources(), exceptions.WALL_CLOCK)


def test_cores_are_pure() -> None:
    """A core without clock, chance, files or sockets replays bit for bit from a seed."""
    hold(rules.impure_imports, core_sources())


def test_list_of_cores_is_current() -> None:
    """Every name on the list of cores exists: a renamed core must not slip out of its rule."""
    missing = [name for name in exceptions.CORES if not (ROOT / name).exists()]
    assert missing == [], missing
    not_inside = [name for name in exceptions.NOT_CORES if not name.startswith(exceptions.CORES)]
    assert not_inside == [], not_inside


def test_tests_use_no_global_chance() -> None:
    """Tests are deterministic: chance comes from a seeded generator, printed on failure."""
    hold(rules.global_chance, sources_of_tests())


def test_tests_do_not_sleep() -> None:
    """A sleep is either too short (the test is flaky) or too long (the run is slow)."""
    hold(rules.sleeps, sources_of_tests(), exceptions.SLEEPS)


def test_nothing_is_left_open() -> None:
    """Open work goes to an issue, where it is seen; a function that refuses is not a feature."""
    hold(rules.open_work, all_sources())


def test_no_machine_paths() -> None:
    """The project runs anywhere: no path of one developer's machine is written into it."""
    hold(rules.machine_paths, all_sources())


def test_silenced_checks_have_a_reason() -> None:
    """`type: ignore` and `noqa` hide errors; the reason behind them must be readable."""
    hold(rules.silenced_without_reason, all_sources())


def test_nurseries_stay_with_their_function() -> None:
    """A nursery belongs to the function that opened it, so that a task's owner can be read."""
    hold(rules.stored_nurseries, product_sources(), exceptions.STORED_NURSERY)


def test_public_signatures_are_typed() -> None:
    """No Any in a public signature: it switches the type checker off for every caller."""
    hold(rules.untyped_public_names, product_sources())


def test_async_means_may_block() -> None:
    """Only functions that may block are async: an await is where other tasks run."""
    hold(rules.async_without_await, product_sources(), exceptions.ASYNC_WITHOUT_AWAIT)


def test_no_mixins() -> None:
    """At most one concrete base: a mixin hopes for attributes that nobody promises."""
    hold(rules.several_bases, product_sources(), exceptions.SEVERAL_BASES)


def test_imports_point_downwards() -> None:
    """tools > meridian_resp > cluster > storage, and nobody imports tests."""
    hold(rules.upward_imports, product_sources())


def test_compatibility_tests_are_a_black_box() -> None:
    """compat_tests would test our assumptions and not the wire if it imported our code."""
    hold(rules.upward_imports, [s for s in sources_of_tests() if s.top == "compat_tests"])


def test_modules_are_tested_by_a_file_of_their_own() -> None:
    """storage/bloom.py is tested in tests/storage/test_bloom.py: the gap is seen in a listing."""
    tests = {source.path for source in sources_of_tests()}
    untested = {
        source.path
        for source in product_sources()
        if not source.path.endswith("/__init__.py") and not tests & names_of_test(source, tests)
    }
    wrong = sorted(untested - exceptions.NO_TEST_FILE.keys())
    assert wrong == [], "\n" + "\n".join(wrong)
    assert sorted(exceptions.NO_TEST_FILE.keys() - untested) == []


def test_test_files_belong_to_a_module() -> None:
    """A test file without a module tests something that was moved or never was."""
    product = product_sources()
    tests = {s.path for s in sources_of_tests() if s.path.startswith("tests/")}
    owned = {name for source in product for name in names_of_test(source, tests)}
    harness = {path for path in tests if path.startswith("tests/harness/")}
    lost = {p for p in tests if p.rsplit("/", 1)[1].startswith("test_")} - owned - harness
    wrong = sorted(lost - exceptions.NO_MODULE.keys())
    assert wrong == [], "\n" + "\n".join(wrong)
    assert sorted(exceptions.NO_MODULE.keys() - lost) == []


@pytest.mark.process
@pytest.mark.skipif(
    not (ROOT / "storage/compaction/worker.py").exists(), reason="there is no worker yet"
)
def test_worker_processes_start_without_trio() -> None:
    """A compaction worker starts often and must not pay for loading the event loop."""
    program = "import sys, storage.compaction.worker; print('trio' in sys.modules)"
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "False"


def core_sources() -> list[Source]:
    """The files of the pure cores."""
    return [
        source
        for source in product_sources()
        if source.path.startswith(exceptions.CORES) and source.path not in exceptions.NOT_CORES
    ]


def names_of_test(source: Source, tests: set[str]) -> set[str]:
    """The test files of a module: test_x.py, and test_x_subject.py when there are several."""
    folder, _, name = source.path.rpartition("/")
    stem = name.removesuffix(".py").strip("_")
    if name == "__init__.py":
        folder, _, stem = folder.rpartition("/")
    prefix = "/".join(part for part in ("tests", folder, f"test_{stem}") if part)
    return {path for path in tests if path == f"{prefix}.py" or path.startswith(f"{prefix}_")}


def test_packages_are_the_known_ones() -> None:
    """A new top-level package must be entered in the layers, the types and this test."""
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "compat_tests"}
    assert found <= set(PACKAGES)
