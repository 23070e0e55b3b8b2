"""`meridian-ctl weight`: changes how much of the data a member should take."""

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
    command = add_command(commands, "weight", run, "how much of the data a member should take")
    command.add_argument("node", help=NODE_HELP)
    command.add_argument(
        "weight", help="0.001 to 1000, where an ordinary node has 1; 0: its own capacity-weight"
    )
    add_waiting(command)


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Set the weight; what follows from it is in the next plan."""
    node, weight = options.node, options.weight
    done = f"{node} has {f'weight {weight}' if weight.strip('0.') else 'its own weight again'}"
    yield from run_change(options, "WEIGHT", node, weight, done=done, waits=options.wait)
