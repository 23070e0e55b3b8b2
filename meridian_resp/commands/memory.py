"""MEMORY: what keys and the server take in memory. Figures of keys are estimates."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Final

from meridian_resp.commands.arguments import bounded_integer_argument
from meridian_resp.commands.help_lines import help_reply, refuse_subcommand
from meridian_resp.commands.process_figures import process_figures
from meridian_resp.commands.registry import Argument, Flag, Group, Keys, command
from meridian_resp.datatypes.values import live_bytes
from meridian_resp.errors import SYNTAX, CommandError
from meridian_resp.protocol.numbers import INT64_MAX
from meridian_resp.protocol.replies import (
    OK,
    ZERO,
    Double,
    Map,
    Reply,
    Verbatim,
    bulk,
    integer,
    text,
)

if TYPE_CHECKING:
    from meridian_resp.commands.context import Context

PER_SHARD = ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]
ALLOCATOR_COST = "Depends on how much memory is allocated, could be slow"
#: Share of the process' memory that may be neither cached nor buffered without a remark.
OVERHEAD_SHARE_MAX: Final = 0.75
#: Some rest before they are flushed together (storage/seal_groups.py); more are too many.
SEALED_MEMTABLES_MAX: Final = 4
#: A process smaller than this is not worth a diagnosis.
SMALL_PROCESS_BYTES: Final = 200 << 20

HELP = (
    ("DOCTOR", "A report for people on the use of memory."),
    ("MALLOC-STATS", "Statistics of the allocator."),
    ("PURGE", "Give memory that is free back to the operating system."),
    ("STATS", "What memory is used for."),
    (
        "USAGE <key> [SAMPLES <count>]",
        "Estimated bytes that a key and its value take in memory.",
    ),
)


@command(
    "MEMORY", arity=-2, group=Group.SERVER, since="4.0.0",
    summary="Holds the commands about memory.", complexity="Depends on subcommand.",
)  # fmt: skip
def memory(context: Context, arguments: list[bytes]) -> Reply:
    """MEMORY without one of its sub-commands."""
    refuse_subcommand("MEMORY", arguments)


@command(
    "USAGE", container="memory", arity=-3, flags=Flag.READONLY, group=Group.SERVER,
    since="4.0.0", summary="Estimated bytes that a key and its value take in memory.",
    complexity="O(N) where N is the number of samples.", keys=[Keys(("RO",), first=2)],
    arguments=[
        Argument("key", "key", key_spec_index=0),
        Argument("count", "integer", token="SAMPLES", optional=True),
    ],
)  # fmt: skip
def memory_usage(context: Context, arguments: list[bytes]) -> Reply:
    """MEMORY USAGE key [SAMPLES count]; null if there is no such key."""
    options = arguments[3:]
    if options:
        if len(options) != 2 or options[0].upper() != b"SAMPLES":
            raise CommandError(SYNTAX)
        if bounded_integer_argument(options[1], -INT64_MAX, INT64_MAX) < 0:
            raise CommandError(SYNTAX)
    live = context.database.get(arguments[2])
    return None if live is None else integer(live_bytes(arguments[2], live))


@command(
    "STATS", container="memory", arity=2, group=Group.SERVER, since="4.0.0",
    summary="What memory is used for.", complexity="O(1)", tips=PER_SHARD,
)  # fmt: skip
def memory_stats(context: Context, arguments: list[bytes]) -> Reply:
    """MEMORY STATS: Redis' fields as far as they have a meaning, and our own."""
    server, storage = context.server.statistics(), context.server.storage_statistics()
    process = process_figures()
    used, peak = process.resident_bytes, process.resident_bytes_peak
    cached = server.cache_bytes + storage.cache_bytes
    memtables = storage.memtable_bytes + storage.sealed_bytes
    dataset = min(cached + memtables, used)
    keys = sum([database.count for database in context.keyspace.databases])
    pairs: list[tuple[str, Reply]] = [
        ("peak.allocated", integer(peak)),
        ("total.allocated", integer(used)),
        ("replication.backlog", ZERO),
        ("clients.slaves", ZERO),
        ("cluster.links", ZERO),
        ("lua.caches", ZERO),
        ("functions.caches", ZERO),
    ]
    pairs += [
        (f"db.{database.index}", Map([
            (text("object.cache"), integer(database.cache_bytes)),
        ]))
        for database in context.keyspace.databases
        if database.count or database.cache_bytes
    ]  # fmt: skip
    pairs += [
        ("overhead.total", integer(used - dataset)),
        ("keys.count", integer(keys)),
        ("keys.bytes-per-key", integer(dataset // keys if keys else 0)),
        ("dataset.bytes", integer(dataset)),
        ("dataset.percentage", Double(100 * dataset / used if used else 0.0)),
        ("peak.percentage", Double(100 * used / peak if peak else 0.0)),
        ("meridian.object-cache", integer(server.cache_bytes)),
        ("meridian.block-cache", integer(storage.cache_bytes)),
        ("meridian.memtables", integer(memtables)),
    ]
    return Map([(text(name), value) for name, value in pairs])


@command(
    "DOCTOR", container="memory", arity=2, group=Group.SERVER, since="4.0.0",
    summary="A report for people on the use of memory.", complexity="O(1)", tips=PER_SHARD,
)  # fmt: skip
def memory_doctor(context: Context, arguments: list[bytes]) -> Reply:
    """MEMORY DOCTOR."""
    server, storage = context.server.statistics(), context.server.storage_statistics()
    process = process_figures()
    known = (
        server.cache_bytes + storage.cache_bytes + storage.memtable_bytes + storage.sealed_bytes
    )
    return Verbatim(
        doctor_report(
            used=process.resident_bytes,
            machine=process.machine_bytes,
            known=known,
            sealed_memtables=storage.sealed_memtables,
        ).encode()
    )


def doctor_report(*, used: int, machine: int, known: int, sealed_memtables: int) -> str:
    """What is remarkable about these sizes in bytes; `known` is in caches and memtables."""
    remarks = []
    if used < SMALL_PROCESS_BYTES:
        return "The server uses little memory; there is nothing to remark on yet.\n"
    if machine and used > 0.8 * machine:
        remarks.append(
            "- The server uses more than 80% of the machine's memory. Lower cache-size-mb, "
            "block-cache-size-mb or memtable-size-mb."
        )
    if used - known > OVERHEAD_SHARE_MAX * used:
        remarks.append(
            "- Most memory is neither in caches nor in memtables: output of slow clients, or "
            "memory that was freed and not yet given back (MEMORY PURGE)."
        )
    if sealed_memtables > SEALED_MEMTABLES_MAX:
        remarks.append(
            "- Several memtables wait to be written to disk: the disk is slower than the writes."
        )
    return "\n".join(remarks or ["Nothing about the use of memory is remarkable."]) + "\n"


@command(
    "MALLOC-STATS", container="memory", arity=2, group=Group.SERVER, since="4.0.0",
    summary="Statistics of the allocator.", complexity=ALLOCATOR_COST, tips=PER_SHARD,
)  # fmt: skip
def memory_malloc_stats(context: Context, arguments: list[bytes]) -> Reply:
    """MEMORY MALLOC-STATS: Python's allocator gives none out, which is said as Redis says it."""
    return bulk(b"Stats not supported for the current allocator")


@command(
    "PURGE", container="memory", arity=2, group=Group.SERVER, since="4.0.0",
    summary="Gives memory that is free back to the operating system.",
    complexity=ALLOCATOR_COST,
    tips=["request_policy:all_shards", "response_policy:all_succeeded"],
)  # fmt: skip
def memory_purge(context: Context, arguments: list[bytes]) -> Reply:
    """MEMORY PURGE: what the C library holds free goes back; other libraries have no way to."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return OK


@command(
    "HELP", container="memory", arity=2, flags=Flag.LOADING | Flag.STALE, group=Group.SERVER,
    since="4.0.0", summary="Lists the sub-commands.", complexity="O(1)",
)  # fmt: skip
def memory_help(context: Context, arguments: list[bytes]) -> Reply:
    """MEMORY HELP."""
    return help_reply("MEMORY", HELP)
