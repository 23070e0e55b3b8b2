"""Five real processes become one cluster, lose one, and get it back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.cluster_processes import ClusterProcess, agree, cluster_of, wait_until
from tests.harness.server_process import free_port

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]


def meet(nodes: list[ClusterProcess]) -> None:
    """Introduce all nodes to the first one, with its gossip port as third argument."""
    first = nodes[0]
    for node in nodes[1:]:
        command = f"CLUSTER MEET {node.address} {node.port} {node.gossip_port}"
        assert first.ask(command) == b"+OK"


def slots_of(node: ClusterProcess) -> dict[str, int]:
    """How many slots each node leads, by address."""
    counts = {}
    for address, words in node.nodes().items():
        total = 0
        for word in words[8:]:
            first, _, last = word.partition("-")
            total += int(last or first) - int(first) + 1
        counts[address] = total
    return counts


def flags(asked: ClusterProcess, about: ClusterProcess) -> list[str]:
    """The flags that one node shows of another."""
    return asked.nodes()[f"{about.address}:{about.port}"][2].split(",")


def test_five_processes_meet_agree_lose_one_and_get_it_back(tmp_path: Path) -> None:
    """CLUSTER MEET gives one agreed map with even slots; a killed node is seen, and returns."""
    with cluster_of(tmp_path, 5) as nodes:
        assert nodes[0].ask("SET key value").startswith(b"-CLUSTERDOWN")
        meet(nodes)
        wait_until(lambda: agree(nodes), 15, "one agreed map after CLUSTER MEET")
        counts = slots_of(nodes[0])
        assert sum(counts.values()) == 16384
        assert max(counts.values()) <= 1.2 * 16384 / 5, counts

        for number, node in enumerate(nodes):
            assert node.ask(f"SET key:{number} {number}") == b"+OK"
        for number in range(5):
            assert nodes[2].ask(f"GET key:{number}") == str(number).encode()

        victim, others = nodes[3], nodes[:3] + nodes[4:]
        identity = victim.ask("CLUSTER MYID")
        victim.kill()
        wait_until(
            lambda: all("fail" in flags(node, victim) for node in others), 20, "its death is seen"
        )
        victim.start()
        wait_until(
            lambda: all("fail" not in flags(node, victim) for node in others), 20, "its return"
        )
        assert victim.ask("CLUSTER MYID") == identity
        wait_until(lambda: agree(nodes), 20, "everybody agrees again")
        for number in range(5):
            assert nodes[3].ask(f"GET key:{number}") == str(number).encode()


def test_redis_cli_creates_checks_and_grows_a_cluster(tmp_path: Path, redis_cli: str) -> None:
    """`redis-cli --cluster create`, `check`, `info`, `call` and `add-node` work as with Redis."""
    with cluster_of(tmp_path, 6) as all_nodes:
        addresses = [f"{node.address}:{node.port}" for node in all_nodes]
        nodes = all_nodes[:5]
        created = cluster_command(redis_cli, "create", *addresses[:5], "--cluster-yes")
        assert "[OK] All 16384 slots covered." in created
        wait_until(lambda: agree(nodes), 15, "everybody agrees")
        checked = cluster_command(redis_cli, "check", addresses[2])
        assert "[OK] All nodes agree about slots configuration." in checked
        assert "[OK] All 16384 slots covered." in checked
        assert "in 5 masters" in cluster_command(redis_cli, "info", addresses[1])
        assert cluster_command(redis_cli, "call", addresses[0], "ping").count("PONG") == 5
        added = cluster_command(redis_cli, "add-node", addresses[5], addresses[0])
        assert "[OK] New node added correctly." in added
        wait_until(lambda: agree(all_nodes), 15, "the added node is a member for everybody")
        assert "in 6 masters" in cluster_command(redis_cli, "info", addresses[5])


def cluster_command(redis_cli: str, *words: str) -> str:
    """What `redis-cli --cluster` prints; it must end well."""
    done = subprocess.run(
        [redis_cli, "--cluster", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_copied_directory_served_beside_the_original_and_took_over(tmp_path: Path) -> None:
    """It answered OK to writes for the same slots, and was taken in when the original died."""
    with cluster_of(tmp_path, 2) as nodes:
        meet(nodes)
        wait_until(lambda: agree(nodes), 15, "one agreed map")
        first, original = nodes
        for number in range(20):
            assert original.ask(f"SET key:{number} original") == b"+OK"
        shutil.copytree(
            original.directory, tmp_path / "copy", ignore=shutil.ignore_patterns("socket")
        )
        copy = ClusterProcess(9, tmp_path / "copy", free_port(), free_port())
        ended = subprocess.run(
            copy.command(), capture_output=True, text=True, timeout=30, check=False
        )
        assert ended.returncode == 1
        assert f"another process, at 127.0.0.1:{original.gossip_port}, has this node's id" in (
            ended.stdout + ended.stderr
        )
        assert original.ask("PING") == first.ask("PING") == b"+PONG"
        assert agree(nodes)

        # The same directory at another address is no copy, once the former process has gone.
        original.kill()
        original.port, original.gossip_port = free_port(), free_port()
        original.start()
        wait_until(
            lambda: original.ask("GET key:1") == first.ask("GET key:1") == b"original",
            30,
            "the moved node serves and is found",
        )
