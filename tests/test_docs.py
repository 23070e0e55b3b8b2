"""Documents are held to what a program can hold: titles, links, and commands that exist.

Commands in blocks marked `console` are not run, but parsed by the very parsers that would run
them: a renamed target or option breaks the document that shows it.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator

import attrs
import pytest

from meridian_resp.config.command_line import parse_command_line
from meridian_resp.config.loading import load_command_line
from tests.tidy.sources import ROOT, sources_of_tests
from tools.bench.__main__ import parser as bench_parser
from tools.ctl.__main__ import parser as ctl_parser

TOP_LEVEL = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
DOCUMENTS = sorted(
    [ROOT / name for name in TOP_LEVEL] + list((ROOT / "docs").rglob("*.md")),
)
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
INDEX = ROOT / "docs" / "README.md"

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MAKE_IN_TEXT = re.compile(r"`make ([a-z-]+)`")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VARIABLES = set(re.findall(r"^([A-Z_]+) \?=", (ROOT / "Makefile").read_text(), re.MULTILINE))
#: Programs that are not ours; what follows them is not checked.
FOREIGN = {"redis-cli", "redis-benchmark", "curl", "git", "cd", "kill"}
ENVIRONMENT = {"HYPOTHESIS_PROFILE", "MERIDIAN_PASSWORD"}


def text_of(name: str) -> str:
    """A document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    """The text without its code blocks and code words."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def titles_of(text: str, depth: int = 1) -> list[str]:
    """The titles of this depth, outside code blocks."""
    return re.findall(rf"^#{{{depth}}} (.+)$", FENCE.sub("", text), re.MULTILINE)


def anchors_of(text: str) -> set[str]:
    """What a link may name behind #, as the usual renderers make it of the titles."""
    titles = [title for depth in range(1, 7) for title in titles_of(text, depth)]
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in kept}


def shown_commands(text: str) -> Iterator[list[str]]:
    """The command lines of console blocks, split into words."""
    for language, block in FENCE.findall(text):
        if language == "console":
            for line in block.splitlines():
                if line.startswith("$ "):
                    yield shlex.split(line[2:])


def complaint_about(words: list[str]) -> str:
    """Why a command line would not work, empty when it would."""
    while words and "=" in words[0]:
        name = words.pop(0).partition("=")[0]
        if name not in ENVIRONMENT:
            return f"nothing reads the variable {name}"
    program = words[0].removeprefix(".venv/bin/")
    try:
        if program == "make":
            return complaint_about_make(words[1:])
        if program == "meridian":
            load_options(words[1:])
        elif program == "meridian-bench":
            bench_parser().parse_args(words[1:])
        elif program == "meridian-ctl":
            ctl_parser().parse_args(words[1:])
        elif program == "python" and words[1] == "-m":
            found = importlib.util.find_spec(words[2])
            return "" if found else f"there is no module {words[2]}"
        elif program not in FOREIGN:
            return "not a program that this test knows"
    except (SystemExit, Exception) as error:
        return str(error) or "refused"
    return ""


def load_options(words: list[str]) -> None:
    """Read options of `meridian` as it would; a file that is only shown is not opened.

    Raises:
        StartError: with every mistake found.
    """
    load_command_line(attrs.evolve(parse_command_line(words), file=""))


def complaint_about_make(words: list[str]) -> str:
    """Why a call of make would not work; what it passes on to `make run` is parsed too."""
    for word in words:
        name, is_variable, value = word.partition("=")
        if is_variable:
            if name not in VARIABLES:
                return f"the Makefile has no variable {name}"
            if name == "ARGS" and "run" in words:
                load_options(shlex.split(value))
        elif word not in TARGETS:
            return f"the Makefile has no target {word}"
    return ""


@pytest.mark.parametrize("name", NAMES)
def test_document_has_one_title_and_begins_with_it(name: str) -> None:
    """The title is what an index shows; a second one is a second document."""
    text = text_of(name)
    assert len(titles_of(text)) == 1, titles_of(text)
    assert text.startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    """A link inside the project names a file that is there, and a title in it."""
    broken = []
    for link in LINK.findall(without_code(text_of(name))):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        known = anchors_of(target.read_text(encoding="utf-8")) if target.is_file() else set()
        if not target.exists() or (anchor and anchor not in known):
            broken.append(link)
    assert broken == []


def test_every_document_is_in_the_index() -> None:
    """A document that is not linked from docs/README.md is not found by those who need it."""
    linked = {
        (INDEX.parent / link.partition("#")[0]).resolve()
        for link in LINK.findall(INDEX.read_text(encoding="utf-8"))
    }
    missing = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "docs").rglob("*.md")
        if path not in linked and path != INDEX
    ]
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_shown_would_work(name: str) -> None:
    """Targets, options and sub-commands in console blocks exist."""
    wrong = {}
    for words in shown_commands(text_of(name)):
        line = " ".join(words)
        if complaint := complaint_about(words):
            wrong[line] = complaint
    assert wrong == {}
    unknown = set(MAKE_IN_TEXT.findall(FENCE.sub("", text_of(name)))) - TARGETS
    assert unknown == set()


def test_format_documents_have_an_executed_example() -> None:
    """Each format is shown in hex, and a test of its package reads the document to try it."""
    packages = ("tests/storage/", "tests/cluster/")
    tests = "".join(s.text for s in sources_of_tests() if s.path.startswith(packages))
    for path in (ROOT / "docs" / "formats").glob("*.md"):
        languages = {language for language, _ in FENCE.findall(path.read_text(encoding="utf-8"))}
        assert "hex" in languages, f"{path.name} has no example"
        assert f'"{path.name}"' in tests, f"no test reads {path.name}"


def test_the_two_commands_are_on_the_first_screen() -> None:
    """Who opens the README sees within 24 lines how to run it and how to test it."""
    first_screen = "\n".join(text_of("README.md").splitlines()[:24])
    assert "$ make run\n" in first_screen
    assert "$ make test\n" in first_screen


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("make tset", "no target tset"),
        ("make run ARGS='--prot 1'", "prot"),
        ("make run FLAGS=1", "no variable FLAGS"),
        (".venv/bin/meridian --port x", "port"),
        (".venv/bin/meridian-bench compare --fast", "2"),
        (".venv/bin/meridian-ctl wal dmup x", "2"),
        (".venv/bin/python -m tools.nothing", "no module tools.nothing"),
        ("SPEED=1 make test", "nothing reads the variable SPEED"),
        ("rm -rf data", "not a program that this test knows"),
    ],
)
def test_wrong_commands_are_noticed(line: str, complaint: str) -> None:
    """The check of commands is itself checked: each kind of mistake is found."""
    assert complaint in complaint_about(shlex.split(line))
