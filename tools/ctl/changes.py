"""Changes of the cluster: a request, its outcome as a line, and how to follow what comes of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tools.ctl.cluster import Document, Outcome, cluster_of
from tools.ctl.output import Failure, Line
from tools.ctl.progress import Pace, watch_settling


def run_change(
    options: argparse.Namespace, *words: str, done: str, waits: bool = False
) -> Iterator[Line]:
    """Ask for a change and show what came of it; with `waits` until nothing is left to move."""
    with cluster_of(options) as cluster:
        yield outcome_line(cluster.document(*words), done)
        if waits:
            try:
                yield from watch_settling(cluster, Pace())
            except Failure as failure:
                # Whatever is stuck may be the moves of other nodes, from before.
                text = f"the change is made and holds, but of all moves of the cluster: {failure}"
                raise Failure(text, code=failure.code) from None


def outcome_line(document: Document, done: str) -> Line:
    """The outcome of a change; `done` is what is said when the server says nothing itself."""
    outcome = document.shaped(Outcome)
    text = outcome.text or done
    if outcome.epoch:
        text += f" (epoch {outcome.epoch})"
    return Line(text, {**document.data, "text": outcome.text or done})


def add_waiting(command: argparse.ArgumentParser) -> None:
    """Add `--wait`."""
    command.add_argument(
        "--wait", action="store_true", help="show moves until nothing is left to do"
    )
