"""`meridian-ctl phi`: how surprising the silence of each watched node is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.ctl.cluster import Phi, cluster_of
from tools.ctl.commands import add_command
from tools.ctl.output import Line
from tools.ctl.tables import decimals, table

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(commands, "phi", run, "how surprising the silence of each watched node is")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Show phi of the nodes whose heartbeats the server gets; others are watched by others."""
    with cluster_of(options) as cluster:
        document = cluster.document("PHI")
    rows = [
        [it.node, it.level, decimals(it.phi), f"{it.age_s:.2f} s"]
        for it in document.shaped(list[Phi])
    ]
    text = table(("NODE", "LEVEL", "PHI", "LAST HEARTBEAT"), rows) if rows else "watches nobody"
    yield Line(text, document.data)
