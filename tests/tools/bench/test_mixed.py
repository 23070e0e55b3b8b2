"""Normal clients beside troublesome ones."""

from __future__ import annotations

import threading

import pytest

from tests.tools.answering_server import answering_server, like_redis
from tools.bench.disturbances import DISTURBANCES
from tools.bench.mixed import (
    BESIDE,
    FILLED_AFTER,
    FILLED_BEFORE,
    PHASES,
    Settings,
    as_text,
    measure,
)
from tools.bench.servers import BenchmarkError
from tools.bench.workload import key


def settings(meridian: str, *phases: str) -> Settings:
    """Short phases against a running server."""
    return Settings(
        server="meridian",
        redis="redis-server",
        meridian=meridian,
        clients=2,
        rate=200,
        seconds=1,
        keys=1000,
        phases=phases,
        server_core=None,
        load_core=None,
    )


def test_every_phase_has_a_disturbance_that_exists() -> None:
    """Phases, disturbances and filling belong together."""
    assert {name for name in BESIDE.values() if name} == set(DISTURBANCES)
    assert FILLED_BEFORE.keys() | FILLED_AFTER.keys() <= set(PHASES)


@pytest.mark.slow
@pytest.mark.process
def test_phases_run_in_order_on_a_filled_server() -> None:
    """Keys that a phase needs are there before it; filling is measured when it is asked for."""
    keys: set[bytes] = set()
    at_first_keys: list[int] = []
    lock = threading.Lock()

    def answering(command: list[bytes]) -> bytes:
        with lock:
            if command[0] == b"SET" and command[1].startswith(b"key:"):
                keys.add(command[1])
            if command[0] == b"KEYS":
                at_first_keys.append(len(keys))
        return like_redis(command)

    with answering_server(answering) as server:
        result = measure(settings(str(server.address), "doubling", "all-keys", "quiet"))
    assert [phase.name for phase in result.phases] == ["quiet", "all-keys", "doubling"]
    assert set(at_first_keys) == {1000}
    assert keys == {key(number) for number in range(2000)}
    quiet, all_keys, doubling = result.phases
    assert (quiet.disturbance_operations, doubling.disturbance_operations) == (0, 1000)
    assert all_keys.disturbance_operations > 0
    assert 195 <= quiet.requests <= 201
    assert 0 < quiet.p50_ms <= quiet.p99_ms <= quiet.p999_ms <= quiet.max_ms
    words = [line.split()[0] for line in as_text(result).splitlines()[-3:]]
    assert words == ["quiet", "all-keys", "doubling"]


def test_errors_of_normal_clients_end_the_measurement() -> None:
    """Latencies of refused commands are not latencies of a working server."""

    def refusing(command: list[bytes]) -> bytes:
        return b"-ERR no\r\n" if command[0] == b"SET" else like_redis(command)

    with answering_server(refusing) as server:
        with pytest.raises(BenchmarkError, match=r"quiet: \d+ errors, first: ERR no"):
            measure(settings(str(server.address), "quiet"))


@pytest.mark.process
def test_failed_disturbance_ends_the_measurement() -> None:
    """Without its disturbance a phase proves nothing."""

    def closing(command: list[bytes]) -> bytes:
        return b"" if command[0] == b"KEYS" else like_redis(command)

    with answering_server(closing) as server:
        with pytest.raises(BenchmarkError, match="the disturbance failed"):
            measure(settings(str(server.address), "all-keys"))
