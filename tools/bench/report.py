"""Results as a table for people, as JSON for programs, as Markdown for docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs

from tools.bench.compare import Comparison, Figures, Row
from tools.bench.machine import Machine
from tools.bench.servers import Server

#: Raised when a name in the JSON changes its meaning or goes away.
JSON_VERSION = 1
UNKNOWN = "-"
COLUMNS = (
    "test", "P", "server", "ops/s", "CPU us/op", "children", "p50 ms", "p95 ms", "p99 ms", "max ms"
)  # fmt: skip


def as_text(result: Comparison) -> str:
    """The report for a terminal: head, table, one line of ratios per test."""
    cells = [list(COLUMNS)]
    for row in result.rows:
        cells.append(figures_cells(row, "redis", row.redis))
        cells.append(figures_cells(row, "meridian", row.meridian))
    ratios = [["meridian / redis", "P", "CPU", "throughput", "p99"]]
    ratios += [ratio_cells(row) for row in result.rows]
    parts = [*head(result), "", *aligned(cells), "", *aligned(ratios)]
    return "\n".join(parts)


def as_markdown(result: Comparison) -> str:
    """The same for a document: the head as a list, two Markdown tables."""
    cells = []
    for row in result.rows:
        cells.append(figures_cells(row, "redis", row.redis))
        cells.append(figures_cells(row, "meridian", row.meridian))
    lines = [f"- {line}" for line in head(result)]
    lines += ["", *markdown_table(COLUMNS, cells), ""]
    titles = ("meridian / redis", "P", "CPU", "throughput", "p99")
    return "\n".join([*lines, *markdown_table(titles, [ratio_cells(row) for row in result.rows])])


def as_json(result: Comparison) -> str:
    """The same for a program; every number in the unit its name ends with."""
    return json.dumps(
        {
            "version": JSON_VERSION,
            "machine": attrs.asdict(result.machine),
            "settings": attrs.asdict(result.settings),
            "servers": [server_facts(server) for server in result.servers],
            "rows": [
                {
                    "test": row.test,
                    "pipeline": row.pipeline,
                    "redis": attrs.asdict(row.redis),
                    "meridian": attrs.asdict(row.meridian),
                    "cpu_ratio": row.cpu_ratio,
                    "throughput_ratio": row.throughput_ratio,
                    "p99_ratio": row.p99_ratio,
                }
                for row in result.rows
            ],
        },
        indent=2,
    )


def json_of(result: attrs.AttrsInstance) -> str:
    """Any result made of attrs classes, as JSON under the names of its attributes."""
    return json.dumps({"version": JSON_VERSION, **attrs.asdict(result)}, indent=2)


def head(result: Comparison) -> list[str]:
    """Where and how it was measured, so that the figures can be judged."""
    settings = result.settings
    load_core = "any core" if settings.load_core is None else f"core {settings.load_core}"
    return [
        *machine_lines(result.machine),
        *(server_line(server) for server in result.servers),
        f"load: {settings.driver} on {load_core}, {settings.clients} clients, "
        f"{settings.value_bytes}-byte values, {settings.keyspace} keys",
        f"runs: {settings.requests} requests each, servers in turn, "
        f"median of {settings.rounds} round{'s' if settings.rounds > 1 else ''} "
        "(of max the largest, of children the mean)",
    ]


def machine_lines(machine: Machine) -> list[str]:
    """The machine and the date."""
    return [
        f"date: {machine.date}",
        f"machine: {machine.processor}, {machine.cores} cores, {machine.memory_gb} GB, "
        f"{machine.kernel}, Python {machine.python}",
    ]


def server_line(server: Server) -> str:
    """A server, its version and how it runs."""
    place = "not pinned" if server.core is None else f"core {server.core}"
    seen = "" if server.pid else ", CPU not visible from here"
    return f"{server.name}: {server.version}, {server.setup}, {place}{seen}"


def server_facts(server: Server) -> dict[str, str | int | None]:
    """A server for JSON."""
    return {
        "name": server.name,
        "address": str(server.address),
        "version": server.version,
        "core": server.core,
        "setup": server.setup,
    }


def figures_cells(row: Row, name: str, figures: Figures) -> list[str]:
    """One server's line of the table."""
    latency = figures.latency
    return [
        row.test.upper(),
        str(row.pipeline),
        name,
        f"{figures.operations_per_s:,.0f}",
        number(figures.cpu_us),
        number(figures.children_cpu_us),
        *(f"{v:.3f}" for v in (latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms)),
    ]


def ratio_cells(row: Row) -> list[str]:
    """One test's line of ratios."""
    ratios = (row.cpu_ratio, row.throughput_ratio, row.p99_ratio)
    return [row.test.upper(), str(row.pipeline), *map(number, ratios)]


def number(value: float | None) -> str:
    """Two decimals, or a dash for what is not known."""
    return UNKNOWN if value is None else f"{value:.2f}"


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table whose first row is its head: text to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if is_text(cells, column) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def is_text(cells: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a column holds words: some cell below the head begins with a letter."""
    return any(row[column][:1].isalpha() for row in cells[1:])


def markdown_table(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    rows = [titles, ["---"] * len(titles), *cells]
    return [f"| {' | '.join(row)} |" for row in rows]
