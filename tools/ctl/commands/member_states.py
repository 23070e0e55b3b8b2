"""`meridian-ctl drain|decommission|activate`: takes members out of service and back."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.ctl.changes import add_waiting, run_change
from tools.ctl.commands import add_command
from tools.ctl.output import Line

if TYPE_CHECKING:
    from tools.ctl.commands import Commands

NODE_HELP = "its id, or the beginning of it"


def add(commands: Commands) -> None:
    """Add the three commands."""
    drain = add_command(
        commands, "drain", run_drain, "give a node nothing more and move away what it holds"
    )
    decommission = add_command(
        commands, "decommission", run_decommission, "drain a node and remove it when it is empty"
    )
    activate = add_command(commands, "activate", run_activate, "take drain or decommission back")
    for command in (drain, decommission, activate):
        command.add_argument("node", help=NODE_HELP)
        add_waiting(command)


def run_drain(options: argparse.Namespace) -> Iterator[Line]:
    """Let a node be emptied; it stays a member."""
    yield from run_change(
        options, "DRAIN", options.node, done=f"{options.node} is drained", waits=options.wait
    )


def run_decommission(options: argparse.Namespace) -> Iterator[Line]:
    """Let a node be emptied and then removed for good."""
    done = f"{options.node} is removed once it is empty"
    yield from run_change(options, "DECOMMISSION", options.node, done=done, waits=options.wait)


def run_activate(options: argparse.Namespace) -> Iterator[Line]:
    """Let a node take its share again."""
    done = f"{options.node} takes its share again"
    yield from run_change(options, "ACTIVATE", options.node, done=done, waits=options.wait)
