"""`meridian-ctl commit`: carries out the plan that `meridian-ctl plan` showed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.ctl.changes import outcome_line
from tools.ctl.cluster import cluster_of
from tools.ctl.commands import add_command
from tools.ctl.output import Line
from tools.ctl.progress import Pace, watch_moves

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(commands, "commit", run, "carry out the plan that plan showed")
    command.add_argument(
        "epoch",
        type=int,
        nargs="?",
        help="the epoch that the plan was shown for; it is refused when the map has changed"
        " since. Without it the plan of this moment is carried out unseen",
    )
    command.add_argument("--wait", action="store_true", help="show the moves until they are done")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Commit, and with --wait follow the moves to their end."""
    with cluster_of(options) as cluster:
        epoch = options.epoch
        if epoch is None:
            epoch = cluster.plan().epoch
        yield outcome_line(cluster.document("COMMIT", epoch), f"committed the plan of {epoch}")
        if options.wait:
            yield from watch_moves(cluster, Pace())
