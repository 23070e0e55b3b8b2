"""The membership table in SQLite: what this node holds about all nodes, for people and programs.

It is a picture and nothing is read back from it: membership is what gossip says, the map is what
the metadata log says. So no error of SQLite matters to the node. A table that was damaged or is
of another version is put aside and made anew.

    sqlite3 DIR/cluster/membership.sqlite3 'SELECT * FROM active_nodes'

works while the node runs: the database is in WAL mode, where readers and the one writer do not
wait for each other. A batch of changes is one transaction. Nothing is synced for its sake
(`synchronous=NORMAL`): a power cut may lose the last batches, never the file.

`status` is the word of gossip: alive, suspected, dead, left. `last_heartbeat` is UTC on this
node's own clock, so no other clock can age it: when the detector last heard of the node where it
is watched from here; else the moment of writing while gossip holds it alive, and of its last
change when not. It decides nothing but `active_nodes`. `metadata` is JSON; a `phi` of null means
that the node is not watched from here, 1000 stands for everything above.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from datetime import UTC, datetime

from attrs import astuple, frozen

from cluster.identity import NodeId
from cluster.membership.events import MemberView
from cluster.membership.facts import Role
from cluster.membership.messages import MemberStatus

FILE_NAME = "membership.sqlite3"
SCHEMA_VERSION = 1
PHI_MAX = 1000.0
BUSY_TIMEOUT_S = 1.0

_SCHEMA = """
BEGIN IMMEDIATE;
DROP VIEW IF EXISTS active_nodes;
DROP TABLE IF EXISTS cluster_membership;
CREATE TABLE cluster_membership (
    node_id         TEXT PRIMARY KEY,
    address         TEXT NOT NULL,
    port            INTEGER NOT NULL DEFAULT 7400,
    status          VARCHAR(20) NOT NULL DEFAULT 'alive',
    generation      BIGINT NOT NULL DEFAULT 0,
    datacenter      VARCHAR(64),
    rack            VARCHAR(64),
    capacity_weight REAL NOT NULL DEFAULT 1.0,
    last_heartbeat  TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    metadata        TEXT DEFAULT '{}'
);
CREATE INDEX idx_membership_status ON cluster_membership(status);
CREATE VIEW active_nodes AS
SELECT node_id, address, port, datacenter, rack, capacity_weight
FROM cluster_membership
WHERE status IN ('alive', 'suspected')
  AND last_heartbeat > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-30 seconds');
"""
_UPSERT = "INSERT OR REPLACE INTO cluster_membership VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM cluster_membership WHERE node_id = ?"
_DELETE_OLD = "DELETE FROM cluster_membership WHERE last_heartbeat < ?"


@frozen
class MemberRow:
    """One row, its columns in order."""

    node_id: str
    address: str
    port: int
    status: str
    generation: int
    datacenter: str
    rack: str
    capacity_weight: float
    last_heartbeat: str
    metadata: str


@frozen
class TableBatch:
    """What one transaction does.

    Attributes:
        rows: new or changed.
        removed: nodes whose rows go.
        keep_since_ms: rows with an earlier heartbeat go too (Unix milliseconds).
    """

    rows: tuple[MemberRow, ...]
    removed: tuple[NodeId, ...]
    keep_since_ms: int


def timestamp_text(wall_ms: int) -> str:
    """Return Unix milliseconds as the table has them."""
    seconds, milliseconds = divmod(wall_ms, 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds:03}Z"


def member_row(
    view: MemberView, *, phi: float | None, silent_s: float | None, now: float, wall_ms: int
) -> MemberRow:
    """Return the row of a node.

    Args:
        view: what gossip holds about it.
        phi: of the detector, None if it is not watched from here.
        silent_s: how long ago it was last heard of; None if it is not watched from here.
        now: on the local monotonic clock.
        wall_ms: the same moment as Unix milliseconds.
    """
    facts = view.facts
    if silent_s is None:
        is_heard = view.status is MemberStatus.ALIVE
        silent_s = 0.0 if is_heard else max(0.0, now - view.changed_at)
    return MemberRow(
        view.node,
        view.endpoint.host,
        view.endpoint.port,
        view.status.name.lower(),
        view.boot.generation,
        facts.datacenter,
        facts.rack,
        facts.capacity_weight,
        timestamp_text(wall_ms - round(silent_s * 1000)),
        _metadata(view, phi),
    )


def _metadata(view: MemberView, phi: float | None) -> str:
    facts = view.facts
    content = {
        "boot_nonce": f"{view.boot.nonce:016x}",
        "client_port": facts.client_port,
        "cluster_id": view.cluster,
        "incarnation": view.incarnation,
        "machine": facts.machine,
        "phi": None if phi is None else round(min(phi, PHI_MAX), 3),
        "protocol_max": facts.protocol_max,
        "protocol_min": facts.protocol_min,
        "roles": [str(role.name).lower() for role in Role if role in facts.roles],
        "software_version": facts.software_version,
    }
    return json.dumps(content)


class MembershipTable:
    """The writer's end of the table. Methods block; one call at a time, from whatever thread."""

    def __init__(self, directory: str) -> None:
        """Name the directory; the file is opened by the first `write`."""
        self.path = os.path.join(directory, FILE_NAME)
        self._connection: sqlite3.Connection | None = None

    def write(self, batch: TableBatch) -> None:
        """Do a batch in one transaction.

        Raises:
            sqlite3.Error: nothing of it was done; a damaged file was put aside.
            OSError: neither.
        """
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_UPSERT, map(_columns, batch.rows))
            connection.executemany(_DELETE, [(node,) for node in batch.removed])
            connection.execute(_DELETE_OLD, (timestamp_text(batch.keep_since_ms),))
            connection.execute("COMMIT")
        except BaseException as failure:
            self.close()  # which takes the transaction back
            if isinstance(failure, sqlite3.Error) and _is_damage(failure):
                self._put_aside()
            raise

    def close(self) -> None:
        """Close the file; the next `write` opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connection = sqlite3.connect(
                self.path,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != SCHEMA_VERSION:
                connection.executescript(
                    f"{_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
                )
        return self._connection

    def _put_aside(self) -> None:
        os.replace(self.path, self.path + ".damaged")
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path + suffix)


def _columns(row: MemberRow) -> tuple[str | int | float, ...]:
    columns: tuple[str | int | float, ...] = astuple(row)
    return columns


def _is_damage(failure: sqlite3.Error) -> bool:
    code = getattr(failure, "sqlite_errorcode", 0) & 0xFF  # the rest says where it was noticed
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
