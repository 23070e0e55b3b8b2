"""CLUSTER commands and routing: a node that owns all slots, as Redis Cluster and as Meridian."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from compat_tests.both import Both, Pair, wait_until
from compat_tests.raw_client import RawClient, as_map
from compat_tests.servers import (
    Server,
    free_port,
    is_redis_under_test,
    meridian_server,
    redis_server,
)

if TYPE_CHECKING:
    from compat_tests.raw_client import Argument

ALL_SLOTS = ("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
READY_WITHIN_S = 15.0


def _start(server: Server) -> RawClient:
    server.start()
    return RawClient(server.address)


def _is_ok(client: RawClient) -> bool:
    return b"cluster_state:ok" in client.do("CLUSTER", "INFO")


@pytest.fixture(scope="module")
def cluster_pair(
    redis_process: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """One node of each kind, alone in its cluster, with all slots."""
    redis = redis_server(
        tmp_path_factory.mktemp("redis-cluster"),
        "--cluster-enabled", "yes", "--cluster-port", str(free_port()),
    )  # fmt: skip
    options: tuple[str, ...] = ("--cluster-enabled", "yes")
    if is_redis_under_test():
        options += ("--cluster-port", str(free_port()))
    else:
        options += ("--cluster-bootstrap", "yes")
    meridian = meridian_server(tmp_path_factory.mktemp("meridian-cluster"), *options)
    try:
        for server in (redis, meridian):
            client = _start(server)
            if server is redis or is_redis_under_test():
                assert client.do(*ALL_SLOTS) == b"+OK\r\n"
            wait_until(partial(_is_ok, client), READY_WITHIN_S, server.name)
            client.close()
        yield Pair(redis, meridian)
    finally:
        redis.kill()
        meridian.kill()


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def cluster(cluster_pair: Pair, request: pytest.FixtureRequest) -> Iterator[Both]:
    """Connections to both nodes, without keys."""
    both = Both(cluster_pair, request.param)
    both.do("FLUSHALL")
    yield both
    both.close()


@pytest.mark.parametrize(
    "key",
    ["a", "foo", "", "{a}b", "b{a}", "{}a", "{{a}}", "{a", "a}", "x{a}{b}", "\0", "k" * 500],
    ids=repr,
)
def test_keys_have_the_same_slots(cluster: Both, key: str) -> None:
    """Hash tags and odd braces included."""
    cluster.do("CLUSTER", "KEYSLOT", key)


def test_a_key_of_any_bytes_has_the_same_slot(cluster: Both) -> None:
    """A thousand short ones."""
    for number in range(1000):
        cluster.do("CLUSTER", "KEYSLOT", bytes([number % 256, number // 256, 0x7B, number % 7]))


@pytest.mark.parametrize(
    "command",
    [
        "CLUSTER", "CLUSTER nonsense", "CLUSTER KEYSLOT", "CLUSTER KEYSLOT a b",
        "CLUSTER COUNTKEYSINSLOT x", "CLUSTER COUNTKEYSINSLOT 16384", "CLUSTER COUNTKEYSINSLOT -1",
        "CLUSTER GETKEYSINSLOT x 1", "CLUSTER GETKEYSINSLOT 1 x", "CLUSTER GETKEYSINSLOT 16384 1",
        "CLUSTER GETKEYSINSLOT 1 -1", "CLUSTER GETKEYSINSLOT 1",
        "CLUSTER ADDSLOTS", "CLUSTER ADDSLOTS x", "CLUSTER ADDSLOTS 16384", "CLUSTER ADDSLOTS 5",
        "CLUSTER ADDSLOTS 5 x", "CLUSTER ADDSLOTSRANGE 1", "CLUSTER ADDSLOTSRANGE 1 2 3",
        "CLUSTER ADDSLOTSRANGE 10 5", "CLUSTER ADDSLOTSRANGE 5 10",
        "CLUSTER ADDSLOTSRANGE 0 16384",
        "CLUSTER DELSLOTS x", "CLUSTER DELSLOTS 5 5", "CLUSTER DELSLOTSRANGE 1 2 3",
        "CLUSTER DELSLOTSRANGE 10 5", "CLUSTER DELSLOTSRANGE 1 5 5 6",
        "CLUSTER SETSLOT 5", "CLUSTER SETSLOT 5 foo", "CLUSTER SETSLOT x STABLE",
        "CLUSTER SETSLOT 5 NODE", "CLUSTER SETSLOT 5 NODE abc", "CLUSTER SETSLOT 5 MIGRATING abc",
        "CLUSTER SETSLOT 5 IMPORTING abc", "CLUSTER SETSLOT 5 STABLE",
        "CLUSTER SETSLOT 5 STABLE x", "CLUSTER FORGET abc", "CLUSTER REPLICATE abc",
        "CLUSTER REPLICAS abc", "CLUSTER SLAVES abc", "CLUSTER COUNT-FAILURE-REPORTS abc",
        "CLUSTER SET-CONFIG-EPOCH x", "CLUSTER SET-CONFIG-EPOCH -1", "CLUSTER RESET x",
        "CLUSTER RESET HARD x", "CLUSTER FAILOVER", "CLUSTER FAILOVER x",
        "CLUSTER FAILOVER FORCE x", "CLUSTER MEET", "CLUSTER MEET abc 1",
        "CLUSTER MEET 127.0.0.1 x", "CLUSTER MEET 127.0.0.1 99999",
        "CLUSTER MEET 127.0.0.1 7000 x", "CLUSTER MEET 127.0.0.1 1 2 3", "CLUSTER SAVECONFIG",
        "CLUSTER LINKS", "ASKING", "ASKING x", "READONLY", "READONLY x", "READWRITE",
        "READWRITE x", "SELECT 0", "SELECT 1", "SELECT 99", "SELECT x", "SWAPDB 0 1", "MOVE a 1",
        "COPY {a}1 {a}2 DB 1", "COPY {a}1 {a}2 DB 0", "COPY a b", "MGET a b", "MSET a 1 b 2",
        "RENAME a b", "DEL a b", "DEL {a}1 {a}2", "EXISTS a a", "OBJECT ENCODING a", "WATCH a b",
        "RANDOMKEY", "DBSIZE", "SCAN 0",
    ],
    ids=str,
)  # fmt: skip
def test_replies_are_equal(cluster: Both, command: str) -> None:
    """Errors above all, in the order in which they are asked about."""
    cluster.do(*command.split())


def test_errors_about_nodes_are_equal(cluster: Both) -> None:
    """Their own ids are others, so each is asked about itself."""
    ids = {
        name: client.value("CLUSTER", "MYID").decode()
        for name, client in (("redis", cluster.redis), ("meridian", cluster.meridian))
    }
    for command in (
        "CLUSTER FORGET {}", "CLUSTER REPLICATE {}", "CLUSTER REPLICAS {}",
        "CLUSTER COUNT-FAILURE-REPORTS {}", "CLUSTER SETSLOT 5 IMPORTING {}",
        "CLUSTER SETSLOT 5 NODE {}", "CLUSTER SETSLOT 5 MIGRATING {}", "CLUSTER SETSLOT 5 STABLE",
    ):  # fmt: skip
        one = cluster.redis.do(*command.format(ids["redis"]).split())
        other = cluster.meridian.do(*command.format(ids["meridian"]).split())
        assert one == other, command
    assert {len(one) for one in ids.values()} == {40}


def _lines(client: RawClient, *command: Argument) -> list[str]:
    text = client.value(*command)
    return (text if isinstance(text, str) else text.decode()).splitlines()


def test_info_has_the_fields_of_redis_in_their_order(cluster: Both) -> None:
    """And the same counts; what else Meridian knows comes last."""
    redis, meridian = (
        dict(line.split(":") for line in _lines(client, "CLUSTER", "INFO"))
        for client in (cluster.redis, cluster.meridian)
    )
    counted = [name for name in redis if not name.startswith("cluster_stats_messages_")]
    assert [name for name in meridian if name in counted] == counted
    for name in (
        "cluster_state", "cluster_slots_assigned", "cluster_slots_ok", "cluster_slots_pfail",
        "cluster_slots_fail", "cluster_known_nodes", "cluster_size",
    ):  # fmt: skip
        assert redis[name] == meridian[name], name
    own = {name for name in meridian if name not in redis}
    assert all(name.startswith(("meridian_", "cluster_stats_messages_")) for name in own)


def test_nodes_have_the_fields_of_redis(cluster: Both) -> None:
    """Eight and then the slots."""
    (one,), (other,) = (
        [line.split(" ") for line in _lines(client, "CLUSTER", "NODES")]
        for client in (cluster.redis, cluster.meridian)
    )
    assert len(one) == len(other) == 9
    for index in (2, 3, 7, 8):
        assert one[index] == other[index]
    assert one[1].split(":")[1].split("@")[0].isdigit()
    assert other[1].split(":")[1].split("@")[0] == str(cluster.pair.meridian.address.port)


def test_slots_have_the_form_of_redis(cluster: Both) -> None:
    """First, last, and the node that serves them with a map of nothing."""
    redis, meridian = cluster.values("CLUSTER", "SLOTS")
    for (first, last, (host, port, identifier, further)), server in (
        (redis[0], cluster.pair.redis),
        (meridian[0], cluster.pair.meridian),
    ):
        assert (first, last, port) == (0, 16383, server.address.port)
        assert len(identifier) == 40 and host in (b"", b"127.0.0.1")
        assert further == redis[0][2][3]
    assert len(redis) == len(meridian) == 1


def test_shards_have_the_form_of_redis(cluster: Both) -> None:
    """The same names in the same order, and the same values where they are not of the process."""
    redis, meridian = (as_map(reply[0]) for reply in cluster.values("CLUSTER", "SHARDS"))
    assert list(redis) == list(meridian) == [b"slots", b"nodes"]
    assert redis[b"slots"] == meridian[b"slots"] == [0, 16383]
    (one,), (other,) = ([as_map(node) for node in it[b"nodes"]] for it in (redis, meridian))
    assert list(one) == list(other)
    for name in (b"role", b"replication-offset", b"health"):
        assert one[name] == other[name], name


def test_keys_of_slots(cluster: Both) -> None:
    """Counted and given, whatever the order."""
    slot = str(cluster.do("CLUSTER", "KEYSLOT", "a"))
    for number in range(20):
        cluster.do("SET", f"{{a}}{number}", "x")
    cluster.do("SET", "b", "x")
    cluster.do("CLUSTER", "COUNTKEYSINSLOT", slot)
    cluster.unordered("CLUSTER", "GETKEYSINSLOT", slot, "100")
    for reply in cluster.values("CLUSTER", "GETKEYSINSLOT", slot, "5"):
        assert len(reply) == 5


@pytest.mark.parametrize(
    "commands",
    [
        ["MULTI", "SET a 1", "GET a", "EXEC"],
        ["MULTI", "SET a 1", "SET b 1", "EXEC", "EXEC", "GET a"],
        ["MULTI", "MGET a b", "EXEC"],
        ["MULTI", "SET {a}1 1", "SET {a}2 1", "DBSIZE", "EXEC"],
        ["WATCH a", "MULTI", "SET a 1", "EXEC"],
        ["WATCH a", "SET a 2", "MULTI", "SET a 1", "EXEC"],
        ["MULTI", "SELECT 1", "EXEC"],
        ["MULTI", "SELECT 0", "CLUSTER KEYSLOT a", "READONLY", "ASKING", "EXEC"],
        ["MULTI", "WATCH a b", "EXEC"],
        ["MULTI", "CLUSTER COUNTKEYSINSLOT 5", "CLUSTER GETKEYSINSLOT 5 1", "EXEC"],
        ["MULTI", "CLUSTER ADDSLOTS x", "EXEC"],
        ["MULTI", "PING", "EXEC"],
        ["MULTI", "EXEC"],
    ],
    ids=str,
)
def test_transactions_have_one_slot(cluster: Both, commands: list[str]) -> None:
    """What is refused, and when."""
    for command in commands:
        cluster.do(*command.split())
    cluster.reopen()


def test_the_mode_is_told(cluster: Both) -> None:
    """To those who ask INFO and HELLO."""
    for client in (cluster.redis, cluster.meridian):
        assert "redis_mode:cluster" in _lines(client, "INFO", "server")
        assert "cluster_enabled:1" in _lines(client, "INFO", "cluster")
        assert as_map(client.value("HELLO"))[b"mode"] == b"cluster"


@pytest.mark.parametrize(
    "command",
    [
        "CLUSTER INFO", "CLUSTER NODES", "CLUSTER SLOTS", "CLUSTER SHARDS", "CLUSTER MYID",
        "CLUSTER KEYSLOT a", "CLUSTER HELP", "CLUSTER MEET 127.0.0.1 7000", "CLUSTER ADDSLOTS 1",
        "CLUSTER nonsense", "CLUSTER KEYSLOT", "ASKING", "READONLY", "READWRITE",
    ],
    ids=str,
)  # fmt: skip
def test_without_cluster_enabled(both: Both, command: str) -> None:
    """Everything is refused in the same words."""
    both.do(*command.split())
