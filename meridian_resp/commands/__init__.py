"""The commands: one module per family, one declared record per command.

`build_table` collects the records of an explicit list of modules. The modules are imported when
the table is built and not with this package, so that importing one of them imports no other.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from meridian_resp.commands.registry import CommandSpec, CommandTable

#: Modules of this package that declare commands.
MODULES: Final = (
    # Data.
    "strings",
    "string_ranges",
    "string_numbers",
    "string_lcs",
    "keys",
    "expiry",
    "keyspace",
    "object_inspection",
    "transactions",
    "consistency",
    # The cluster.
    "cluster",
    "cluster_changes",
    "cluster_connection",
    # Connections and the server.
    "access",
    "client",
    "client_control",
    "configuration",
    "connection",
    "debug",
    "information",
    "introspection",
    "latency",
    "memory",
    "meridian",
    "meridian_changes",
    "meridian_plan",
    "monitor",
    "persistence",
    "server",
    "slow_log",
)


def build_table() -> CommandTable:
    """All commands that this server knows."""
    specs: list[CommandSpec] = []
    for name in MODULES:
        module = import_module(f"{__name__}.{name}")
        for value in vars(module).values():
            # What a module merely imported belongs to another one.
            if getattr(value, "__module__", None) == module.__name__:
                specs.extend(getattr(value, "command_specs", ()))
    return CommandTable(specs)
