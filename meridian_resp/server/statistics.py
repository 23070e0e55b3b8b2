"""Frozen numbers about the server at one moment, for INFO, `/metrics`, `/status` and tools.

Whoever counts keeps plain integers; these objects are made of them only when somebody asks, so
that the hot path pays for no metrics library. Counters run from the start of the process or the
last CONFIG RESETSTAT, whichever was later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from meridian_resp.server.runnable import DURATION_BOUNDS_S


@frozen(kw_only=True)
class CommandStatistics:
    """One command or sub-command.

    Attributes:
        name: in lower case; a sub-command is `container|name`.
        calls_by_consistency: executed calls, those that failed included, by consistency level.
        errors: executed calls that answered an error.
        errors_by_consistency: those of them whose level is known; the others count as made at
            the server's default level.
        rejected: calls refused before they ran (arity, authentication, refused writes).
        usec: time spent executing, in microseconds.
        duration_buckets: how many calls took at most each of `runnable.DURATION_BOUNDS_S`, not
            cumulated; the last place counts those that took longer.
        duration_sum: sum of what the buckets count, in seconds.
    """

    name: str
    calls_by_consistency: Mapping[str, int] = field(factory=dict)
    errors: int = 0
    errors_by_consistency: Mapping[str, int] = field(factory=dict)
    rejected: int = 0
    usec: float = 0.0
    duration_buckets: Sequence[int] = ()
    duration_sum: float = 0.0

    @property
    def calls(self) -> int:
        """Executed calls at all levels."""
        return sum(self.calls_by_consistency.values())


@frozen(kw_only=True)
class DatabaseStatistics:
    """One numbered database.

    Attributes:
        index: what SELECT takes.
        keys: keys that exist, expired ones included until their deletion is logged.
        expiring: those of them that have an expiry.
        ttl_ms_average: their average time to live in milliseconds, 0 if it was not estimated.
        cache_bytes: estimated memory of its cached live values.
    """

    index: int
    keys: int = 0
    expiring: int = 0
    ttl_ms_average: int = 0
    cache_bytes: int = 0


@frozen(kw_only=True)
class ServerStatistics:
    """A serving process.

    Attributes:
        version: of Meridian; `redis_version` is the one it answers as.
        run_id: 40 hexadecimal digits, new at each start.
        process_id: of the operating system.
        started_at_s: Unix time of the start, in seconds.
        uptime_s: seconds since then.
        consistency_default: level of requests that name none.
        connected_clients: sessions open now, of at most `clients_max`.
        blocked_clients: those whose command waits.
        monitor_clients: those that are sent every command.
        connections_accepted: connections ever taken; `connections_rejected` those turned away.
        input_bytes: bytes read from clients; `output_bytes` bytes sent to them.
        commands_processed: commands executed.
        commands_per_s: commands executed per second of late, None if that was not sampled;
            `input_bytes_per_s` and `output_bytes_per_s` likewise for bytes from and to clients.
        ticks: rounds of the reactor.
        keyspace_hits: look-ups of keys that existed; `keyspace_misses` of those that did not.
        keys_expired: keys deleted because their time was over.
        keys_freed: cached values of emptied databases freed so far.
        keys_pending_free: those not freed yet.
        keys_evicted: live values dropped from the cache (they stay in storage).
        expiry_seconds: time spent in the active expiry cycle.
        changes: effects applied; `changes_since_save` those since the last flush that was
            asked for.
        cache_bytes: estimated memory of live values, bounded by `cache_bytes_max`.
        resident_bytes: memory of the process as the operating system sees it, 0 if unknown.
        resident_bytes_peak: the most it ever was, 0 if unknown.
        databases: all databases, or those that hold keys.
        commands: commands called or rejected at least once.
        duration_bounds_s: upper bounds of the buckets of their durations, in seconds.
        errors_by_code: error replies by their first word.
        read_failures: commands that met storage which can't be read; `last_read_failure` says
            what the last one met.
        slow_commands: commands that were slow enough for SLOWLOG.
        replicas_stale: replicas found behind at a read and repaired.
    """

    version: str
    redis_version: str = ""
    run_id: str = ""
    process_id: int = 0
    started_at_s: float = 0.0
    uptime_s: float = 0.0
    consistency_default: str = "QUORUM"
    connected_clients: int = 0
    clients_max: int = 0
    blocked_clients: int = 0
    monitor_clients: int = 0
    connections_accepted: int = 0
    connections_rejected: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    commands_processed: int = 0
    commands_per_s: float | None = None
    input_bytes_per_s: float = 0.0
    output_bytes_per_s: float = 0.0
    ticks: int = 0
    keyspace_hits: int = 0
    keyspace_misses: int = 0
    keys_expired: int = 0
    keys_evicted: int = 0
    keys_freed: int = 0
    keys_pending_free: int = 0
    expiry_seconds: float = 0.0
    changes: int = 0
    changes_since_save: int = 0
    cache_bytes: int = 0
    cache_bytes_max: int = 0
    resident_bytes: int = 0
    resident_bytes_peak: int = 0
    databases: tuple[DatabaseStatistics, ...] = ()
    commands: tuple[CommandStatistics, ...] = ()
    duration_bounds_s: Sequence[float] = DURATION_BOUNDS_S
    errors_by_code: Mapping[str, int] = field(factory=dict)
    read_failures: int = 0
    last_read_failure: str = ""
    slow_commands: int = 0
    replicas_stale: int = 0
