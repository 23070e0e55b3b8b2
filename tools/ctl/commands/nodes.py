"""`meridian-ctl nodes`: every node that the server knows, and how it is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.ctl.cluster import Node, cluster_of
from tools.ctl.commands import add_command
from tools.ctl.output import Line
from tools.ctl.tables import decimals, table

if TYPE_CHECKING:
    from tools.ctl.commands import Commands

HEADINGS = (
    "NODE", "GOSSIP ADDRESS", "PORT", "STATUS", "PHI", "IN MAP", "PLACE", "WEIGHT", "LEADS",
    "HOLDS", "SLOTS", "VERSION",
)  # fmt: skip


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(commands, "nodes", run, "the nodes of the cluster: where and how they are")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Show a table of all nodes; the server that was asked has a star."""
    with cluster_of(options) as cluster:
        document = cluster.document("NODES")
    nodes = document.shaped(list[Node])
    yield Line(table(HEADINGS, [row(node) for node in nodes]), document.data)


def row(node: Node) -> list[str]:
    """One node; a phi is known only of those whose heartbeats the server gets."""
    return [
        node.node + ("*" if node.is_self else ""),
        node.endpoint,
        str(node.client_port),
        node.status,
        "-" if node.phi_level is None else decimals(node.phi),
        node.state if node.is_member else "no",
        "/".join(name for name in (node.datacenter, node.rack, node.machine) if name),
        decimals(node.weight, 3),
        str(node.leads),
        str(node.holds),
        str(node.slots),
        node.version,
    ]
