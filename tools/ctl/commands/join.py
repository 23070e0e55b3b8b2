"""`meridian-ctl join`: lets the server make contact with other nodes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.ctl.changes import run_change
from tools.ctl.commands import add_command
from tools.ctl.output import Line

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(commands, "join", run, "make contact with other nodes")
    command.add_argument(
        "nodes",
        nargs="+",
        metavar="HOST[:PORT]",
        help="gossip addresses; one node of the cluster is enough, more are asked if it is silent",
    )


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Make contact; who belongs together then becomes one cluster by itself."""
    done = f"making contact with {', '.join(options.nodes)}; nodes shows who has answered"
    yield from run_change(options, "JOIN", *options.nodes, done=done)
