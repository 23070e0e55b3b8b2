"""`meridian-bench page`: all measurements as one page of Markdown, docs/performance.md.

The page is written by the program and not by hand, so that no figure stands in it that was not
measured, and every figure stands with the machine, the versions and the date.
"""

from __future__ import annotations

from collections.abc import Sequence

from tools.bench import compare, idle, mixed, report

CONNECTIONS = 10_000
QUICK_CONNECTIONS = 500
IDLE_SECONDS = 5
KEYS = 1_000_000
QUICK_KEYS = 20_000

INTRODUCTION = """\
# Performance

<!-- Written by `meridian-bench page --output docs/performance.md`. Do not edit. -->

What was measured on one machine at one time, with the figures that matter first: CPU time per
operation beside redis-server. [Benchmarking](benchmarking.md) says how it is measured and what
the columns mean, and how to measure elsewhere.
"""
QUICK_WARNING = """
**These are figures of a quick run: a glance, not a measurement.**
"""


def measure(settings: compare.Settings, *, quick: bool) -> str:
    """Run everything, some minutes, and return the page.

    Raises:
        BenchmarkError: a measurement failed; there is no page with a part of the figures.
    """
    comparison = compare.compare(settings)
    idle_result = idle.measure(
        redis=settings.redis,
        meridian=settings.meridian,
        connections=QUICK_CONNECTIONS if quick else CONNECTIONS,
        seconds=1 if quick else IDLE_SECONDS,
        core=settings.server_core,
        extra=settings.meridian_options,
    )
    mixed_result = mixed.measure(mixed_settings(settings, quick=quick))
    return page(comparison, idle_result, mixed_result, quick=quick)


def mixed_settings(settings: compare.Settings, *, quick: bool) -> mixed.Settings:
    """The settings of the mixed measurement on the same servers and cores."""
    return mixed.Settings(
        server="meridian",
        redis=settings.redis,
        meridian=settings.meridian,
        clients=20,
        rate=2000,
        seconds=1 if quick else 5,
        keys=QUICK_KEYS if quick else KEYS,
        phases=mixed.PHASES,
        server_core=settings.server_core,
        load_core=settings.load_core,
        extra=settings.meridian_options,
    )


def page(
    comparison: compare.Comparison,
    idle_result: idle.IdleResult,
    mixed_result: mixed.MixedResult,
    *,
    quick: bool,
) -> str:
    """The page of three results."""
    parts = [
        INTRODUCTION + (QUICK_WARNING if quick else ""),
        "## Beside redis-server\n",
        report.as_markdown(comparison),
        section("Idle connections", idle.head(idle_result), idle.cells(idle_result)),
        section(
            "Normal clients beside troublesome ones",
            mixed.head(mixed_result),
            mixed.cells(mixed_result),
        ),
    ]
    return "\n".join(parts)


def section(title: str, head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A title, the circumstances as a list, a table."""
    lines = [f"\n## {title}\n", *(f"- {line}" for line in head), ""]
    return "\n".join([*lines, *report.markdown_table(cells[0], cells[1:])])
