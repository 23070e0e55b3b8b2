"""The text of INFO: one function per section, from frozen statistics and nothing else.

Names are those of Redis 7.0, because tools parse them. Only what is known is printed: a field is
a fresh value, or a constant that is true of every Meridian node (`connected_slaves:0`); Redis'
fields about things that do not exist here (jemalloc, RDB, forks) are left out. Fields of our own
begin with `meridian_`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from meridian_resp import REDIS_VERSION, __version__

if TYPE_CHECKING:
    from meridian_resp.commands.process_figures import ProcessFigures
    from meridian_resp.config.settings import Settings
    from meridian_resp.server.statistics import CommandStatistics, ServerStatistics
    from storage import StorageStatistics

#: Names and values of a section, in order.
Fields = list[tuple[str, object]]

SECONDS_PER_DAY: Final = 86400


@attrs.frozen(kw_only=True)
class Facts:
    """Everything that INFO is made of.

    `system` is the name of the operating system, `executable` what was started, `last_save` the
    Unix second of the last flush into tables and whether it went well.
    """

    now_ms: int
    settings: Settings
    server: ServerStatistics
    storage: StorageStatistics
    process: ProcessFigures
    last_save: tuple[int, bool]
    is_saving: bool
    system: str
    executable: str


def information_text(facts: Facts, sections: Sequence[str]) -> str:
    """The sections named (those of `SECTIONS`), in the order of that table."""
    texts = []
    for name, (title, fields) in SECTIONS.items():
        if name in sections:
            lines = [f"{field}:{value}\r\n" for field, value in fields(facts)]
            texts.append(f"# {title}\r\n{''.join(lines)}")
    return "\r\n".join(texts)


def human(size: int) -> str:
    """A size as people read it: `1.13M`."""
    if size < 1024:
        return f"{size}B"
    value = float(size)
    for unit in "KMGTP":
        value /= 1024
        if value < 1024 or unit == "P":
            break
    return f"{value:.2f}{unit}"


def _server(facts: Facts) -> Fields:
    uptime_s = int(facts.server.uptime_s)
    file = facts.settings.config_file
    return [
        ("redis_version", REDIS_VERSION),
        ("meridian_version", __version__),
        ("redis_mode", "cluster" if facts.settings.cluster_enabled else "standalone"),
        ("os", facts.system),
        ("arch_bits", 64),
        ("multiplexing_api", "epoll"),
        ("process_id", facts.process.process_id),
        ("process_supervised", "no"),
        ("run_id", facts.server.run_id),
        ("tcp_port", facts.settings.port),
        ("server_time_usec", facts.now_ms * 1000),
        ("uptime_in_seconds", uptime_s),
        ("uptime_in_days", uptime_s // SECONDS_PER_DAY),
        ("hz", facts.settings.hz),
        ("configured_hz", facts.settings.hz),
        ("executable", facts.executable),
        ("config_file", "" if file is None else str(file.path)),
        ("io_threads_active", 0),
    ]


def _clients(facts: Facts) -> Fields:
    return [
        ("connected_clients", facts.server.connected_clients),
        ("cluster_connections", 0),
        ("maxclients", facts.settings.maxclients),
        ("blocked_clients", facts.server.blocked_clients),
        ("tracking_clients", 0),
        ("clients_in_timeout_table", 0),
        ("meridian_monitor_clients", facts.server.monitor_clients),
    ]


def _memory(facts: Facts) -> Fields:
    process, server, storage = facts.process, facts.server, facts.storage
    used, peak = process.resident_bytes, process.resident_bytes_peak
    settings = facts.settings
    cached = server.cache_bytes + storage.cache_bytes
    buffered = storage.memtable_bytes + storage.sealed_bytes
    dataset = min(cached + buffered, used)
    return [
        ("used_memory", used),
        ("used_memory_human", human(used)),
        ("used_memory_rss", used),
        ("used_memory_rss_human", human(used)),
        ("used_memory_peak", peak),
        ("used_memory_peak_human", human(peak)),
        ("used_memory_peak_perc", f"{_percent(used, peak):.2f}%"),
        ("used_memory_overhead", used - dataset),
        ("used_memory_dataset", dataset),
        ("used_memory_dataset_perc", f"{_percent(dataset, used):.2f}%"),
        ("total_system_memory", process.machine_bytes),
        ("total_system_memory_human", human(process.machine_bytes)),
        ("maxmemory", settings.maxmemory_bytes),
        ("maxmemory_human", human(settings.maxmemory_bytes)),
        ("maxmemory_policy", settings.maxmemory_policy.value),
        # What is used is measured as what is resident, so nothing can be between the two.
        ("mem_fragmentation_ratio", "1.00"),
        ("mem_fragmentation_bytes", 0),
        ("mem_allocator", "pymalloc"),
        ("active_defrag_running", 0),
        ("lazyfree_pending_objects", server.keys_pending_free),
        ("lazyfreed_objects", server.keys_freed),
        ("meridian_object_cache_bytes", server.cache_bytes),
        ("meridian_object_cache_bytes_max", server.cache_bytes_max),
        ("meridian_block_cache_bytes", storage.cache_bytes),
        ("meridian_memtable_bytes", buffered),
    ]


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _persistence(facts: Facts) -> Fields:
    """SAVE is a flush into tables, the append-only file is the write-ahead log."""
    storage = facts.storage
    last_save_s, was_good = facts.last_save
    tables = sum([level.tables for level in storage.levels])
    table_bytes = sum([level.bytes for level in storage.levels])
    return [
        ("loading", 0),
        ("async_loading", 0),
        ("rdb_changes_since_last_save", facts.server.changes_since_save),
        ("rdb_bgsave_in_progress", int(facts.is_saving)),
        ("rdb_last_save_time", last_save_s),
        ("rdb_last_bgsave_status", "ok" if was_good else "err"),
        ("rdb_saves", storage.flushes),
        ("aof_enabled", 1),
        ("aof_rewrite_in_progress", 0),
        ("aof_rewrite_scheduled", 0),
        ("aof_last_bgrewrite_status", "ok"),
        ("aof_last_write_status", "ok" if storage.refusal is None else "err"),
        ("aof_current_size", storage.wal_size_bytes),
        ("meridian_read_failures", facts.server.read_failures),
        ("meridian_last_read_failure", facts.server.last_read_failure),
        ("meridian_appendfsync", facts.settings.appendfsync.value),
        ("meridian_wal_segments", storage.wal_segments),
        ("meridian_wal_unsynced_bytes", storage.appended_offset - storage.synced_offset),
        ("meridian_sealed_memtables", storage.sealed_memtables),
        ("meridian_tables", tables),
        ("meridian_table_bytes", table_bytes),
        ("meridian_flushes", storage.flushes),
        ("meridian_flush_failures", storage.flush_failures),
        ("meridian_compactions", storage.compactions),
        ("meridian_compaction_failures", storage.compaction_failures),
        ("meridian_background_jobs", storage.background_jobs),
        ("meridian_writes_refused", storage.refusal or ""),
    ]


def _stats(facts: Facts) -> Fields:
    server = facts.server
    return [
        ("total_connections_received", server.connections_accepted),
        ("total_commands_processed", server.commands_processed),
        *_rates(server),
        ("total_net_input_bytes", server.input_bytes),
        ("total_net_output_bytes", server.output_bytes),
        ("total_net_repl_input_bytes", 0),
        ("total_net_repl_output_bytes", 0),
        ("rejected_connections", server.connections_rejected),
        ("sync_full", 0),
        ("sync_partial_ok", 0),
        ("sync_partial_err", 0),
        ("expired_keys", server.keys_expired),
        ("expire_cycle_cpu_milliseconds", int(server.expiry_seconds * 1000)),
        # Keys leave memory, but never the data set.
        ("evicted_keys", 0),
        ("evicted_clients", 0),
        ("keyspace_hits", server.keyspace_hits),
        ("keyspace_misses", server.keyspace_misses),
        ("pubsub_channels", 0),
        ("pubsub_patterns", 0),
        ("pubsubshard_channels", 0),
        ("latest_fork_usec", 0),
        ("total_forks", 0),
        ("migrate_cached_sockets", 0),
        ("slave_expires_tracked_keys", 0),
        ("tracking_total_keys", 0),
        ("tracking_total_items", 0),
        ("tracking_total_prefixes", 0),
        ("total_error_replies", sum(server.errors_by_code.values())),
        ("meridian_cache_evictions", server.keys_evicted),
        ("meridian_ticks", server.ticks),
    ]


def _rates(server: ServerStatistics) -> Fields:
    """Operations and kilobytes per second of the last moments; 0 before the first sample."""
    return [
        ("instantaneous_ops_per_sec", round(server.commands_per_s or 0.0)),
        ("instantaneous_input_kbps", f"{server.input_bytes_per_s / 1024:.2f}"),
        ("instantaneous_output_kbps", f"{server.output_bytes_per_s / 1024:.2f}"),
    ]


def _replication(facts: Facts) -> Fields:
    return [
        ("role", "master"),
        ("connected_slaves", 0),
        ("master_failover_state", "no-failover"),
        # The stream that nobody follows begins anew with each start, and so does its name.
        ("master_replid", facts.server.run_id),
        ("master_replid2", "0" * 40),
        ("master_repl_offset", 0),
        ("second_repl_offset", -1),
        ("repl_backlog_active", 0),
        ("repl_backlog_size", 0),
        ("repl_backlog_first_byte_offset", 0),
        ("repl_backlog_histlen", 0),
    ]


def _cpu(facts: Facts) -> Fields:
    process = facts.process
    return [
        ("used_cpu_sys", f"{process.system_s:.6f}"),
        ("used_cpu_user", f"{process.user_s:.6f}"),
        ("used_cpu_sys_children", f"{process.system_children_s:.6f}"),
        ("used_cpu_user_children", f"{process.user_children_s:.6f}"),
    ]


def _nothing(facts: Facts) -> Fields:
    return []


def _commandstats(facts: Facts) -> Fields:
    fields: Fields = []
    for one in facts.server.commands:
        calls = one.calls
        per_call = one.usec / calls if calls else 0.0
        fields.append((
            f"cmdstat_{one.name}",
            f"calls={calls},usec={int(one.usec)},usec_per_call={per_call:.2f},"
            f"rejected_calls={one.rejected},failed_calls={one.errors}",
        ))  # fmt: skip
    return fields


def _errorstats(facts: Facts) -> Fields:
    return [
        (f"errorstat_{code}", f"count={count}")
        for code, count in sorted(facts.server.errors_by_code.items())
    ]


def _latencystats(facts: Facts) -> Fields:
    bounds_s = facts.server.duration_bounds_s
    return [
        (
            f"latency_percentiles_usec_{one.name}",
            ",".join([
                f"p{percent}={percentile_usec(one, bounds_s, percent):.3f}"
                for percent in ("50", "99", "99.9")
            ]),
        )
        for one in facts.server.commands
        if any(one.duration_buckets)
    ]  # fmt: skip


def percentile_usec(
    statistics: CommandStatistics, bounds_s: Sequence[float], percent: str
) -> float:
    """Upper bound, in microseconds, of the bucket that holds a percentile of the calls.

    Calls above the last bound count as that bound.
    """
    buckets = statistics.duration_buckets
    wanted = sum(buckets) * float(percent) / 100
    for bound_s, counted in zip(bounds_s, itertools.accumulate(buckets), strict=False):
        if counted >= wanted:
            return bound_s * 1e6
    return bounds_s[-1] * 1e6


def _cluster(facts: Facts) -> Fields:
    return [("cluster_enabled", int(facts.settings.cluster_enabled))]


def _keyspace(facts: Facts) -> Fields:
    return [
        (f"db{one.index}", f"keys={one.keys},expires={one.expiring},avg_ttl={one.ttl_ms_average}")
        for one in facts.server.databases
        if one.keys
    ]


#: Sections by name: title and fields, in the order in which they are printed.
SECTIONS: Final[Mapping[str, tuple[str, Callable[[Facts], Fields]]]] = {
    "server": ("Server", _server),
    "clients": ("Clients", _clients),
    "memory": ("Memory", _memory),
    "persistence": ("Persistence", _persistence),
    "stats": ("Stats", _stats),
    "replication": ("Replication", _replication),
    "cpu": ("CPU", _cpu),
    "modules": ("Modules", _nothing),
    "commandstats": ("Commandstats", _commandstats),
    "errorstats": ("Errorstats", _errorstats),
    "latencystats": ("Latencystats", _latencystats),
    "cluster": ("Cluster", _cluster),
    "keyspace": ("Keyspace", _keyspace),
}

#: Left out unless they are asked for.
_NOT_USUAL: Final = frozenset({"commandstats", "latencystats"})
USUAL_SECTIONS: Final = tuple(name for name in SECTIONS if name not in _NOT_USUAL)
#: Words that stand for several sections.
_SECTION_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "all": tuple(SECTIONS),
    "everything": tuple(SECTIONS),
    "default": USUAL_SECTIONS,
}


def sections_named(words: Iterable[str]) -> tuple[str, ...]:
    """Sections that INFO's arguments ask for, unknown ones included; no words mean the usual."""
    chosen: dict[str, None] = {}
    for word in words:
        chosen.update(dict.fromkeys(_SECTION_WORDS.get(word.lower(), (word.lower(),))))
    return tuple(chosen) or USUAL_SECTIONS
