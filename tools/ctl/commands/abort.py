"""`meridian-ctl abort`: gives up moves of partitions while there is a way back."""

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
    command = add_command(
        commands, "abort", run, "give up the move of a partition, as long as there is a way back"
    )
    command.add_argument("partition", type=int, help="its number, from map --moves")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Abort one move."""
    number = options.partition
    done = f"partition {number} stays where it was"
    yield from run_change(options, "ABORT", str(number), done=done)
