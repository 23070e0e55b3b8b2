"""`meridian-ctl plan`: what would be moved, before anything is; or how far moves have come."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tools.ctl.cluster import Change, Plan, cluster_of
from tools.ctl.commands import add_command
from tools.ctl.output import Line
from tools.ctl.progress import Pace, watch_moves
from tools.ctl.tables import plural, short_ids, table

if TYPE_CHECKING:
    from tools.ctl.commands import Commands

CHANGES_SHOWN_MAX = 20
LOAD_HEADINGS = ("NODE", "LEADS", "WOULD LEAD", "HOLDS", "WOULD HOLD")
CHANGE_HEADINGS = ("PARTITION", "DATACENTER", "FROM", "TO")


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(commands, "plan", run, "what would be moved, and where to")
    command.add_argument("--all", action="store_true", help="show every change, however many")
    command.add_argument(
        "--watch", action="store_true", help="follow moves that are under way until interrupted"
    )


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Show the plan that commit would carry out, or with --watch the moves under way."""
    with cluster_of(options) as cluster:
        if options.watch:
            yield from watch_moves(cluster, Pace(), is_endless=True)
            return
        document = cluster.document("PLAN")
    plan = document.shaped(Plan)
    limit = len(plan.changes) if options.all else CHANGES_SHOWN_MAX
    yield Line("\n".join(plan_lines(plan, limit)), document.data)


def plan_lines(plan: Plan, changes_max: int) -> Iterator[str]:
    """The plan for people."""
    yield from plan.notes
    if plan.is_empty:
        yield f"nothing to do at epoch {plan.epoch}"
        return
    names = short_ids(
        [load.node for load in plan.loads]
        + [node for change in plan.changes for node in (*change.old, *change.new)]
    )
    parts = []
    if plan.aborts:
        parts.append(f"gives up {plural(len(plan.aborts), 'move')}")
    if plan.splits:
        parts.append(f"splits {plural(len(plan.splits), 'partition')}")
    if plan.changes:
        parts.append(
            f"changes {plural(len(plan.changes), 'partition')},"
            f" {plural(plan.moved_replicas, 'replica')} to copy"
        )
    yield f"plan for epoch {plan.epoch}: {'; '.join(parts)}"
    yield table(
        LOAD_HEADINGS,
        [
            [
                names[load.node],
                str(load.leads_before),
                str(load.leads_after),
                str(load.holds_before),
                str(load.holds_after),
            ]
            for load in plan.loads
        ],
    )
    if plan.leader_changes:
        count = plural(len(plan.leader_changes), "partition")
        yield f"{count} would get another leader; that waits while there are keys in it"
    if plan.changes:
        shown = plan.changes[:changes_max]
        yield table(CHANGE_HEADINGS, [change_row(change, names) for change in shown])
        if len(shown) < len(plan.changes):
            yield f"... and {len(plan.changes) - len(shown)} more; --all shows them"
    yield f"carry it out with: meridian-ctl commit {plan.epoch}"


def change_row(change: Change, names: Mapping[str, str]) -> list[str]:
    """One partition before and after."""
    return [
        str(change.partition),
        change.datacenter,
        " ".join(names[node] for node in change.old) or "-",
        " ".join(names[node] for node in change.new) or "-",
    ]
