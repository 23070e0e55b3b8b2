"""`meridian-ctl config get|set|rewrite`: parameters of a running server."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.connection import as_list
from tools.ctl.commands import add_command, add_group
from tools.ctl.login import connect
from tools.ctl.output import Failure, Line, readable

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    verbs = add_group(commands, "config", "parameters of a running server")
    get = add_command(verbs, "get", run_get, "show parameters whose names match a pattern")
    get.add_argument("pattern", nargs="+", help="a name, or a pattern such as 'max*'")
    put = add_command(verbs, "set", run_set, "change parameters until the next start")
    put.add_argument("words", nargs="+", metavar="NAME VALUE", help="all are changed, or none")
    add_command(verbs, "rewrite", run_rewrite, "write the changes to the server's own file")


def run_get(options: argparse.Namespace) -> Iterator[Line]:
    """Show every parameter that matches.

    Raises:
        Failure: none does.
    """
    with connect(options) as connection:
        answer = connection.call("CONFIG", "GET", *options.pattern)
    words = [readable(word) for word in as_list(answer) if isinstance(word, bytes)]
    if not words:
        raise Failure(f"no parameter is called {' or '.join(options.pattern)}")
    for name, value in sorted(zip(words[::2], words[1::2], strict=True)):
        yield Line(f"{name} = {value}", {"name": name, "value": value})


def run_set(options: argparse.Namespace) -> Iterator[Line]:
    """Change parameters; the server refuses wrong values with their bounds.

    Raises:
        Failure: a name has no value.
    """
    words = options.words
    if len(words) % 2:
        raise Failure(f"{words[-1]} has no value; give NAME VALUE pairs", code=2)
    with connect(options) as connection:
        connection.call("CONFIG", "SET", *words)
    for name, value in zip(words[::2], words[1::2], strict=True):
        yield Line(f"{name} = {value}", {"name": name, "value": value})


def run_rewrite(options: argparse.Namespace) -> Iterator[Line]:
    """Let the server write its configuration file."""
    with connect(options) as connection:
        connection.call("CONFIG", "REWRITE")
    yield Line("rewritten", {"rewritten": True})
