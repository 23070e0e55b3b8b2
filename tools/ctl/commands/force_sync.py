"""`meridian-ctl force-sync`: lets the server exchange membership tables with everybody now."""

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
    add_command(commands, "force-sync", run, "exchange membership tables with every node now")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Push and pull the whole table; gossip does the same by itself, only later."""
    yield from run_change(options, "FORCE-SYNC", done="exchanging tables with every live node")
