"""Statistics of the server, gathered from the parts that count."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meridian_resp import REDIS_VERSION, __version__
from meridian_resp.server.runnable import Runnable
from meridian_resp.server.statistics import (
    CommandStatistics,
    DatabaseStatistics,
    ServerStatistics,
)

if TYPE_CHECKING:
    from meridian_resp.datatypes.database import Database
    from meridian_resp.server.node import Node


def collect_statistics(node: Node) -> ServerStatistics:
    """All counters and gauges of this moment."""
    now_s = node.io.wall_ms() / 1000
    level = node.settings.consistency_default.value
    counters = node.keyspace.counters
    registry, reactor = node.registry, node.reactor
    sessions = list(registry.all())
    resident, peak = _memory_bytes()
    rates = node.rates.per_second()
    commands_per_s, input_per_s, output_per_s = rates or (None, 0.0, 0.0)
    commands = node.runnables.by_full_name.values()
    return ServerStatistics(
        version=__version__,
        redis_version=REDIS_VERSION,
        run_id=node.run_id,
        process_id=os.getpid(),
        started_at_s=node.started_at_s,
        uptime_s=now_s - node.started_at_s,
        consistency_default=level,
        connected_clients=len(sessions),
        clients_max=node.settings.maxclients,
        blocked_clients=sum(session.is_held_up for session in sessions),
        monitor_clients=len(node.conditions.monitors),
        connections_accepted=registry.accepted_count,
        connections_rejected=registry.rejected_count,
        input_bytes=reactor.input_bytes,
        output_bytes=reactor.output.total_bytes,
        commands_processed=node.dispatcher.total_calls,
        ticks=reactor.ticks,
        commands_per_s=commands_per_s,
        input_bytes_per_s=input_per_s,
        output_bytes_per_s=output_per_s,
        keyspace_hits=counters.hits,
        keyspace_misses=counters.misses,
        keys_expired=counters.expired_keys,
        keys_evicted=counters.evicted_keys,
        keys_freed=counters.freed_keys,
        keys_pending_free=sum(map(len, node.keyspace.garbage)),
        expiry_seconds=node.expiry.spent_s,
        changes=node.keyspace.changes,
        changes_since_save=node.keyspace.changes - node.saving.changes_at_last,
        cache_bytes=node.keyspace.cache_bytes,
        cache_bytes_max=node.keyspace.cache_bytes_max,
        resident_bytes=resident,
        resident_bytes_peak=peak,
        databases=tuple(map(_of_database, node.keyspace.databases)),
        commands=tuple(
            _of_command(command, level)
            for command in commands
            if command.calls or command.rejected
        ),
        errors_by_code=dict(node.dispatcher.errors_by_code),
        read_failures=node.dispatcher.read_failures,
        last_read_failure=node.dispatcher.last_read_failure,
        slow_commands=node.slow_log.total,
    )


def _of_database(database: Database) -> DatabaseStatistics:
    return DatabaseStatistics(
        index=database.index,
        keys=database.count,
        expiring=database.expiring,
        cache_bytes=database.cache_bytes,
    )


def _of_command(command: Runnable, default_level: str) -> CommandStatistics:
    """Calls that named no level were made at the default one."""
    chosen: Mapping[str, int] = command.calls_at_level
    calls = dict(chosen)
    rest = command.calls - sum(chosen.values())
    calls[default_level] = calls.get(default_level, 0) + rest
    return CommandStatistics(
        name=command.name,
        calls_by_consistency=calls,
        errors=command.errors,
        rejected=command.rejected,
        usec=command.usec,
        duration_buckets=tuple(command.duration_buckets),
        duration_sum=command.duration_sum_s,
    )


def _memory_bytes() -> tuple[int, int]:
    """(resident, peak resident) bytes of this process; 0 where the system does not tell."""
    resident = peak = 0
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("VmRSS:"):
                    resident = int(line.split()[1]) * 1024
                elif line.startswith("VmHWM:"):
                    peak = int(line.split()[1]) * 1024
    except OSError:
        return 0, 0
    return resident, peak
