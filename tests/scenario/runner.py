"""Scenario files: a story in commands, with what must come out of each.

    # Comments tell the story.
    verb argument name=value
    ----
    what is expected, up to the next empty line

A file is split into blocks at empty lines. A block is comments, one command, the mark `----` and
the expected output, `ok` when there is none. `check` compares a whole file, `rewrite` writes the
output found into it; who rewrites reads the difference before committing it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

MARK = "----"
#: Set to anything to write what comes out into the files instead of comparing.
REWRITE_VARIABLE = "REWRITE_SCENARIOS"

Verb = Callable[["Command"], str]


@attrs.frozen
class Command:
    """One command of a scenario: `verb`, plain `arguments` and `name=value` options."""

    verb: str
    arguments: tuple[str, ...]
    options: Mapping[str, str]

    @classmethod
    def parse(cls, line: str) -> Command:
        """Split a command line at white space."""
        verb, *words = line.split()
        options = dict(word.split("=", 1) for word in words if "=" in word)
        return cls(verb, tuple(word for word in words if "=" not in word), options)


@attrs.frozen
class Block:
    """A command with the comments before it and the output after it."""

    comments: tuple[str, ...]
    line: str
    expected: str
    number: int

    def text(self, output: str) -> str:
        """The block as it stands in a file."""
        head = [*self.comments, self.line] if self.line else list(self.comments)
        return "\n".join([*head, MARK, output] if self.line else head)


def verbs_of(scenario: object) -> dict[str, Verb]:
    """Every verb of a scenario: its methods `do_some_thing` are verbs `some-thing`."""
    return {
        name.removeprefix("do_").replace("_", "-"): getattr(scenario, name)
        for name in dir(scenario)
        if name.startswith("do_")
    }


def parse(text: str) -> list[Block]:
    """Split a scenario into blocks; a block of comments alone has no command.

    Raises:
        ValueError: a command without the mark, or several commands in one block.
    """
    blocks: list[Block] = []
    lines: list[tuple[int, str]] = []
    for number, line in [*enumerate(text.splitlines(), 1), (0, "")]:
        if line.strip():
            lines.append((number, line.rstrip()))
        elif lines:
            blocks.append(_block(lines))
            lines = []
    return blocks


def _block(lines: list[tuple[int, str]]) -> Block:
    first = lines[0][0]
    texts = [text for _, text in lines]
    head, expected = texts, ""
    if MARK in texts:
        place = texts.index(MARK)
        head, expected = texts[:place], "\n".join(texts[place + 1 :])
    comments = tuple(text for text in head if text.startswith("#"))
    commands = [text for text in head if not text.startswith("#")]
    if len(commands) > 1 or bool(commands) != (MARK in texts):
        raise ValueError(f"line {first}: a block is comments, one command, {MARK} and output")
    return Block(comments, commands[0] if commands else "", expected, first)


def play(blocks: list[Block], verbs: Mapping[str, Verb]) -> list[tuple[Block, str]]:
    """Run the commands in order and return what came out of each."""
    played = []
    for block in blocks:
        output = ""
        if block.line:
            command = Command.parse(block.line)
            if command.verb not in verbs:
                known = ", ".join(sorted(verbs))
                raise ValueError(f"line {block.number}: no verb {command.verb} among {known}")
            output = verbs[command.verb](command).rstrip() or "ok"
        played.append((block, output))
    return played


def check(path: Path, verbs: Mapping[str, Verb]) -> None:
    """Play a file and compare, or rewrite it where the environment asks for that."""
    played = play(parse(path.read_text(encoding="utf-8")), verbs)
    if REWRITE_VARIABLE in os.environ:
        text = "\n\n".join(block.text(output) for block, output in played) + "\n"
        path.write_text(text, encoding="utf-8")
        return
    for block, output in played:
        where = f"{path.name}:{block.number}: {block.line}"
        assert block.expected == output, f"{where}\nexpected:\n{block.expected}\nfound:\n{output}"
