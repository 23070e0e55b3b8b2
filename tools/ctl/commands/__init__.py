"""The commands of `meridian-ctl`, one module each: `add(commands)` and what runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tools.ctl.general import add_general
from tools.ctl.output import Line

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

Run = Callable[[argparse.Namespace], Iterator[Line]]


def add_command(commands: Commands, name: str, run: Run, text: str) -> argparse.ArgumentParser:
    """Add a command (or one of its verbs); general options may stand before it or behind it."""
    command = _added(commands, name, text)
    command.set_defaults(run=run)
    return command


def add_group(commands: Commands, name: str, text: str) -> Commands:
    """Add a command that has verbs of its own."""
    return _added(commands, name, text).add_subparsers(required=True, dest="verb")


def _added(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    # Suppressed, so that the command does not undo what stands before it.
    none = argparse.SUPPRESS
    add_general(parser, server=none, password=none, json=none)
    return parser
