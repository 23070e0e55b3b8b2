"""The membership table in SQLite."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from attrs import evolve

from cluster.identity import Boot, ClusterId, Endpoint, NodeId
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts, Role
from cluster.membership.membership_table import (
    MemberRow,
    MembershipTable,
    TableBatch,
    member_row,
    timestamp_text,
)
from cluster.membership.messages import MemberStatus

A = NodeId("aaaaaaaa-0000-4000-8000-000000000001")
B = NodeId("bbbbbbbb-0000-4000-8000-000000000002")
CLUSTER = ClusterId("cccccccc-0000-4000-8000-000000000003")
VIEW = MemberView(
    A,
    Endpoint("10.0.0.1", 7400),
    Boot(3, 0x1122334455667788),
    5,
    CLUSTER,
    NodeFacts("east", "rack7", "m1", 2.5, Role.STORAGE | Role.REBALANCER, 7401, "0.1.0", 1, 2),
    MemberStatus.ALIVE,
    changed_at=100.0,
)
WALL_MS = 1_700_000_000_123


def row_of(view: MemberView = VIEW, *, wall_ms: int = WALL_MS) -> MemberRow:
    """The row of a node that is not watched, 40 s after it changed."""
    return member_row(view, phi=None, silent_s=None, now=140.0, wall_ms=wall_ms)


def batch(
    *rows: MemberRow, removed: tuple[NodeId, ...] = (), keep_since_ms: int = 0
) -> TableBatch:
    """A batch."""
    return TableBatch(rows, removed, keep_since_ms)


def wall_ms() -> int:
    """Now, by the clock of SQLite itself."""
    query = "SELECT (julianday('now') - 2440587.5) * 86400000"
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        return round(connection.execute(query).fetchone()[0])


def read(table: MembershipTable, query: str) -> list[tuple[object, ...]]:
    """Rows as another process finds them."""
    with contextlib.closing(sqlite3.connect(table.path)) as connection:
        return connection.execute(query).fetchall()


def test_the_row_of_a_node() -> None:
    """Columns are those of the specification; all else is JSON."""
    row = row_of()
    assert evolve(row, metadata="") == MemberRow(
        A, "10.0.0.1", 7400, "alive", 3, "east", "rack7", 2.5, "2023-11-14T22:13:20.123Z", ""
    )
    assert json.loads(row.metadata) == {
        "boot_nonce": "1122334455667788",
        "client_port": 7401,
        "cluster_id": CLUSTER,
        "incarnation": 5,
        "machine": "m1",
        "phi": None,
        "protocol_max": 2,
        "protocol_min": 1,
        "roles": ["storage", "rebalancer"],
        "software_version": "0.1.0",
    }


@pytest.mark.parametrize(
    ("status", "word", "seconds_ago"),
    [
        (MemberStatus.ALIVE, "alive", 0),
        (MemberStatus.SUSPECTED, "suspected", 40),
        (MemberStatus.DEAD, "dead", 40),
        (MemberStatus.LEFT, "left", 40),
    ],
)
def test_heartbeat_without_a_detector(status: MemberStatus, word: str, seconds_ago: int) -> None:
    """While gossip holds it alive that is as good as a heartbeat; then it ages from the change."""
    row = row_of(evolve(VIEW, status=status))
    assert row.status == word
    assert row.last_heartbeat == timestamp_text(WALL_MS - seconds_ago * 1000)


def test_heartbeat_with_a_detector() -> None:
    """The detector knows better; a phi beyond all bounds is a number in JSON all the same."""
    row = member_row(VIEW, phi=math.inf, silent_s=1.5, now=140.0, wall_ms=WALL_MS)
    assert row.last_heartbeat == timestamp_text(WALL_MS - 1500)
    assert json.loads(row.metadata)["phi"] == 1000.0


def test_columns_of_table_and_view(tmp_path: Path) -> None:
    """Names and order are those of the specification."""
    table = MembershipTable(str(tmp_path))
    table.write(batch())
    columns = [row[1] for row in read(table, "PRAGMA table_info(cluster_membership)")]
    assert columns == [
        "node_id", "address", "port", "status", "generation", "datacenter", "rack",
        "capacity_weight", "last_heartbeat", "metadata",
    ]  # fmt: skip
    columns = [row[1] for row in read(table, "PRAGMA table_info(active_nodes)")]
    assert columns == ["node_id", "address", "port", "datacenter", "rack", "capacity_weight"]
    table.close()


def test_rows_change_and_go(tmp_path: Path) -> None:
    """A node has one row; removed nodes have none; rows that are too old go by themselves."""
    table = MembershipTable(str(tmp_path))
    other = row_of(evolve(VIEW, node=B))
    table.write(batch(row_of(), other))
    table.write(batch(row_of(evolve(VIEW, status=MemberStatus.LEFT))))
    assert read(table, "SELECT node_id, status FROM cluster_membership ORDER BY 1") == [
        (A, "left"),
        (B, "alive"),
    ]
    table.write(batch(removed=(A,)))
    assert read(table, "SELECT node_id FROM cluster_membership") == [(B,)]
    table.write(batch(keep_since_ms=WALL_MS + 1))
    assert read(table, "SELECT node_id FROM cluster_membership") == []
    table.close()


def test_active_nodes(tmp_path: Path) -> None:
    """Alive and suspected nodes whose heartbeat is younger than 30 seconds."""
    table = MembershipTable(str(tmp_path))
    now_ms = wall_ms()
    expected = []
    for number, status in enumerate(MemberStatus):
        for age_s in (1, 29, 31):
            node = NodeId(f"node-{number}-{age_s:02}")
            row = evolve(
                row_of(evolve(VIEW, node=node, status=status)),
                last_heartbeat=timestamp_text(now_ms - age_s * 1000 + 500),
            )
            table.write(batch(row))
            if status.is_live and age_s < 30:
                expected.append((node,))
    assert read(table, "SELECT node_id FROM active_nodes ORDER BY 1") == expected
    table.close()


@pytest.mark.skipif(not shutil.which("sqlite3"), reason="the sqlite3 tool is not installed")
@pytest.mark.process
def test_the_sqlite3_tool_reads_while_it_is_written(tmp_path: Path) -> None:
    """A person's tool sees what was written although the writer has the file open."""
    table = MembershipTable(str(tmp_path))
    table.write(batch(row_of(wall_ms=wall_ms())))
    query = "SELECT node_id, json_extract(metadata, '$.incarnation') FROM cluster_membership"
    done = subprocess.run(
        ["sqlite3", table.path, query, "SELECT count(*) FROM active_nodes"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == f"{A}|5\n1\n"
    table.close()


def test_a_reader_does_not_hold_up_the_writer(tmp_path: Path) -> None:
    """Somebody's open transaction reads the former state; writing goes on."""
    table = MembershipTable(str(tmp_path))
    table.write(batch(row_of()))
    reader = sqlite3.connect(table.path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM cluster_membership").fetchone() == (1,)
    table.write(batch(removed=(A,)))
    assert reader.execute("SELECT count(*) FROM cluster_membership").fetchone() == (1,)
    reader.close()
    assert read(table, "SELECT count(*) FROM cluster_membership") == [(0,)]
    table.close()


def test_a_restart_keeps_the_rows(tmp_path: Path) -> None:
    """Until they are too old, nodes that were known in the former life can be looked up."""
    table = MembershipTable(str(tmp_path))
    table.write(batch(row_of()))
    table.close()
    table = MembershipTable(str(tmp_path))
    table.write(batch(row_of(evolve(VIEW, node=B))))
    assert read(table, "SELECT count(*) FROM cluster_membership") == [(2,)]
    table.close()


def test_a_batch_is_done_or_not(tmp_path: Path) -> None:
    """An error in the middle leaves nothing of the batch behind, and the next one is fine."""
    table = MembershipTable(str(tmp_path))
    table.write(batch())
    bad = evolve(row_of(evolve(VIEW, node=B)), address=None)
    with pytest.raises(sqlite3.IntegrityError):
        table.write(batch(row_of(), bad))
    assert read(table, "SELECT count(*) FROM cluster_membership") == [(0,)]
    table.write(batch(row_of()))
    assert read(table, "SELECT count(*) FROM cluster_membership") == [(1,)]
    table.close()


def test_a_table_of_another_version_is_made_anew(tmp_path: Path) -> None:
    """It is a picture: what it holds is drawn again."""
    table = MembershipTable(str(tmp_path))
    connection = sqlite3.connect(table.path)
    connection.executescript(
        "CREATE TABLE cluster_membership (node_id); PRAGMA user_version=9;"
        "CREATE VIEW active_nodes AS SELECT node_id FROM cluster_membership;"
    )
    connection.close()
    table.write(batch(row_of()))
    assert read(table, "SELECT node_id, port FROM cluster_membership") == [(A, 7400)]
    table.close()


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    """It fails once, is kept for whoever wants to look, and a new one takes its place."""
    table = MembershipTable(str(tmp_path))
    Path(table.path).write_bytes(b"this is no database at all, by any measure" * 100)
    Path(table.path + "-wal").write_bytes(b"the log of the damaged file")
    with pytest.raises(sqlite3.DatabaseError):
        table.write(batch(row_of()))
    assert not Path(table.path + "-wal").exists()
    assert (tmp_path / "membership.sqlite3.damaged").exists()
    table.write(batch(row_of()))
    assert read(table, "SELECT node_id FROM cluster_membership") == [(A,)]
    table.close()
