"""`meridian-ctl ring`: how evenly the load is spread over the members, by their weights."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.ctl.cluster import Ring, cluster_of
from tools.ctl.commands import add_command
from tools.ctl.output import Line
from tools.ctl.tables import decimals, short_ids, table

if TYPE_CHECKING:
    from tools.ctl.commands import Commands

HEADINGS = (
    "NODE", "PLACE", "WEIGHT", "VNODES", "SHARE", "SHOULD LEAD", "LEADS", "HOLDS",
)  # fmt: skip


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(commands, "ring", run, "how evenly the load is spread over the members")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Show for each member what it should lead by its weight, and what it does."""
    with cluster_of(options) as cluster:
        document = cluster.document("RING")
    ring = document.shaped(Ring)
    names = short_ids(node.node for node in ring.nodes)
    rows = [
        [
            names[node.node],
            "/".join(name for name in (node.datacenter, node.rack, node.machine) if name),
            decimals(node.weight, 3),
            str(node.virtual_nodes),
            f"{node.share:.1%}",
            decimals(node.leads_wanted, 1),
            str(node.leads),
            str(node.holds),
        ]
        for node in ring.nodes
    ]
    summary = (
        f"\n{ring.partitions} partitions at epoch {ring.epoch}; the busiest node leads"
        f" {decimals(ring.most_over_share)} times its share"
    )
    yield Line(table(HEADINGS, rows) + summary, document.data)
