"""The command line: `meridian [FILE] [--name value...]...`, in the manner of redis-server.

The options are the table. Words after `--name` belong to it until the next word that begins with
`--`, so `--save 900 1 --port 7401` works as with Redis; `--name=value` gives exactly one word,
which may begin with anything.
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable, Sequence

import attrs

from meridian_resp.config.errors import StartError
from meridian_resp.config.parameters import names
from meridian_resp.config.sources import Assignment, Origin, Provenance

_SUGGESTIONS_MAX = 3


class Action(enum.Enum):
    """What the user wants."""

    SERVE = "serve"
    HELP = "help"
    VERSION = "version"


@attrs.frozen
class CommandLine:
    """A command line taken apart; names are not looked up yet.

    `file` is the path of the configuration file, `-` for standard input, empty for none.
    """

    action: Action = Action.SERVE
    file: str = ""
    assignments: tuple[Assignment, ...] = ()


def parse_command_line(arguments: Sequence[str]) -> CommandLine:
    """Take the words after the program's name apart.

    Raises:
        StartError: a word that belongs to no option, or two files.
    """
    if any(word in ("-h", "--help") for word in arguments):
        return CommandLine(action=Action.HELP)
    if any(word in ("-v", "--version") for word in arguments):
        return CommandLine(action=Action.VERSION)
    rest = list(arguments)
    files = [rest.pop(0)] if rest and _is_file(rest[0]) else []
    assignments: list[Assignment] = []
    while rest:
        option = rest.pop(0)
        if not option.startswith("--") or option == "--":
            raise StartError((f"{option} belongs to no option; options begin with --",))
        name, equals, value = option[2:].partition("=")
        values = [value] if equals else _take_values(rest)
        if name == "config":
            if len(values) != 1:
                raise StartError(("--config needs one value, the path of a file",))
            files += values
        else:
            provenance = Provenance(Origin.ARGUMENT, f"--{name}")
            assignments.append(Assignment(name, tuple(values), provenance))
    if len(files) > 1:
        raise StartError((f"one configuration file can be given, not {' and '.join(files)}",))
    return CommandLine(file="".join(files), assignments=tuple(assignments))


def unknown_option(name: str, prefix: str = "--") -> str:
    """Say that a name is unknown, and which known ones look like it."""
    shown = [known.replace("-", "_") if "_" in name else known for known in names()]
    close = difflib.get_close_matches(name.lower(), shown, n=_SUGGESTIONS_MAX, cutoff=0.7)
    hint = f"; did you mean {_alternatives(prefix + match for match in close)}?" if close else ""
    return f"{prefix}{name} is not an option of meridian{hint}"


def _is_file(word: str) -> bool:
    return word == "-" or not word.startswith("-")


def _take_values(rest: list[str]) -> list[str]:
    values: list[str] = []
    while rest and not rest[0].startswith("--"):
        values.append(rest.pop(0))
    return values


def _alternatives(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
