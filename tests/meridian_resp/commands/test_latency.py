from __future__ import annotations

import attrs

from meridian_resp.server.statistics import CommandStatistics, ServerStatistics
from tests.harness.command_runner import START_MS
from tests.harness.fake_server import ServerRunner

NOW_S = START_MS // 1000


def with_spikes() -> ServerRunner:
    """Two spikes of one event and one of another, the last of them right now."""
    runner = ServerRunner()
    runner.fake.latency.add("command", NOW_S - 60, 20)
    runner.fake.latency.add("command", NOW_S, 10)
    runner.fake.latency.add("fast-command", NOW_S, 5)
    return runner


def test_latest_and_history() -> None:
    """Latest: name, time, duration, worst; history: every sample, oldest first."""
    runner = with_spikes()
    assert runner.run("latency latest") == (
        b"*2\r\n*4\r\n$7\r\ncommand\r\n:%d\r\n:10\r\n:20\r\n"
        b"*4\r\n$12\r\nfast-command\r\n:%d\r\n:5\r\n:5\r\n" % (NOW_S, NOW_S)
    )
    assert runner.run("latency history command") == (
        b"*2\r\n*2\r\n:%d\r\n:20\r\n*2\r\n:%d\r\n:10\r\n" % (NOW_S - 60, NOW_S)
    )
    assert runner.run("latency history foo") == b"*0\r\n"


def test_reset_counts_events() -> None:
    """Some by name, or all."""
    runner = with_spikes()
    assert runner.run("latency reset command foo") == b":1\r\n"
    assert runner.run("latency reset") == b":1\r\n"
    assert runner.run("latency latest") == b"*0\r\n"


def test_graph_and_doctor_are_texts() -> None:
    """A graph needs samples; the doctor always has something to say."""
    runner = with_spikes()
    assert b"command - high 20 ms, low 10 ms (all time high 20 ms)\n" in runner.run(
        "latency graph command"
    )
    assert runner.run("latency graph foo") == b"-ERR No samples available for event 'foo'\r\n"
    assert b"1. command: 2 latency spikes" in runner.run("latency doctor")
    assert runner.resp3().run("latency doctor").startswith(b"=")


def test_histogram_cumulates() -> None:
    """Only where the number grows; calls beyond the last bound are in the total alone."""
    runner = ServerRunner()
    runner.fake.server_statistics = ServerStatistics(
        version="0",
        duration_bounds_s=(0.00001, 0.0001, 0.001),
        commands=(
            CommandStatistics(name="get", duration_buckets=(3, 0, 2, 1)),
            CommandStatistics(name="config|get", duration_buckets=(0, 1, 0, 0)),
            CommandStatistics(name="config|set", duration_buckets=(1, 0, 0, 0)),
            CommandStatistics(name="set", duration_buckets=(0, 0, 0, 0)),
        ),
    )
    get = (
        b"$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:6\r\n$14\r\nhistogram_usec\r\n"
        b"*4\r\n:10\r\n:3\r\n:1000\r\n:5\r\n"
    )
    assert runner.run("latency histogram get") == b"*2\r\n" + get
    assert runner.run("latency histogram GET foo set") == b"*2\r\n" + get
    assert runner.run("latency histogram").startswith(b"*6\r\n" + get)
    assert runner.run("latency histogram config").startswith(b"*4\r\n$10\r\nconfig|get\r\n")
    assert runner.run("latency histogram foo") == b"*0\r\n"
    runner.fake.server_statistics = attrs.evolve(runner.fake.server_statistics, commands=())
    assert runner.resp3().run("latency histogram") == b"%0\r\n"


def test_an_unknown_sub_command_is_refused() -> None:
    """With Redis' text."""
    reply = ServerRunner().run("latency foo")
    assert reply == b"-ERR unknown subcommand 'foo'. Try LATENCY HELP.\r\n"
