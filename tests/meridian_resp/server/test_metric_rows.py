"""The table of metrics without labels."""

from __future__ import annotations

from meridian_resp.server.metric_rows import SERVER_ROWS, STORAGE_ROWS, MetricKind
from meridian_resp.server.statistics import ServerStatistics
from storage import StorageStatistics


def test_names_are_unique_and_say_their_kind() -> None:
    """Counters end in `_total`, gauges do not, and no name is given twice."""
    rows = [(row.name, row.kind, row.documentation) for row in SERVER_ROWS]
    rows += [(row.name, row.kind, row.documentation) for row in STORAGE_ROWS]
    assert len({name for name, _, _ in rows}) == len(rows)
    for name, kind, documentation in rows:
        assert name.startswith("meridian_")
        assert name.endswith("_total") == (kind is MetricKind.COUNTER)
        assert documentation.endswith(".")


def test_each_row_reads_a_number() -> None:
    """Every row can be read from the statistics of a server that did nothing."""
    server = ServerStatistics(version="1")
    storage = StorageStatistics(appended_offset=7, synced_offset=5, refusal="disk full")
    values = {row.name: row.read(server) for row in SERVER_ROWS}
    values |= {row.name: row.read(storage) for row in STORAGE_ROWS}
    assert values["meridian_replicas_stale_total"] == 0
    assert values["meridian_wal_unsynced_bytes"] == 2
    assert values["meridian_writes_refused"] == 1
    assert all(float(value) >= 0 for value in values.values())
