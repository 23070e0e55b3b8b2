"""Cluster clients that know nothing of Meridian: redis-py's RedisCluster and ioredis' Cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from redis.cluster import RedisCluster

from tests.harness.cluster_processes import ClusterProcess, agree, cluster_of, wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(180)]

MODULES = Path(__file__).resolve().parents[2] / ".venv" / "node" / "node_modules"
PROGRAM = Path(__file__).with_name("cluster_client.js")
KEYS = [f"key:{number}" for number in range(200)]


@contextmanager
def three_and_one(directory: Path) -> Iterator[tuple[list[ClusterProcess], ClusterProcess]]:
    """A cluster of three nodes, and a fourth one that knows nobody yet."""
    with cluster_of(directory, 4) as nodes:
        members, late = nodes[:3], nodes[3]
        for node in members[1:]:
            introduce(members[0], node)
        wait_until(lambda: agree(members), 15, "three nodes agree")
        yield members, late


def introduce(known: ClusterProcess, other: ClusterProcess) -> None:
    """Let two nodes meet."""
    command = f"CLUSTER MEET {other.address} {other.port} {other.gossip_port}"
    assert known.ask(command) == b"+OK"


def let_join(members: list[ClusterProcess], late: ClusterProcess) -> None:
    """Take a node in, and move a slot without keys to it, so that the topology is another one."""
    introduce(members[0], late)
    wait_until(lambda: agree([*members, late]), 20, "the late node is a member")
    empty = next(
        slot for slot in range(16384) if members[0].ask(f"CLUSTER COUNTKEYSINSLOT {slot}") == b":0"
        and is_led_by(members[0], slot)
    )  # fmt: skip
    identifier = late.ask("CLUSTER MYID").decode()
    assert members[0].ask(f"CLUSTER SETSLOT {empty} NODE {identifier}") == b"+OK"
    wait_until(lambda: agree([*members, late]), 20, "the slot has moved for everybody")


def is_led_by(node: ClusterProcess, slot: int) -> bool:
    """Whether a node leads a slot, by its own word."""
    for words in node.nodes().values():
        if "myself" in words[2]:
            for word in words[8:]:
                first, _, last = word.partition("-")
                if int(first) <= slot <= int(last or first):
                    return True
    return False


def test_redis_py_discovers_the_cluster_and_survives_a_change(tmp_path: Path) -> None:
    """All keys are read back by a client that learns the new topology by itself."""
    with three_and_one(tmp_path) as (members, late):
        with closing(RedisCluster(host="127.0.0.1", port=members[1].port)) as client:
            assert len(client.get_primaries()) == 3
            for key in KEYS:
                assert client.set(key, f"value of {key}")
            let_join(members, late)
            assert [client.get(key) for key in KEYS] == [
                f"value of {key}".encode() for key in KEYS
            ]
            client.nodes_manager.initialize()
            assert len(client.get_primaries()) == 4
            assert client.dbsize(target_nodes=RedisCluster.PRIMARIES) == len(KEYS)


def test_redis_py_finds_a_restarted_node_again(tmp_path: Path) -> None:
    """While it is away its keys are not served; the others are; afterwards all are there."""
    with three_and_one(tmp_path) as (members, _):
        with closing(RedisCluster(host="127.0.0.1", port=members[0].port)) as client:
            for key in KEYS:
                client.set(key, "kept")
            members[2].kill()
            members[2].start()
            wait_until(lambda: agree(members), 30, "everybody agrees again")
            assert {client.get(key) for key in KEYS} == {b"kept"}


@pytest.fixture
def node_program() -> str:
    """The path of node; skips where it or ioredis is missing."""
    found = shutil.which("node")
    if found is None or not (MODULES / "ioredis").is_dir():
        pytest.skip("node or ioredis is not installed (see .ci/node-packages)")
    return found


def test_ioredis_discovers_the_cluster_and_survives_a_change(
    tmp_path: Path, node_program: str
) -> None:
    """It refuses clusters that are not well, so it also judges CLUSTER INFO."""
    with three_and_one(tmp_path) as (members, late):
        process = subprocess.Popen(
            [node_program, str(PROGRAM), *(str(node.port) for node in members)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NODE_PATH": str(MODULES)},
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            assert process.stdout.readline() == "wrote 200 to 3 nodes\n"
            let_join(members, late)

            def told(word: str) -> str:
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write(f"{word}\n")
                process.stdin.flush()
                return process.stdout.readline()

            assert told("check").startswith("right 200 of 200")
            # It looks at the topology now and then, and is never sent elsewhere meanwhile.
            wait_until(lambda: "4 nodes" in told("check"), 20, "it knows the new node")
            assert told("write 2") == "wrote 200 to 4 nodes\n"
            assert told("check") == "right 200 of 200, 4 nodes\n"
        finally:
            process.kill()
            process.communicate()
