"""The commands: one module per family, one declared record per command.

`build_table` collects the records of an explicit list of modules. The modules are imported when
the table is built and not with this package, so that importing one of them imports no other.
"""

from __future__ import annotations

from meridian_resp.commands.registry import CommandSpec, CommandTable


def build_table() -> CommandTable:
    """All commands that this server knows."""
    from meridian_resp.commands import (
        access,
        client,
        client_control,
        configuration,
        connection,
        consistency,
        debug,
        expiry,
        information,
        introspection,
        keys,
        keyspace,
        latency,
        memory,
        monitor,
        object_inspection,
        persistence,
        server,
        slow_log,
        string_lcs,
        string_numbers,
        string_ranges,
        strings,
        transactions,
    )

    modules = (
        # Data.
        strings,
        string_ranges,
        string_numbers,
        string_lcs,
        keys,
        expiry,
        keyspace,
        object_inspection,
        transactions,
        consistency,
        # Connections and the server.
        access,
        client,
        client_control,
        configuration,
        connection,
        debug,
        information,
        introspection,
        latency,
        memory,
        monitor,
        persistence,
        server,
        slow_log,
    )
    specs: list[CommandSpec] = []
    for module in modules:
        for value in vars(module).values():
            if getattr(value, "__module__", None) == module.__name__:
                specs.extend(getattr(value, "command_specs", ()))
    return CommandTable(specs)
