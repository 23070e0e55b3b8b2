from __future__ import annotations

import pytest
import trio
import trio.testing

from cluster.slots import slot_of
from meridian_resp.commands import build_table
from meridian_resp.server.forwarding import Forwarding
from meridian_resp.server.routed_commands import RoutedCommands, not_handed_on
from meridian_resp.server.routing import Routing
from meridian_resp.server.runnable import Runnables
from tests.harness.fake_cluster import FakeCluster, map_of
from tests.harness.joined_servers import KEYS, joined, key_in
from tests.harness.simulated_server import SimulatedServer

ONE, TWO = KEYS[1], KEYS[2]


def test_commands_with_keys_are_wrapped_and_no_others() -> None:
    """Sub-commands too; EXEC stands for the keys of its queue."""
    runnables = Runnables(build_table())
    routing = Routing()
    forwarding = Forwarding(
        FakeCluster(1), routing, monotonic=lambda: 0.0, on_settled=lambda session: None
    )
    RoutedCommands(routing, forwarding).install(runnables)
    for name, runnable in runnables.by_full_name.items():
        is_wrapped = runnable.handler is not runnable.spec.handler
        assert is_wrapped == (bool(runnable.spec.keys) or name == "exec"), name


def test_a_server_without_a_cluster_has_the_handlers_themselves() -> None:
    """It pays nothing for what it does not use."""
    server = SimulatedServer().open()
    for runnable in server.node.runnables.by_full_name.values():
        assert runnable.handler is runnable.spec.handler


@pytest.mark.parametrize(
    "command",
    [
        f"OBJECT ENCODING {TWO}", f"MEMORY USAGE {TWO}", f"TOUCH {TWO}", f"LCS {TWO} {TWO}",
        f"COPY {TWO} {TWO} REPLACE", f"GETRANGE {TWO} 0 -1", f"TTL {TWO}", f"TYPE {TWO}",
        f"GETEX {TWO} PERSIST", f"SETRANGE {TWO} 1 y", f"UNLINK {TWO}",
    ],
)  # fmt: skip
def test_a_forwarded_command_answers_as_at_home(command: str) -> None:
    """Whatever its keys look like."""
    servers = joined()
    servers.ask(2, f"SET {TWO} value")
    here = servers.ask(2, command)
    servers.ask(2, f"SET {TWO} value")
    assert servers.ask(1, command) == here


def test_a_call_without_sense_is_refused_by_its_handler() -> None:
    """It has no keys by which it could be sent anywhere."""
    servers = joined()
    refusal = b"-ERR wrong number of arguments for 'mset' command\r\n"
    assert servers.ask(1, f"MSET {KEYS[1]} 1 {KEYS[1]}") == refusal


@pytest.mark.parametrize("is_changed", [False, True])
async def test_exec_waits_for_a_watch_that_is_not_answered(is_changed: bool) -> None:
    """A client may send all of it at once: the versions are still to come when EXEC does."""
    servers = joined()
    async with trio.open_nursery() as nursery:
        await nursery.start(servers.servers[1].node.long_commands.run)
        client = servers.send(1, f"WATCH {TWO}", "MULTI", f"SET {TWO} 1", "EXEC", "PING")
        servers.settle()
        if is_changed:
            servers.ask(2, f"SET {TWO} 9")
        await trio.testing.wait_all_tasks_blocked()
        servers.settle()
        await trio.testing.wait_all_tasks_blocked()
        servers.settle()
        array = b"*-1\r\n" if is_changed else b"*1\r\n+OK\r\n"
        assert client.take() == b"+OK\r\n+OK\r\n+QUEUED\r\n" + array + b"+PONG\r\n"
        nursery.cancel_scope.cancel()


async def test_exec_is_given_up_when_its_watch_was_not_answered() -> None:
    """Nobody knows what the key was like."""
    servers = joined()
    async with trio.open_nursery() as nursery:
        await nursery.start(servers.servers[1].node.long_commands.run)
        client = servers.send(1, f"WATCH {TWO}", "MULTI", f"SET {TWO} 1", "EXEC")
        servers.network.break_link(servers.servers[1].cluster, servers.servers[2].cluster)
        servers.settle()
        await trio.testing.wait_all_tasks_blocked()
        servers.settle()
        reply = client.take()
        assert reply.startswith(b"-CLUSTERDOWN") and reply.endswith(b"+QUEUED\r\n*-1\r\n")
        nursery.cancel_scope.cancel()


def test_a_write_that_no_leader_takes_is_refused_where_it_arrives() -> None:
    """Because the map says so, in a transaction before it is queued."""
    servers = joined()
    servers.go_by(map_of({1: "0-5460", 2: "", 3: "10923-16383"}, epoch=2))
    down = b"-CLUSTERDOWN Hash slot not served\r\n"
    assert servers.ask(1, f"SET {TWO} 1") == down
    assert servers.ask(1, "MULTI", f"SET {TWO} 1", "DISCARD") == b"+OK\r\n" + down + b"+OK\r\n"


def test_a_level_before_a_queued_command_hides_no_key() -> None:
    """It is the inner command whose keys count."""
    servers = joined()
    reply = servers.ask(1, "MULTI", f"CONSISTENCY QUORUM SET {TWO} 1", "EXEC")
    assert reply.endswith(b"*1\r\n+OK\r\n")
    assert servers.ask(2, f"GET {TWO}") == b"$1\r\n1\r\n"


def test_the_map_may_change_between_multi_and_exec() -> None:
    """EXEC goes by the newer one."""
    servers = joined()
    servers.ask(1, "MULTI", f"SET {TWO} 1")
    servers.go_by(map_of({1: "0-10922", 2: "", 3: "10923-16383"}, epoch=2))
    assert servers.ask(1, "EXEC") == b"*1\r\n+OK\r\n"
    assert servers.servers[1].node.keyspace.databases[0].count == 1


def test_what_cannot_be_handed_on_is_named() -> None:
    """So that people can take it out."""
    assert "'client|id'" in not_handed_on("client|id")


def test_flushall_in_a_transaction_emptied_another_node() -> None:
    """It is about the node that the client is connected to, as is all without keys."""
    servers = joined()
    servers.ask(2, f"SET {TWO} 1")
    for command in ("FLUSHALL", "FLUSHDB", "DBSIZE", "RANDOMKEY", "INFO"):
        reply = servers.ask(1, "MULTI", f"GET {TWO}", command, "EXEC")
        assert b"-EXECABORT Transaction discarded because of: its keys are another node's" in reply
    assert servers.ask(2, "DBSIZE") == b":1\r\n"


def test_a_watched_slot_that_went_away_was_not_looked_at() -> None:
    """Its key was written where it is now, and a transaction on other keys did not notice."""
    servers = joined()
    assert servers.ask(1, f"WATCH {ONE}") == b"+OK\r\n"
    slot = slot_of(ONE.encode())
    rest = f"0-{slot - 1} {slot + 1}-5460"
    servers.go_by(map_of({1: rest, 2: f"5461-10922 {slot}", 3: "10923-16383"}, epoch=2))
    servers.ask(2, f"SET {ONE} other")
    near = key_in(range(slot))
    assert servers.ask(1, "MULTI", f"SET {near} 1", "EXEC").endswith(b"*-1\r\n")
    assert servers.ask(1, f"EXISTS {near}") == b":0\r\n"
    assert servers.ask(1, "MULTI", f"SET {near} 1", "EXEC").endswith(b"*1\r\n+OK\r\n")
