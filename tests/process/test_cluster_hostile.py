"""Strangers at the gossip port of real processes: dropped, counted, logged once in a while."""

from __future__ import annotations

import re
import socket
import struct
import urllib.request
from pathlib import Path
from random import Random

import pytest

from tests.harness.cluster_processes import ClusterProcess, agree, cluster_of, wait_until
from tests.harness.server_process import free_port

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(120)]

LARGE = struct.pack(">I", 0x7FFFFFFF) + bytes(60)


def shout(port: int, rng: Random) -> None:
    """Garbage over datagrams and connections: random, empty, half, and announced as huge."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        for size in (0, 1, 51, 200, 1400, 9000):
            for _ in range(20):
                datagrams.sendto(rng.randbytes(size), ("127.0.0.1", port))
    for payload in (
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        rng.randbytes(100),
        LARGE,
        b"*1\r\n$4\r\nPING\r\n",
    ):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(payload)


def refusals(http_port: int) -> dict[str, float]:
    """What a node has refused, by counter and reason."""
    with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/metrics", timeout=5) as page:
        text = page.read().decode()
    found = re.findall(
        r'^(meridian_\w*refused_total\{reason="[^"]+"\}) (\S+)$', text, re.MULTILINE
    )
    return {name: float(count) for name, count in found}


def stranger(directory: Path, name: str, secret: str) -> ClusterProcess:
    """A node that is configured for another cluster."""
    node = ClusterProcess(9, directory, free_port(), free_port())
    node.options = ("--cluster-name", name, "--cluster-secret", secret)
    return node


def be_refused(foreign: ClusterProcess, target: ClusterProcess) -> None:
    """Let a node of another cluster knock, until its own log says that it was refused."""
    foreign.start()
    try:
        command = f"CLUSTER MEET {target.address} {target.port} {target.gossip_port}"
        assert foreign.ask(command) == b"+OK"
        wait_until(lambda: "refused" in "".join(foreign.log), 15, "the stranger is refused")
        assert len(foreign.nodes()) == 1
    finally:
        foreign.kill()


def test_strangers_change_nothing_and_are_counted(tmp_path: Path) -> None:
    """Garbage, another cluster's name and another secret: both nodes go on as they were."""
    seed = Random().randrange(1 << 30)
    http_port = free_port()
    common = ("--cluster-secret", "right")
    with cluster_of(tmp_path, 2, options=common) as nodes:
        nodes[0].stop()
        nodes[0].options = (*common, "--http-port", str(http_port))
        nodes[0].start()
        target = nodes[0]
        assert (
            nodes[1].ask(f"CLUSTER MEET {target.address} {target.port} {target.gossip_port}")
            == b"+OK"
        )
        wait_until(lambda: agree(nodes), 15, "the two agree")
        before = target.slots()
        shout(target.gossip_port, Random(seed))
        for name, secret in (("other", "right"), ("meridian", "wrong")):
            be_refused(stranger(tmp_path / name, name, secret), target)
        assert agree(nodes), seed
        assert target.slots() == before
        assert nodes[1].ask("SET key value") == b"+OK"
        counted = refusals(http_port)
        assert sum(n for name, n in counted.items() if "datagrams" in name) >= 50, counted
        assert sum(n for name, n in counted.items() if "peer" in name) >= 15, counted
        lines = [line for line in target.log if "refused" in line]
        assert 1 <= len(lines) <= 2 * len(counted) + 2, lines
