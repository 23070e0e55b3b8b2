"""`meridian-ctl form`: makes a cluster of the nodes in contact, or of one alone."""

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
    add_command(
        commands, "form", run, "form a cluster of the nodes in contact, or of this one alone"
    )


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Form the cluster now; two nodes and more that are in contact do so by themselves."""
    yield from run_change(options, "FORM", done="the cluster is formed")
