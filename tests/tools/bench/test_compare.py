"""The comparison of two servers."""

from __future__ import annotations

import os
import threading

import pytest

from tests.tools.answering_server import answering_server, like_redis
from tools.bench.accounting import CpuTime
from tools.bench.compare import (
    Figures,
    Row,
    Settings,
    compare,
    median,
    on_core,
    per_operation_us,
)
from tools.bench.histogram import Percentiles
from tools.bench.servers import BenchmarkError
from tools.bench.workload import key


def settings(redis: str, meridian: str, *, rounds: int = 2) -> Settings:
    """A small comparison of two running servers with the own client."""
    return Settings(
        tests=("set", "get"),
        pipelines=(1, 8),
        clients=2,
        requests=40,
        value_bytes=3,
        keyspace=600,
        rounds=rounds,
        driver="own",
        redis=redis,
        meridian=meridian,
        server_core=None,
        load_core=None,
    )


def figures(cpu_us: float | None, operations_per_s: float = 1.0, p99_ms: float = 1.0) -> Figures:
    """Figures of which only some matter."""
    return Figures(
        operations_per_s=operations_per_s,
        cpu_us=cpu_us,
        children_cpu_us=cpu_us,
        latency=Percentiles(p50_ms=1, p95_ms=1, p99_ms=p99_ms, max_ms=p99_ms),
    )


class Recorder:
    """Answers like Redis and keeps who was asked what, in order."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seen: list[tuple[str, bytes, bytes]] = []

    def answering(self, name: str, command: list[bytes]) -> bytes:
        """Answer one command of the named server."""
        if command[0] in {b"SET", b"GET"}:
            with self.lock:
                self.seen.append((name, command[0], command[1]))
        return like_redis(command)


def test_both_servers_get_the_same_load_in_turn() -> None:
    """Filled alike, then A B A B per test, with the same keys for both in each round."""
    recorder = Recorder()
    with (
        answering_server(lambda c: recorder.answering("redis", c)) as one,
        answering_server(lambda c: recorder.answering("meridian", c)) as other,
    ):
        result = compare(settings(str(one.address), str(other.address)))
    assert [(row.test, row.pipeline) for row in result.rows] == [
        ("set", 1),
        ("get", 1),
        ("set", 8),
        ("get", 8),
    ]
    filling, runs = recorder.seen[:1200], recorder.seen[1200:]
    every_key = {key(number) for number in range(600)}
    for name in ("redis", "meridian"):
        assert {seen[2] for seen in filling if seen[0] == name} == every_key
    assert len(runs) == 4 * 2 * 2 * 40
    blocks = [runs[start : start + 40] for start in range(0, len(runs), 40)]
    assert [block[0][0] for block in blocks] == ["redis", "meridian"] * 8
    for first, second in zip(blocks[::2], blocks[1::2], strict=True):
        assert len({(name, test) for name, test, _ in first}) == 1
        assert sorted(seen[1:] for seen in first) == sorted(seen[1:] for seen in second)


def test_figures_of_servers_elsewhere_have_no_cpu() -> None:
    """A server whose process cannot be seen has throughput and latency, and no ratio of CPU."""
    with answering_server() as one, answering_server() as other:
        result = compare(settings(str(one.address), str(other.address), rounds=1))
    for row in result.rows:
        assert row.meridian.operations_per_s > 0
        assert row.meridian.latency.p99_ms > 0
        assert row.meridian.cpu_us is None
        assert row.cpu_ratio is None
        assert row.p99_ratio is not None


def test_refused_commands_are_not_a_measurement() -> None:
    """Errors are fast; a server that answers with them must not win."""

    def refusing(command: list[bytes]) -> bytes:
        return b"-MISCONF no\r\n" if command[0] == b"SET" else like_redis(command)

    with answering_server() as one, answering_server(refusing) as other:
        with pytest.raises(BenchmarkError, match="MISCONF no"):
            compare(settings(str(one.address), str(other.address)))


def test_ratios_are_meridian_divided_by_redis() -> None:
    """Twice the CPU is a ratio of 2, half the throughput one of 0.5."""
    row = Row(test="set", pipeline=1, redis=figures(4, 100, 2), meridian=figures(8, 50, 3))
    assert (row.cpu_ratio, row.throughput_ratio, row.p99_ratio) == (2.0, 0.5, 1.5)
    unknown = Row(test="set", pipeline=1, redis=figures(None), meridian=figures(8))
    assert unknown.cpu_ratio is None
    assert Row(test="set", pipeline=1, redis=figures(0), meridian=figures(8)).cpu_ratio is None


def test_median_is_taken_per_figure_and_the_worst_maximum_kept() -> None:
    """One slow round moves no median, but its maximum is shown."""
    middle = median([figures(1, 10, 5), figures(9, 30, 50), figures(2, 20, 6)])
    assert middle.children_cpu_us == 4
    assert (middle.cpu_us, middle.operations_per_s) == (2, 20)
    assert (middle.latency.p99_ms, middle.latency.max_ms) == (6, 50)
    assert median([figures(1), figures(None)]).cpu_us is None


def test_cpu_time_is_divided_by_operations() -> None:
    """Nanoseconds of the run become microseconds per operation, own and children apart."""
    used = CpuTime(own_ns=8_000_000, children_ns=500_000)
    assert per_operation_us(used, 1000, children=False) == 8.0
    assert per_operation_us(used, 1000, children=True) == 0.5
    assert per_operation_us(None, 1000, children=False) is None


def test_core_is_given_back() -> None:
    """Pinning the load lasts for the block only."""
    before = os.sched_getaffinity(0)
    core = min(before)
    with on_core(core):
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == before
    with on_core(None):
        assert os.sched_getaffinity(0) == before
