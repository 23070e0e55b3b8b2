"""Reading what redis-benchmark prints."""

from __future__ import annotations

import shutil

import pytest

from tests.tools.answering_server import answering_server
from tools.bench.histogram import DriverResult, Percentiles
from tools.bench.redis_benchmark import arguments, drive, parse
from tools.bench.servers import BenchmarkError
from tools.bench.workload import Workload
from tools.connection import Address

LOAD = Workload(test="get", pipeline=16, clients=5, requests=1000, value_bytes=64, keyspace=100)
HEAD = (
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms",'
    '"p99_latency_ms","max_latency_ms"\n'
)


def test_figures_are_read_from_the_csv() -> None:
    """Columns are found by name; lines that are not CSV do not disturb."""
    line = '"GET","1052631.62","0.622","0.256","0.631","0.943","1.103","1.647"\n'
    expected = DriverResult(1052631.62, Percentiles(0.631, 0.943, 1.103, 1.647))
    assert parse("WARNING: something\n" + HEAD + line) == expected


@pytest.mark.parametrize("output", ["", HEAD, "Error from server: NOAUTH", HEAD + '"GET","x"\n'])
def test_anything_else_is_an_error_with_its_text(output: str) -> None:
    """No figure is made up where the program printed none."""
    with pytest.raises(BenchmarkError, match="redis-benchmark said"):
        parse(output)


def test_command_line_says_what_was_asked() -> None:
    """Each part of the workload is on the command line."""
    words = arguments(Address(port=1234), LOAD)
    pairs = dict(zip(words[2::2], words[3::2], strict=True))
    assert words[:2] == ["redis-benchmark", "--csv"]
    assert pairs == {
        "-t": "get",
        "-n": "1000",
        "-c": "5",
        "-P": "16",
        "-d": "64",
        "-r": "100",
        "-h": "127.0.0.1",
        "-p": "1234",
        "--precision": "3",
    }


@pytest.mark.process
@pytest.mark.redis
@pytest.mark.skipif(not shutil.which("redis-benchmark"), reason="redis-benchmark is missing")
def test_the_program_itself_is_driven() -> None:
    """A real run gives real figures, in order of size."""
    with answering_server() as server:
        result = drive(server.address, LOAD)
    latency = result.latency
    assert result.operations_per_s > 0
    assert 0 < latency.p50_ms <= latency.p95_ms <= latency.p99_ms <= latency.max_ms


@pytest.mark.process
@pytest.mark.redis
@pytest.mark.skipif(not shutil.which("redis-benchmark"), reason="redis-benchmark is missing")
def test_a_run_that_fails_is_told() -> None:
    """A server that refuses the command is not a measurement."""
    with answering_server(lambda command: b"-ERR no\r\n") as server:
        with pytest.raises(BenchmarkError, match="redis-benchmark"):
            drive(server.address, LOAD)
