"""Directives of Redis 7.0 that Meridian knows but does not take, each with the reason.

A redis.conf that holds them starts the server; one warning lists them with their lines. Those
that protect data are different: ignoring them would open what the file's author closed, so they
are refused (`REFUSED`).
"""

from __future__ import annotations

_PERSISTENCE = "Meridian keeps data in a log and tables of its own"
_REPLICATION = "replicas are those of a cluster's map, not of one node; see cluster-enabled"
_FAILOVER = "leaders are chosen by the cluster's map; there are no replicas to promote by hand"
_NAMES_FOR_CLIENTS = "clients are given addresses; cluster-announce-ip may be a host name"
_TLS = "TLS is not supported; use a proxy such as stunnel"
_PROCESS = "Meridian runs in the foreground; a service manager starts and watches it"
_SYSLOG = "use logfile, or let the service manager take standard output"
_MEMORY = "memory is bounded by cache-size-mb, block-cache-size-mb and memtable-size-mb"
_THREADS = "commands run on one core by design"
_SCRIPTS = "this version runs no scripts"
_CPU = "use taskset or the service manager"
_MANAGER = "let the service manager set it"
_MODULES = "Redis modules cannot be loaded"

#: Names with a reason, by reason; `*` at the end stands for any rest.
_NAMES_BY_REASON: dict[str, str] = {
    _PERSISTENCE: (
        "dbfilename rdbcompression rdbchecksum rdb-del-sync-files sanitize-dump-payload"
        " rdb-save-incremental-fsync stop-writes-on-bgsave-error appendfilename appenddirname"
        " no-appendfsync-on-rewrite auto-aof-rewrite-percentage auto-aof-rewrite-min-size"
        " aof-load-truncated aof-use-rdb-preamble aof-timestamp-enabled"
        " aof-rewrite-incremental-fsync aof-disable-auto-gc"
    ),
    _REPLICATION: (
        "masterauth masteruser replica-* slave-* repl-* min-replicas-*"
        " min-slaves-* propagation-error-behavior"
    ),
    _FAILOVER: (
        "cluster-replica-validity-factor cluster-slave-validity-factor cluster-migration-barrier"
        " cluster-allow-replica-migration cluster-replica-no-failover cluster-slave-no-failover"
    ),
    _NAMES_FOR_CLIENTS: (
        "cluster-announce-hostname cluster-announce-human-nodename cluster-announce-tls-port"
        " cluster-preferred-endpoint-type"
    ),
    "what a node knows of its cluster is kept in its data directory": "cluster-config-file",
    "peer-queue-max bounds what may wait for another node": "cluster-link-sendbuf-limit",
    "slots that have somebody to serve them are served": "cluster-allow-reads-when-down",
    "this version has no sharded pub/sub": "cluster-allow-pubsubshard-when-down",
    _TLS: "tls-*",
    _PROCESS: (
        "daemonize pidfile supervised always-show-logo set-proc-title proc-title-template"
        " shutdown-on-sigterm shutdown-on-sigint crash-log-enabled crash-memcheck-enabled"
        " ignore-warnings locale-collate"
    ),
    _SYSLOG: "syslog-*",
    _MEMORY: (
        "maxmemory-clients maxmemory-eviction-tenacity activedefrag active-defrag-*"
        " jemalloc-bg-thread disable-thp"
    ),
    _MANAGER: "oom-score-adj oom-score-adj-values",
    _THREADS: "io-threads io-threads-do-reads",
    "hz is kept to whatever the number of clients": "dynamic-hz",
    _SCRIPTS: "lua-time-limit busy-reply-threshold",
    _CPU: "server_cpulist bio_cpulist aof_rewrite_cpulist bgsave_cpulist socket-mark-id",
    _MODULES: "loadmodule enable-module-command",
    "there are no users besides default, so nothing is logged for them": "acllog-max-len",
    "no parameter is protected; those that matter change at start only": (
        "enable-protected-configs"
    ),
    "latency is counted for all commands and exported by /metrics": (
        "latency-tracking latency-tracking-info-percentiles"
    ),
    "this version has no client-side caching": "tracking-table-max-keys",
    "outgoing connections exist only in a cluster": "bind-source-addr",
    "this version has no pub/sub": "acl-pubsub-default",
}

_REASONS: dict[str, str] = {
    name: reason for reason, names in _NAMES_BY_REASON.items() for name in names.split()
}

_NO_REPLICA = (
    "this server cannot be the replica of another one: it would be a second master that takes"
    " writes of its own; take the line away if that is what you want"
)

#: Directives that protect data and cannot be honoured, with the values that ask for nothing.
_REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "user": (
        ("default on nopass ~* &* +@all",),
        "ACL users are not supported, and without them the data would be open; take the line"
        " away, and protect the server with requirepass",
    ),
    "aclfile": (
        ("",),
        "ACL users are not supported, and without them the data would be open; take the line"
        " away, and protect the server with requirepass",
    ),
    "replicaof": (("no one",), _NO_REPLICA),
    "slaveof": (("no one",), _NO_REPLICA),
    "tls-port": (
        ("0",),
        "TLS is not supported, and clients would be served in plain text; take the line away,"
        " and put a proxy such as stunnel before the server",
    ),
    "tls-cluster": (
        ("no",),
        "it would be ignored, and nodes would talk in plain text; give certificates with"
        " cluster-tls-cert-file, cluster-tls-key-file and cluster-tls-ca-cert-file instead",
    ),
}


def reason_ignored(name: str) -> str | None:
    """Say why a directive of Redis is not taken; None if it is not known either."""
    lowered = name.lower()
    if lowered in _REFUSED:
        return _REFUSED[lowered][1]
    if lowered in _REASONS:
        return _REASONS[lowered]
    for pattern, reason in _REASONS.items():
        if pattern.endswith("*") and lowered.startswith(pattern[:-1]):
            return reason
    return None


def reason_refused(name: str, arguments: tuple[str, ...]) -> str | None:
    """Say why the server must not start with this directive; None if it may."""
    refused = _REFUSED.get(name.lower())
    if refused is None or " ".join(arguments) in refused[0]:
        return None
    return refused[1]
