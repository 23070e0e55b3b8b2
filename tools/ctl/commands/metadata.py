"""`meridian-ctl metadata`: state of the log through which the cluster agrees on its map."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.ctl.cluster import cluster_of
from tools.ctl.commands import add_command
from tools.ctl.output import Line, Value
from tools.ctl.tables import table

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(commands, "metadata", run, "state of the log that the map is agreed on through")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Show what the server knows of the log: role, term, leader, voters, how far it is."""
    with cluster_of(options) as cluster:
        document = cluster.document("METADATA")
    rows = [[name.replace("_", " "), shown(value)] for name, value in document.data.items()]
    yield Line(table(("METADATA LOG", ""), rows), document.data)


def shown(value: Value) -> str:
    """A value in words."""
    if value is None or value == [] or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(shown, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(inner)}" for name, inner in value.items()) or "none"
    return str(value)
