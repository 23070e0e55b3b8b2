"""`meridian-ctl settings`: what holds for the whole cluster, and changing it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.ctl.changes import run_change
from tools.ctl.cluster import cluster_of
from tools.ctl.commands import add_command, add_group
from tools.ctl.output import Line
from tools.ctl.tables import table

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    verbs = add_group(commands, "settings", "settings and features of the whole cluster")
    add_command(verbs, "get", run_get, "show all that were set")
    put = add_command(verbs, "set", run_set, "change a setting on all nodes")
    put.add_argument("name", help="auto-rebalance: yes or no")
    put.add_argument("value")
    unset = add_command(verbs, "unset", run_unset, "give a setting its usual value again")
    unset.add_argument("name")
    feature = add_command(verbs, "feature", run_feature, "switch a feature on all nodes")
    feature.add_argument("name")
    feature.add_argument("switch", choices=("on", "off"))
    unpin = add_command(
        verbs, "unpin", run_unpin, "let the planner decide again about slots placed by hand"
    )
    unpin.add_argument("slots", nargs="+", metavar="SLOTS", help="slots and ranges: 0-99 200")


def run_get(options: argparse.Namespace) -> Iterator[Line]:
    """Show settings and features."""
    with cluster_of(options) as cluster:
        status = cluster.status()
    rows = [[name, value] for name, value in sorted(status.settings.items())]
    rows += [[f"feature {name}", "on"] for name in status.features]
    text = table(("SETTING", "VALUE"), rows) if rows else "nothing was set"
    yield Line(text, {"settings": status.settings, "features": status.features})


def run_set(options: argparse.Namespace) -> Iterator[Line]:
    """Set a setting."""
    name, value = options.name, options.value
    yield from run_change(options, "SETTING", name, value, done=f"{name} = {value}")


def run_unset(options: argparse.Namespace) -> Iterator[Line]:
    """Remove a setting."""
    name = options.name
    yield from run_change(options, "SETTING", name, "", done=f"{name} has its usual value again")


def run_feature(options: argparse.Namespace) -> Iterator[Line]:
    """Switch a feature."""
    name, switch = options.name, options.switch
    yield from run_change(options, "FEATURE", name, switch, done=f"feature {name} is {switch}")


def run_unpin(options: argparse.Namespace) -> Iterator[Line]:
    """Unpin slots."""
    slots = options.slots
    yield from run_change(options, "UNPIN", *slots, done=f"{' '.join(slots)} are placed by plan")
