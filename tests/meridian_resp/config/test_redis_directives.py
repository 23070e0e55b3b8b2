"""Directives of Redis that have no counterpart."""

from __future__ import annotations

import pytest

from meridian_resp.config.parameters import find
from meridian_resp.config.redis_directives import reason_ignored, reason_refused

# The names that a redis-server 7.0.15 answers to CONFIG GET *, and the directives besides them.
REDIS_NAMES = """
acl-pubsub-default aclfile acllog-max-len active-defrag-cycle-max active-defrag-cycle-min
active-defrag-ignore-bytes active-defrag-max-scan-fields active-defrag-threshold-lower
active-defrag-threshold-upper active-expire-effort activedefrag activerehashing always-show-logo
aof-disable-auto-gc aof-load-truncated aof-rewrite-incremental-fsync aof-timestamp-enabled
aof-use-rdb-preamble aof_rewrite_cpulist appenddirname appendfilename appendfsync appendonly
auto-aof-rewrite-min-size auto-aof-rewrite-percentage bgsave_cpulist bind bind-source-addr
bio_cpulist busy-reply-threshold client-output-buffer-limit client-query-buffer-limit
cluster-announce-bus-port cluster-announce-ip cluster-config-file cluster-enabled
cluster-node-timeout cluster-require-full-coverage crash-log-enabled crash-memcheck-enabled
daemonize databases dbfilename dir disable-thp dynamic-hz enable-debug-command
enable-module-command enable-protected-configs hash-max-listpack-entries hash-max-listpack-value
hash-max-ziplist-entries hash-max-ziplist-value hll-sparse-max-bytes hz ignore-warnings
io-threads io-threads-do-reads jemalloc-bg-thread latency-monitor-threshold latency-tracking
latency-tracking-info-percentiles lazyfree-lazy-eviction lazyfree-lazy-expire
lazyfree-lazy-server-del lazyfree-lazy-user-del lazyfree-lazy-user-flush lfu-decay-time
lfu-log-factor list-compress-depth list-max-listpack-size list-max-ziplist-size logfile loglevel
lua-time-limit masterauth masteruser maxclients maxmemory maxmemory-clients
maxmemory-eviction-tenacity maxmemory-policy maxmemory-samples min-replicas-max-lag
min-replicas-to-write min-slaves-max-lag no-appendfsync-on-rewrite notify-keyspace-events
oom-score-adj oom-score-adj-values pidfile port proc-title-template propagation-error-behavior
proto-max-bulk-len protected-mode rdb-del-sync-files rdb-save-incremental-fsync rdbchecksum
rdbcompression repl-backlog-size repl-diskless-sync replica-announce-ip replica-priority
replicaof requirepass sanitize-dump-payload save server_cpulist set-max-intset-entries
set-proc-title shutdown-on-sigint shutdown-on-sigterm shutdown-timeout slave-priority slaveof
slowlog-log-slower-than slowlog-max-len socket-mark-id stop-writes-on-bgsave-error
stream-node-max-bytes stream-node-max-entries supervised syslog-enabled syslog-facility
syslog-ident tcp-backlog tcp-keepalive timeout tls-auth-clients tls-ca-cert-file tls-port
tls-replication tracking-table-max-keys unixsocket unixsocketperm zset-max-listpack-entries
zset-max-listpack-value zset-max-ziplist-entries zset-max-ziplist-value rename-command
loadmodule user
"""


@pytest.mark.parametrize("name", REDIS_NAMES.split())
def test_every_directive_of_redis_is_known(name: str) -> None:
    """Each is an option, or there is a reason why it is not."""
    assert find(name) is not None or reason_ignored(name)


def test_names_of_nobody_are_not_known() -> None:
    """A misspelt directive is not taken for one of Redis; case does not matter."""
    assert reason_ignored("dbfilenam") is None
    assert reason_ignored("DBFILENAME") == reason_ignored("dbfilename") is not None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("user", ("default", "off")),
        ("user", ("alice", "on", ">secret", "+@all")),
        ("aclfile", ("/etc/redis/users.acl",)),
        ("TLS-PORT", ("6380",)),
        ("tls-cluster", ("yes",)),
        ("replicaof", ("db1", "6379")),
        ("slaveof", ("db1", "6379")),
    ],
)
def test_protection_that_cannot_be_given_is_refused(name: str, arguments: tuple[str, ...]) -> None:
    """A server that would be open where the file closes it must not start."""
    assert reason_refused(name, arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("user", ("default", "on", "nopass", "~*", "&*", "+@all")),
        ("aclfile", ("",)),
        ("tls-port", ("0",)),
        ("tls-cluster", ("no",)),
        ("replicaof", ("no one",)),
        ("dbfilename", ("dump.rdb",)),
    ],
)
def test_directives_that_protect_nothing_are_not_refused(
    name: str, arguments: tuple[str, ...]
) -> None:
    """What Redis itself writes for "no protection" lets the server start."""
    assert reason_refused(name, arguments) is None
