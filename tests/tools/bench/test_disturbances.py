"""Troublesome clients do what they are called after."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter

import pytest

from tests.tools.answering_server import answering_server, like_redis
from tools.bench.disturbances import DISTURBANCES
from tools.bench.workload import key


class Watcher:
    """Counts commands and says when enough have come."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.reached = threading.Event()
        self.names: Counter[bytes] = Counter()
        self.keys: set[bytes] = set()
        self.longest = 0

    def answering(self, command: list[bytes]) -> bytes:
        """Count and answer like Redis."""
        self.names[command[0]] += 1
        self.keys.update(command[1:2])
        self.longest = max(self.longest, *map(len, command))
        if self.names.total() >= self.enough:
            self.reached.set()
        return like_redis(command)


def run_until_reached(
    name: str, watcher: Watcher, *numbers: int, ends_itself: bool = False
) -> int:
    """Run a disturbance until the watcher has seen enough; returns the operations it reports."""
    with answering_server(watcher.answering) as server:
        words = [name, server.address.host, str(server.address.port), *map(str, numbers)]
        with subprocess.Popen(
            [sys.executable, "-m", "tools.bench.disturbances", *words],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert watcher.reached.wait(20)
                if not ends_itself:
                    process.send_signal(signal.SIGTERM)
                output, _ = process.communicate(timeout=20)
            finally:
                process.kill()
    assert process.returncode == 0
    return int(json.loads(output)["operations"])


@pytest.mark.process
def test_pipeliner_sends_ten_thousand_at_once() -> None:
    """Half SET and half GET, in packets of 10,000."""
    watcher = Watcher(30_000)
    operations = run_until_reached("pipeliner", watcher)
    assert operations >= 10_000
    assert operations % 10_000 == 0
    assert abs(watcher.names[b"SET"] - watcher.names[b"GET"]) <= 10_000


@pytest.mark.process
def test_big_values_are_a_megabyte() -> None:
    """Values of 1,000,000 bytes are written and read in turn."""
    watcher = Watcher(6)
    run_until_reached("big-values", watcher)
    assert watcher.longest == 1_000_000
    assert watcher.names[b"GET"] >= 3


@pytest.mark.process
def test_all_keys_asks_again_and_again() -> None:
    """The end of an answer is seen, so that KEYS follows KEYS."""
    watcher = Watcher(10)
    assert run_until_reached("all-keys", watcher) >= 4
    assert watcher.names[b"KEYS"] >= 5


@pytest.mark.process
def test_slow_reader_asks_for_more_than_it_reads() -> None:
    """All 2,000 requests are out long before the answers are taken."""
    watcher = Watcher(2000)
    assert run_until_reached("slow-reader", watcher) < 200
    assert watcher.names[b"GET"] == 2000


@pytest.mark.process
def test_filler_ends_by_itself_when_all_keys_are_set() -> None:
    """Every key is set once and every operation is counted."""
    watcher = Watcher(1200)
    assert run_until_reached("filler", watcher, 100, 1300, ends_itself=True) == 1200
    assert watcher.keys == {key(number) for number in range(100, 1300)}


def test_every_disturbance_has_a_name_without_blanks() -> None:
    """Names are words of a command line."""
    assert all(name.replace("-", "").isalpha() for name in DISTURBANCES)
