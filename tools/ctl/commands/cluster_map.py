"""`meridian-ctl map`: which node leads and holds which slots, and what is being moved."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cluster.slots import SLOT_COUNT
from tools.ctl.cluster import ClusterMap, Partition, cluster_of
from tools.ctl.commands import add_command
from tools.ctl.output import Failure, Line
from tools.ctl.tables import plural, short_ids, table

if TYPE_CHECKING:
    from tools.ctl.commands import Commands

HEADINGS = ("PARTITION", "SLOTS", "LEADER", "REPLICAS", "EPOCH", "PINNED", "MOVE")
SLOTS_SHOWN_MAX = 40


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands, "map", run, "which node leads and holds which slots, and what moves"
    )
    command.add_argument("--moves", action="store_true", help="only partitions that are moved")
    command.add_argument("--slot", type=int, metavar="N", help="only the partition of this slot")
    command.add_argument("--node", metavar="ID", help="only partitions that this node holds")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Show the partitions that the options ask for, all by default; JSON has the whole map.

    Raises:
        Failure: the options ask for a node or a slot that the map does not have.
    """
    with cluster_of(options) as cluster:
        document = cluster.document("MAP")
    found = document.shaped(ClusterMap)
    chosen = [it for it in found.partitions if is_wanted(it, options)]
    if options.node is not None and not chosen:
        raise Failure(f"no partition is held by a node whose id begins with {options.node}")
    if options.slot is not None and not 0 <= options.slot < SLOT_COUNT:
        raise Failure(f"{options.slot} is no slot: they go from 0 to {SLOT_COUNT - 1}")
    if options.slot is not None and not chosen:
        raise Failure(f"slot {options.slot} belongs to nobody")
    names = short_ids(node for it in found.partitions for node in holders(it))
    lines = [f"cluster {found.cluster}, epoch {found.epoch}, {found.replicas} replicas"]
    if chosen:
        lines.append(table(HEADINGS, [row(it, names) for it in chosen]))
    shown = f", {len(chosen)} shown" if len(chosen) < len(found.partitions) else ""
    lines.append(plural(len(found.partitions), "partition") + shown)
    if found.unowned:
        lines.append(f"slots that belong to nobody: {found.unowned}")
    yield Line("\n".join(lines), document.data)


def is_wanted(partition: Partition, options: argparse.Namespace) -> bool:
    """Whether all the options let a partition through."""
    if options.moves and partition.transition is None:
        return False
    if options.slot is not None and not has_slot(partition.slots, options.slot):
        return False
    wanted = options.node
    return wanted is None or any(node.startswith(wanted.lower()) for node in holders(partition))


def holders(partition: Partition) -> set[str]:
    """Every node with a place in a partition, before or after its move."""
    places = [partition.placements]
    if partition.transition is not None:
        places += [partition.transition.old, partition.transition.new]
    return {node for placements in places for nodes in placements.values() for node in nodes}


def has_slot(ranges: str, slot: int) -> bool:
    """Whether a slot is in ranges such as `0-99 200`."""
    for word in ranges.split():
        first, _, last = word.partition("-")
        if int(first) <= slot <= int(last or first):
            return True
    return False


def row(partition: Partition, names: Mapping[str, str]) -> list[str]:
    """One partition."""
    move = partition.transition
    slots = partition.slots
    if len(slots) > SLOTS_SHOWN_MAX:
        slots = slots[: SLOTS_SHOWN_MAX - 3] + "..."
    return [
        str(partition.partition),
        slots,
        "nobody" if partition.leader is None else names[partition.leader],
        places(partition.placements, names),
        str(partition.epoch),
        "yes" if partition.is_pinned else "",
        "" if move is None else f"{move.step}, to {places(move.new, names)}",
    ]


def places(placements: Mapping[str, list[str]], names: Mapping[str, str]) -> str:
    """Nodes by datacenter; the name of a datacenter only when there are several."""
    parts = []
    for datacenter, nodes in placements.items():
        shown = " ".join(names[node] for node in nodes)
        parts.append(f"{datacenter}: {shown}" if len(placements) > 1 else shown)
    return "; ".join(parts)
