"""`meridian-ctl commit`: carries out the plan that `meridian-ctl plan` showed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.connection import ErrorReply
from tools.ctl.changes import outcome_line
from tools.ctl.cluster import Cluster, cluster_of
from tools.ctl.commands import add_command
from tools.ctl.output import Line
from tools.ctl.progress import Pace, watch_moves

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


#: How often a plan that nobody looked at is made anew.
_TRIES = 5
_MOVED_ON = "the map has moved on"


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
        yield _committed(cluster, options.epoch)
        if options.wait:
            yield from watch_moves(cluster, Pace())


def _committed(cluster: Cluster, epoch: int | None) -> Line:
    """Commit the plan of an epoch; without one that of now, anew if the map moves on meanwhile."""
    for _ in range(0 if epoch is not None else _TRIES - 1):
        try:
            return _commit(cluster, cluster.plan().epoch)
        except ErrorReply as error:
            if _MOVED_ON not in str(error):
                raise
    return _commit(cluster, cluster.plan().epoch if epoch is None else epoch)


def _commit(cluster: Cluster, epoch: int) -> Line:
    return outcome_line(cluster.document("COMMIT", epoch), f"committed the plan of {epoch}")
