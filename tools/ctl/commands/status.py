"""`meridian-ctl status`: what a server is doing, from its INFO."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tools.connection import Connection
from tools.ctl.commands import add_command
from tools.ctl.login import connect
from tools.ctl.output import Line

if TYPE_CHECKING:
    from tools.ctl.commands import Commands

SECTIONS = ("server", "clients", "memory", "persistence", "stats", "keyspace")
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(commands, "status", run, "what the server is doing")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Ask the server and show what most people look for; JSON has every field of INFO."""
    with connect(options) as connection:
        facts = {section: connection.info(section) for section in SECTIONS}
        yield Line("\n".join(summary(connection, facts)), facts)


def summary(connection: Connection, facts: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The lines for people; a field that the server does not have is left out."""
    server = facts["server"]
    version = server.get("meridian_version", "?")
    yield f"meridian {version} at {connection.address}, process {server.get('process_id', '?')}"
    yield f"  follows Redis {server.get('redis_version', '?')}, up {uptime(server)}"
    yield "  " + fields(
        facts["clients"],
        connected_clients="{} clients",
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
