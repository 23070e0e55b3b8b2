"""Statistics gathered from the parts of a node."""

from __future__ import annotations

import os

import pytest

from meridian_resp import REDIS_VERSION, __version__
from meridian_resp.server import collecting
from tests.harness.simulated_server import SimulatedServer, line


def test_every_figure_comes_from_the_part_that_counts() -> None:
    """After known traffic each field has its known value."""
    server = SimulatedServer().open()
    client, other = server.connect(), server.connect()
    server.connect().end()
    server.ask(other, "MONITOR")
    server.pass_s(5)
    server.ask(client, "SET a 1", "SET b 2 PX 100000", "GET a", "GET none", "GET")
    statistics = server.node.statistics()
    assert (statistics.version, statistics.redis_version) == (__version__, REDIS_VERSION)
    assert statistics.process_id == os.getpid()
    assert statistics.uptime_s == pytest.approx(5)
    assert len(statistics.run_id) == 40
    assert statistics.connected_clients == 2
    assert statistics.connections_accepted == 3
    assert statistics.monitor_clients == 1
    assert statistics.blocked_clients == 0
    assert statistics.commands_processed == 5
    assert (statistics.keyspace_hits, statistics.keyspace_misses) == (1, 1)
    assert statistics.changes == 2
    assert statistics.errors_by_code == {"ERR": 1}
    assert statistics.input_bytes == server.reactor.input_bytes > 100
    assert statistics.output_bytes == server.reactor.output.total_bytes > 10
    first = statistics.databases[0]
    assert (first.index, first.keys, first.expiring) == (0, 2, 1)
    assert first.cache_bytes > 0
    assert statistics.resident_bytes_peak >= statistics.resident_bytes > 1 << 20


def test_commands_that_were_called_or_refused() -> None:
    """Only those; calls at a chosen level are told apart from those at the default one."""
    server = SimulatedServer().open()
    client = server.connect()
    client.send(line("GET a") + line("CONSISTENCY QUORUM GET a") + line("APPEND"))
    server.step()
    server.sync()
    commands = {command.name: command for command in server.node.statistics().commands}
    default = server.settings.consistency_default.value
    assert sum(commands["get"].calls_by_consistency.values()) == 2
    assert commands["get"].calls_by_consistency["QUORUM"] >= 1
    assert default in commands["get"].calls_by_consistency
    assert commands["append"].rejected == 1
    assert "set" not in commands


def test_memory_is_zero_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc nothing fails."""

    def refuse(*arguments: object, **keywords: object) -> object:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", refuse)
    assert collecting._memory_bytes() == (0, 0)
