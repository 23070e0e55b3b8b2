"""The rules about single files. Each takes a `Source` and returns its findings.

Why a rule is there is said where it is applied, in tests/test_tidy.py; here is only how it looks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.tidy.sources import PACKAGES, Function, Source, dotted, is_stub_body

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
LINE_CHARACTERS_MAX = 99

BANNED_MODULE_NAMES = frozenset({"utils", "util", "helpers", "common", "manager", "misc"})
WALL_CLOCKS = frozenset(
    {
        "time.time",
        "time.time_ns",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
        "date.today",
    }
)
IMPURE_MODULES = frozenset(
    {
        "asyncio",
        "multiprocessing",
        "os",
        "secrets",
        "select",
        "signal",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "trio",
    }
)
# The words are put together here so that this file does not contain them.
OPEN_WORK = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK")) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|work)/\w")
SILENCED = re.compile(r"#\s*(?:type:\s*ignore(?:\[[\w, -]*\])?|noqa(?::\s*[A-Z]+[0-9]+)?)(.*)$")
# A generator is async when its reader is; it may have nothing to wait for itself.
WAITING = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)
SLEEPS = frozenset({"time.sleep", "trio.sleep", "trio.sleep_until", "asyncio.sleep"})
#: Fixtures of pytest-trio: who asks for one of them lives in virtual time.
VIRTUAL_CLOCKS = frozenset({"autojump_clock", "mock_clock"})
KINDS = frozenset(
    {"ABC", "Enum", "IntEnum", "Flag", "IntFlag", "StrEnum", "Exception", "Protocol", "Generic"}
)
UPWARD = {
    "storage": frozenset({"cluster", "meridian_resp", "tools"}),
    "cluster": frozenset({"meridian_resp", "tools"}),
    "meridian_resp": frozenset({"tools"}),
    "tools": frozenset[str](),
}


def long_file(source: Source) -> list[str]:
    """The file, when it is longer than the limit."""
    count = len(source.lines)
    return [f"{source.path}: {count} lines"] if count > FILE_LINES_MAX else []


def long_functions(source: Source) -> list[str]:
    """Functions longer than the limit, decorators not counted."""
    return [
        source.at(function, f"{function.name} has {length} lines")
        for function in source.functions()
        if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    ]


def long_lines(source: Source) -> list[str]:
    """Lines with more characters than the limit."""
    return [
        f"{source.path}:{number}: {len(line)} characters"
        for number, line in enumerate(source.lines, 1)
        if len(line) > LINE_CHARACTERS_MAX
    ]


def missing_module_docstring(source: Source) -> list[str]:
    """The file, when it does not open with a docstring."""
    has_text = bool(source.text.strip())
    return (
        [f"{source.path}: no docstring"] if has_text and not ast.get_docstring(source.tree) else []
    )


def missing_public_docstrings(source: Source) -> list[str]:
    """Public functions and classes of the module that say nothing about themselves."""
    return [
        source.at(node, f"{node.name} has no docstring")
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]


def missing_test_docstrings(source: Source) -> list[str]:
    """Tests that do not say what must hold."""
    return [
        source.at(function, f"{function.name} has no docstring")
        for function in source.functions()
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]


def banned_module_name(source: Source) -> list[str]:
    """A module or package called after nothing in particular."""
    parts = source.module.split(".")
    return [f"{source.path}: {part}" for part in parts if part in BANNED_MODULE_NAMES]


def prints(source: Source) -> list[str]:
    """Calls of print."""
    return [source.at(call, "print") for call in calls_of(source, frozenset({"print"}))]


def wall_clocks(source: Source) -> list[str]:
    """Readings of the wall clock, called or handed on as a function."""
    aliases = {alias for _, alias in source.imports() if alias in {"time.time", "time.time_ns"}}
    found = [
        source.at(node, dotted(node))
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and dotted(node) in WALL_CLOCKS
    ]
    return found + [f"{source.path}: from {alias}" for alias in sorted(aliases)]


def impure_imports(source: Source) -> list[str]:
    """Imports through which a core would see the world; module-level chance too."""
    found = [
        source.at(node, f"imports {name}")
        for node, name in source.imports()
        if name.split(".", 1)[0] in IMPURE_MODULES
    ]
    return found + global_chance(source)


def global_chance(source: Source) -> list[str]:
    """Uses of the process-wide random generator; `random.Random` itself is fine."""
    found = [
        source.at(node, dotted(node))
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and dotted(node).startswith("random.")
        and dotted(node).count(".") == 1
        and node.attr != "Random"
        and any(name == "random" for _, name in source.imports())
    ]
    return found + [
        source.at(node, name)
        for node, name in source.imports()
        if name.startswith("random.") and name != "random.Random"
    ]


def open_work(source: Source) -> list[str]:
    """Marks of unfinished work, and functions that refuse to be called."""
    found = [
        f"{source.path}:{number}: {match.group(1)}"
        for number, line in enumerate(source.lines, 1)
        if (match := OPEN_WORK.search(line))
    ]
    return found + [
        source.at(node, "NotImplementedError")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Raise)
        and node.exc is not None
        and dotted(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        == "NotImplementedError"
    ]


def machine_paths(source: Source) -> list[str]:
    """Paths that exist on one machine only."""
    return [
        f"{source.path}:{number}: {line.strip()}"
        for number, line in enumerate(source.lines, 1)
        if MACHINE_PATH.search(line)
    ]


def silenced_without_reason(source: Source) -> list[str]:
    """Silenced checkers without a word why behind the code."""
    return [
        f"{source.path}:{number}: {match.group(0)}"
        for number, line in enumerate(source.lines, 1)
        if (match := SILENCED.search(line)) and not match.group(1).strip(" #-,:")
    ]


def stored_nurseries(source: Source) -> list[str]:
    """Nurseries kept on an object, where nobody sees any more who owns the tasks."""
    found = []
    for node in ast.walk(source.tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        found += [
            source.at(node, dotted(target))
            for target in targets
            if dotted(target).startswith("self.") and "nursery" in dotted(target)
        ]
    return found


def untyped_public_names(source: Source) -> list[str]:
    """Public functions and methods with `Any` in their signature."""
    found = []
    for function, owner in public_functions(source):
        arguments = function.args
        annotations = [
            argument.annotation
            for argument in (
                *arguments.posonlyargs,
                *arguments.args,
                *arguments.kwonlyargs,
                *filter(None, (arguments.vararg, arguments.kwarg)),
            )
        ]
        for annotation in filter(None, (*annotations, function.returns)):
            if any(dotted(node) in {"Any", "typing.Any"} for node in ast.walk(annotation)):
                found.append(source.at(function, f"{owner}{function.name} takes or gives Any"))
    return found


def async_without_await(source: Source) -> list[str]:
    """Coroutines that cannot block: they could be plain functions."""
    return [
        source.at(function, f"async {function.name} never waits")
        for function in source.functions()
        if isinstance(function, ast.AsyncFunctionDef)
        and not is_stub_body(function)
        and not any(
            isinstance(node, WAITING) or (isinstance(node, ast.comprehension) and node.is_async)
            for statement in function.body
            for node in ast.walk(statement)
        )
    ]


def several_bases(source: Source) -> list[str]:
    """Classes put together from more than one concrete base."""
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [ast.unparse(base).split("[", 1)[0] for base in node.bases]
        concrete = [base for base in bases if base.rsplit(".", 1)[-1] not in KINDS]
        if len(concrete) > 1:
            found.append(source.at(node, f"{node.name} has the bases {', '.join(concrete)}"))
    return found


def sleeps(source: Source) -> list[str]:
    """Calls that let real time pass; below a virtual clock trio's sleeps take none."""
    virtual = {
        call
        for function in source.functions()
        if VIRTUAL_CLOCKS & {argument.arg for argument in function.args.args}
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and dotted(call.func).startswith("trio.")
    }
    return [
        source.at(call, dotted(call.func))
        for call in calls_of(source, SLEEPS)
        if call not in virtual
    ]


def upward_imports(source: Source) -> list[str]:
    """Imports against the direction tools > meridian_resp > cluster > storage."""
    banned = UPWARD.get(source.top, frozenset(PACKAGES) | {"tests"})
    return [
        source.at(node, f"imports {name}")
        for node, name in source.imports()
        if name.split(".", 1)[0] in banned | {"tests", "compat_tests"} - {source.top}
    ]


def calls_of(source: Source, names: frozenset[str]) -> Iterator[ast.Call]:
    """Every call of one of these dotted names."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and dotted(node.func) in names:
            yield node


def public_functions(source: Source) -> Iterator[tuple[Function, str]]:
    """Public functions of the module and public methods of its public classes."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("_"):
                yield node, ""
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for member in node.body:
                if isinstance(
                    member, ast.FunctionDef | ast.AsyncFunctionDef
                ) and not member.name.startswith("_"):
                    yield member, f"{node.name}."
