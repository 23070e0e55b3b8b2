"""`meridian-ctl write-off`: gives up a node that is dead for good, with its keys."""

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
        commands, "write-off", run, "give up a node that is dead for good, with its keys"
    )
    command.add_argument("node", help=NODE_HELP)
    command.add_argument(
        "--lose-its-keys",
        action="store_true",
        required=True,
        help="has to be given: the keys that only this node holds are lost",
    )
    add_waiting(command)


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Let the others take over what a dead node led, without its keys."""
    done = f"{options.node} is given up; others take its places"
    yield from run_change(
        options, "WRITE-OFF", options.node, "LOSE-ITS-KEYS", done=done, waits=options.wait
    )
