"""What a node says about itself over HTTP: its sources, and the document at `/status`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import attrs

from meridian_resp.commands.meridian_values import JsonValue
from meridian_resp.server.cluster_report import ClusterReport
from meridian_resp.server.statistics import ServerStatistics
from storage import StorageStatistics


@attrs.frozen(kw_only=True)
class HttpSources:
    """Where the HTTP endpoint takes its answers from; all are called for each request.

    Attributes:
        server: the server's numbers.
        storage: the engine's numbers.
        health: why the node is not healthy (loading, writes refused), one sentence each; empty
            when it is.
        ports: port numbers by use, for example `{"client": 7401, "http": 7402}`.
        cluster: what the node knows of its cluster; None without one.
    """

    server: Callable[[], ServerStatistics]
    storage: Callable[[], StorageStatistics]
    health: Callable[[], Sequence[str]]
    ports: Callable[[], Mapping[str, int]]
    cluster: Callable[[], ClusterReport | None] = lambda: None


def status_document(sources: HttpSources) -> dict[str, JsonValue]:
    """The node's state as JSON values. Times are seconds, sizes bytes.

    `storage` carries every field of `StorageStatistics` under its own name; `cluster` is null on
    a server without one.
    """
    cluster = sources.cluster()
    server = sources.server()
    reasons = list(sources.health())
    started_at = datetime.fromtimestamp(server.started_at_s, UTC)
    return {
        "version": server.version,
        "redis_version": server.redis_version,
        "node": {
            "run_id": server.run_id,
            "process_id": server.process_id,
            "started_at": started_at.isoformat(timespec="seconds"),
            "uptime_s": round(server.uptime_s, 3),
        },
        "health": {"is_healthy": not reasons, "reasons": reasons},
        "ports": dict(sources.ports()),
        "clients": {
            "connected": server.connected_clients,
            "max": server.clients_max,
            "blocked": server.blocked_clients,
            "accepted": server.connections_accepted,
            "rejected": server.connections_rejected,
        },
        "commands": {
            "processed": server.commands_processed,
            "input_bytes": server.input_bytes,
            "output_bytes": server.output_bytes,
            "consistency_default": server.consistency_default,
        },
        "memory": {
            "resident_bytes": server.resident_bytes,
            "resident_bytes_peak": server.resident_bytes_peak,
            "cache_bytes": server.cache_bytes,
            "cache_bytes_max": server.cache_bytes_max,
        },
        "keyspace": {
            "databases": [
                {"index": database.index, "keys": database.keys, "expiring": database.expiring}
                for database in server.databases
            ],
            "hits": server.keyspace_hits,
            "misses": server.keyspace_misses,
            "expired": server.keys_expired,
            "changes": server.changes,
        },
        "cluster": None if cluster is None else cluster.describe(),
        "storage": attrs.asdict(sources.storage()),
    }
