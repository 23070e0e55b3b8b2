"""The facts at the head of a report."""

from __future__ import annotations

import datetime
import os

from tools.bench.machine import cores_for_measuring, this_machine


def test_machine_is_described() -> None:
    """Every fact is there, and the date is today's."""
    machine = this_machine()
    assert machine.processor
    assert machine.cores == os.cpu_count()
    assert machine.memory_gb > 0
    assert machine.kernel.startswith("Linux ")
    written = datetime.datetime.strptime(machine.date, "%Y-%m-%d %H:%M UTC")
    written = written.replace(tzinfo=datetime.UTC)
    assert abs(datetime.datetime.now(datetime.UTC) - written) < datetime.timedelta(minutes=2)


def test_cores_are_two_different_ones_or_none() -> None:
    """Server and load never share a core by design; with one core nothing is pinned."""
    server, load = cores_for_measuring()
    allowed = os.sched_getaffinity(0)
    if len(allowed) == 1:
        assert (server, load) == (None, None)
    else:
        assert {server, load} <= allowed
        assert server != load
