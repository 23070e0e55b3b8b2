"""How results are written."""

from __future__ import annotations

import json

from tools.bench.compare import Comparison, Figures, Row, Settings
from tools.bench.histogram import Percentiles
from tools.bench.machine import Machine
from tools.bench.report import aligned, as_json, as_markdown, as_text, markdown_table
from tools.bench.servers import Server
from tools.connection import Address

MACHINE = Machine("A Processor", 2, 8.0, "Linux 6.1", "3.11.7", "2026-01-02 03:04 UTC")
LATENCY = Percentiles(p50_ms=0.25, p95_ms=0.5, p99_ms=0.75, max_ms=1.5)
RESULT = Comparison(
    machine=MACHINE,
    settings=Settings(
        tests=("set",),
        pipelines=(16,),
        clients=50,
        requests=400_000,
        value_bytes=64,
        keyspace=100_000,
        rounds=3,
        driver="redis-benchmark",
        redis="redis-server",
        meridian="",
        server_core=0,
        load_core=1,
    ),
    servers=(
        Server("redis", Address(port=1), "7.0.15", 10, 0, "appendonly yes"),
        Server("meridian", Address(port=2), "0.1.0", None, None, "appendfsync everysec"),
    ),
    rows=(
        Row(
            test="set",
            pipeline=16,
            redis=Figures(
                operations_per_s=500_000, cpu_us=2.0, children_cpu_us=0.0, latency=LATENCY
            ),
            meridian=Figures(
                operations_per_s=250_000, cpu_us=5.0, children_cpu_us=None, latency=LATENCY
            ),
        ),
    ),
)


def test_text_tells_where_what_and_how_much() -> None:
    """The report holds machine, date, versions, cores, figures and ratios."""
    text = as_text(RESULT)
    assert "A Processor, 2 cores, 8.0 GB, Linux 6.1, Python 3.11.7" in text
    assert "2026-01-02 03:04 UTC" in text
    assert "redis: 7.0.15, appendonly yes, core 0" in text
    assert "meridian: 0.1.0, appendfsync everysec, not pinned, CPU not visible" in text
    assert "median of 3 rounds" in text
    words = [line.split() for line in text.splitlines()]
    figures = ["500,000", "2.00", "0.00", "0.250", "0.500", "0.750", "1.500"]
    assert ["SET", "16", "redis", *figures] in words
    assert ["SET", "16", "2.50", "0.50", "1.00"] in words


def test_markdown_holds_the_same_cells() -> None:
    """Both tables have a row of titles, a rule and the figures."""
    text = as_markdown(RESULT)
    assert "| SET | 16 | meridian | 250,000 | 5.00 | - | 0.250 | 0.500 | 0.750 | 1.500 |" in text
    assert "| SET | 16 | 2.50 | 0.50 | 1.00 |" in text
    assert text.startswith("- date: 2026-01-02")


def test_json_has_every_figure_by_name() -> None:
    """A program finds figures, ratios, settings and machine; the unknown is null."""
    document = json.loads(as_json(RESULT))
    (row,) = document["rows"]
    assert document["version"] == 1
    assert row["redis"]["cpu_us"] == 2.0
    assert row["meridian"]["children_cpu_us"] is None
    assert row["meridian"]["latency"]["p99_ms"] == 0.75
    assert (row["cpu_ratio"], row["throughput_ratio"]) == (2.5, 0.5)
    assert document["settings"]["requests"] == 400_000
    assert document["machine"]["kernel"] == "Linux 6.1"
    assert document["servers"][1]["core"] is None


def test_words_stand_left_and_numbers_right() -> None:
    """Columns are as wide as their widest cell."""
    lines = aligned([["name", "n"], ["a", "1"], ["longer", "1,000"]])
    assert lines == ["name        n", "-" * 13, "a           1", "longer  1,000"]


def test_markdown_table_has_a_rule_below_its_titles() -> None:
    """The second line makes it a table."""
    assert markdown_table(["a", "b"], [["1", "2"]]) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]
