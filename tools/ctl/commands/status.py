"""`meridian-ctl status`: what a server is doing, from its INFO, and how its cluster is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tools.connection import Connection
from tools.ctl.cluster import Cluster, Status
from tools.ctl.commands import add_command
from tools.ctl.login import connect
from tools.ctl.output import Line, Value
from tools.ctl.tables import plural

if TYPE_CHECKING:
    from tools.ctl.commands import Commands

SECTIONS = ("server", "clients", "memory", "persistence", "stats", "keyspace")
WAITS_SHOWN_MAX = 3
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(commands, "status", run, "what the server is doing")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Ask the server and show what most people look for.

    JSON has every field of INFO, and of a node of a cluster what MERIDIAN CLUSTER-STATUS says.
    """
    with connect(options) as connection:
        facts = {section: connection.info(section) for section in SECTIONS}
        lines = list(summary(connection, facts))
        data: dict[str, Value] = {**facts}
        if connection.info("cluster").get("cluster_enabled") == "1":
            document = Cluster(connection).document("CLUSTER-STATUS")
            lines += cluster_summary(document.shaped(Status))
            data["cluster"] = document.data
        yield Line("\n".join(lines), data)


def summary(connection: Connection, facts: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The lines for people; a field that the server does not have is left out."""
    server = facts["server"]
    version = server.get("meridian_version", "?")
    yield f"meridian {version} at {connection.address}, process {server.get('process_id', '?')}"
    yield f"  follows Redis {server.get('redis_version', '?')}, up {uptime(server)}"
    yield "  " + fields(
        facts["clients"],
        connected_clients="{} connected",
        blocked_clients="{} blocked",
        maxclients="at most {}",
    )
    yield "  " + fields(
        facts["memory"], used_memory_rss_human="{} memory", used_memory_human="{} in data"
    )
    yield "  " + fields(
        facts["stats"],
        total_commands_processed="{} commands so far",
        instantaneous_ops_per_sec="{} per second now",
    )
    yield "  " + fields(
        facts["persistence"],
        aof_last_write_status="last write to the log: {}",
        loading="loading: {}",
    )
    databases = [f"{name}: {text}" for name, text in facts["keyspace"].items()]
    yield "  " + ("; ".join(databases) or "no keys")


def cluster_summary(status: Status) -> Iterator[str]:
    """The lines about the cluster: what it is, who is there, and what is wrong."""
    seen = ", ".join(f"{count} {name}" for name, count in status.members.items() if count)
    yield f"node {status.node}, gossip at {status.endpoint}"
    if status.is_formed:
        yield (
            f"  cluster {status.cluster}, map of epoch {status.epoch}:"
            f" {plural(status.map_members, 'member')}, {plural(status.partitions, 'partition')}"
            f" of {plural(status.replicas, 'replica')}"
        )
    yield f"  nodes seen: {seen}"
    if status.open_transitions:
        moves = plural(status.open_transitions, "partition")
        yield f"  {moves} being moved; meridian-ctl plan --watch follows"
    waits = list(status.waiting_for.items())
    for number, why in waits[:WAITS_SHOWN_MAX]:
        yield f"  partition {number} waits: {why}"
    if len(waits) > WAITS_SHOWN_MAX:
        yield f"  and {len(waits) - WAITS_SHOWN_MAX} more wait; --json names all"
    for trouble in status.troubles:
        yield f"  ! {trouble}"


def uptime(server: Mapping[str, str]) -> str:
    """Days, hours and minutes, the largest two of them."""
    seconds = int(server.get("uptime_in_seconds", "0"))
    parts = []
    for length, unit in UNITS:
        if seconds >= length:
            parts.append(f"{seconds // length} {unit}")
            seconds %= length
    return " ".join(parts[:2]) or f"{seconds} s"


def fields(facts: Mapping[str, str], **texts: str) -> str:
    """The fields that are there, each in its text."""
    shown = [text.format(facts[name]) for name, text in texts.items() if name in facts]
    return ", ".join(shown)
