"""`meridian-ctl replace`: lets a new node take all places of another one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.ctl.changes import add_waiting, run_change
from tools.ctl.commands import add_command
from tools.ctl.commands.member_states import NODE_HELP
from tools.ctl.output import Line

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands, "replace", run, "let a member take all places of another, which then leaves"
    )
    command.add_argument("old", help=f"the node that goes: {NODE_HELP}")
    command.add_argument("new", help="the member that takes over; let it join first")
    add_waiting(command)


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Replace a node; what a dead one leads waits for it, its other places are taken over."""
    old, new = options.old, options.new
    yield from run_change(
        options, "REPLACE", old, new, done=f"{new} takes the places of {old}", waits=options.wait
    )
