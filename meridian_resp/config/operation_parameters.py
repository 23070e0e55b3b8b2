"""Third part of the table: work in the background, what can be watched, and encodings."""

# A row is read like a line of a table, so it is set by hand.
# fmt: off

from __future__ import annotations

import attrs

from meridian_resp.config.choices import LogLevel
from meridian_resp.config.parameter import (
    Change,
    Section,
    choice,
    integer,
    path,
    row,
    switch,
)
from meridian_resp.config.redis_values import KeyspaceEvents, KeyspaceEventsType
from meridian_resp.config.storage_parameters import StorageParameters
from meridian_resp.config.values import INT32_MAX, INT64_MAX, MemoryType

_FREED_AT_ONCE = "values leave memory in slices of their own, whatever this says"
_ENCODING = "Meridian has encodings of its own; only the answer of OBJECT ENCODING follows this"
_ENCODING_UNUSED = "Meridian has encodings of its own"


@attrs.define(eq=False, kw_only=True)
class OperationParameters(StorageParameters):
    """Parameters of background work, observation and encodings."""

    hz: int = integer(
        "hz", 10, 0, INT32_MAX, Section.BACKGROUND,
        "How often a second background work is done. Values outside 1 to 500 become the nearest"
        " of these.", unit="1/s", clamp=(1, 500),
    )
    active_expire_effort: int = integer(
        "active-expire-effort", 1, 1, 10, Section.BACKGROUND,
        "How much time the search for expired keys may take: more frees them earlier.",
    )
    lazyfree_lazy_eviction: bool = switch(
        "lazyfree-lazy-eviction", False, Section.BACKGROUND,
        "Free keys that are evicted in the background.", no_effect=_FREED_AT_ONCE,
    )
    lazyfree_lazy_expire: bool = switch(
        "lazyfree-lazy-expire", False, Section.BACKGROUND,
        "Free keys that expire in the background.", no_effect=_FREED_AT_ONCE,
    )
    lazyfree_lazy_server_del: bool = switch(
        "lazyfree-lazy-server-del", False, Section.BACKGROUND,
        "Free keys that a command overwrites in the background.", no_effect=_FREED_AT_ONCE,
    )
    lazyfree_lazy_user_del: bool = switch(
        "lazyfree-lazy-user-del", False, Section.BACKGROUND,
        "Free keys that DEL deletes in the background.", no_effect=_FREED_AT_ONCE,
    )
    lazyfree_lazy_user_flush: bool = switch(
        "lazyfree-lazy-user-flush", False, Section.BACKGROUND,
        "Free databases that FLUSHDB and FLUSHALL empty in the background.",
        no_effect=_FREED_AT_ONCE,
    )

    loglevel: LogLevel = choice(
        "loglevel", LogLevel.NOTICE, Section.OBSERVABILITY,
        "How much is logged: debug, verbose, notice or warning.", change=Change.HOOK,
    )
    logfile: str = path(
        "logfile", "", Section.OBSERVABILITY,
        "File that the log is appended to; standard output when empty.",
    )
    slowlog_log_slower_than_us: int = integer(
        "slowlog-log-slower-than", 10000, -1, INT64_MAX, Section.OBSERVABILITY,
        "Commands that take longer are kept in SLOWLOG; 0 keeps all, -1 none.", unit="us",
    )
    slowlog_max_len: int = integer(
        "slowlog-max-len", 128, 0, INT64_MAX, Section.OBSERVABILITY,
        "Commands that SLOWLOG keeps.",
    )
    latency_monitor_threshold_ms: int = integer(
        "latency-monitor-threshold", 0, 0, INT64_MAX, Section.OBSERVABILITY,
        "Events that take at least so long are kept for LATENCY; 0 keeps none.", unit="ms",
    )
    notify_keyspace_events: KeyspaceEvents = row(
        "notify-keyspace-events", KeyspaceEventsType(), KeyspaceEvents(0),
        Section.OBSERVABILITY,
        "Classes of keyspace notifications to publish.",
        no_effect="this version has no pub/sub, so nothing is published",
    )

    hash_max_listpack_entries: int = integer(
        "hash-max-listpack-entries", 512, 0, INT64_MAX, Section.ENCODINGS,
        "Fields up to which a hash is a listpack in Redis.",
        aliases=("hash-max-ziplist-entries",), no_effect=_ENCODING,
    )
    hash_max_listpack_value_bytes: int = row(
        "hash-max-listpack-value", MemoryType(0, INT64_MAX), 64, Section.ENCODINGS,
        "Size of a field up to which a hash is a listpack in Redis.",
        aliases=("hash-max-ziplist-value",), no_effect=_ENCODING,
    )
    list_max_listpack_size: int = integer(
        "list-max-listpack-size", -2, -INT32_MAX - 1, INT32_MAX, Section.ENCODINGS,
        "Entries of a node of a list in Redis, or its size from -1 (4kb) to -5 (64kb).",
        aliases=("list-max-ziplist-size",), no_effect=_ENCODING,
    )
    list_compress_depth: int = integer(
        "list-compress-depth", 0, 0, INT32_MAX, Section.ENCODINGS,
        "Nodes at both ends of a list that Redis does not compress.",
        no_effect=_ENCODING_UNUSED,
    )
    set_max_intset_entries: int = integer(
        "set-max-intset-entries", 512, 0, INT64_MAX, Section.ENCODINGS,
        "Numbers up to which a set is an intset in Redis.", no_effect=_ENCODING,
    )
    zset_max_listpack_entries: int = integer(
        "zset-max-listpack-entries", 128, 0, INT64_MAX, Section.ENCODINGS,
        "Members up to which a sorted set is a listpack in Redis.",
        aliases=("zset-max-ziplist-entries",), no_effect=_ENCODING,
    )
    zset_max_listpack_value_bytes: int = row(
        "zset-max-listpack-value", MemoryType(0, INT64_MAX), 64, Section.ENCODINGS,
        "Size of a member up to which a sorted set is a listpack in Redis.",
        aliases=("zset-max-ziplist-value",), no_effect=_ENCODING,
    )
    hll_sparse_max_bytes: int = row(
        "hll-sparse-max-bytes", MemoryType(0, INT64_MAX), 3000, Section.ENCODINGS,
        "Size up to which a HyperLogLog is sparse in Redis.", no_effect=_ENCODING_UNUSED,
    )
    stream_node_max_bytes: int = row(
        "stream-node-max-bytes", MemoryType(0, INT64_MAX), 4096, Section.ENCODINGS,
        "Size of a node of a stream in Redis.", no_effect=_ENCODING_UNUSED,
    )
    stream_node_max_entries: int = integer(
        "stream-node-max-entries", 100, 0, INT64_MAX, Section.ENCODINGS,
        "Entries of a node of a stream in Redis.", no_effect=_ENCODING_UNUSED,
    )
    activerehashing: bool = switch(
        "activerehashing", True, Section.ENCODINGS,
        "Rehash Redis' main table a little at a time.", no_effect=_ENCODING_UNUSED,
    )
