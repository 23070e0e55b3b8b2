from __future__ import annotations

import errno

import pytest

from cluster.membership.messages import MemberStatus
from cluster.slots import slot_of
from meridian_resp.config.choices import AppendFsync
from meridian_resp.server.cluster_serving import ClusterServing
from tests.harness.failing_files import FailWhile
from tests.harness.fake_cluster import gossip_endpoint, map_of, member
from tests.harness.joined_servers import KEYS, THIRDS, JoinedServers, joined
from tests.harness.simulated_server import request

ONE, TWO, THREE = KEYS[1], KEYS[2], KEYS[3]


def test_any_node_serves_any_key() -> None:
    """Its own at once, others by handing the request on."""
    servers = joined()
    for number in servers.servers:
        for key in KEYS.values():
            assert servers.ask(number, f"SET {key} {number}") == b"+OK\r\n"
            assert servers.ask(number % 3 + 1, f"GET {key}") == b"$1\r\n%d\r\n" % number
    assert [server.node.keyspace.databases[0].count for server in servers.servers.values()] == [
        1
    ] * 3
    assert servers.servers[1].serving.forwarding.statistics().answered == 4


def test_replies_keep_the_order_of_requests() -> None:
    """Although local ones are ready first, and later ones are executed meanwhile."""
    servers = joined()
    client = servers.send(
        1, f"SET {TWO} 2", f"SET {ONE} 1", f"SET {THREE} 3", f"GET {ONE}", "PING"
    )
    assert client.take() == b""
    assert servers.servers[1].node.keyspace.databases[0].count == 1
    servers.settle()
    assert client.take() == b"+OK\r\n+OK\r\n+OK\r\n$1\r\n1\r\n+PONG\r\n"


def test_replies_leave_as_soon_as_those_before_them_have() -> None:
    """Not only when all are there."""
    servers = joined()
    client = servers.send(1, "PING", f"GET {TWO}", "PING", f"GET {THREE}", "PING")
    assert client.take() == b"+PONG\r\n"
    servers.network.break_link(servers.servers[1].cluster, servers.servers[2].cluster)
    servers.step()
    reply = client.take()
    assert reply.startswith(b"-CLUSTERDOWN The node that serves slot")
    assert reply.endswith(b"broke off before it answered\r\n+PONG\r\n")
    servers.settle()
    assert client.take() == b"$-1\r\n+PONG\r\n"


def test_requests_of_a_client_are_executed_in_their_order() -> None:
    """On one other node, whatever else is in between."""
    servers = joined()
    appended = [f"APPEND {TWO} {digit}" for digit in range(10)]
    mixed = [command for pair in zip(appended, ["PING"] * 10, strict=True) for command in pair]
    servers.ask(1, *mixed)
    assert servers.ask(2, f"GET {TWO}") == b"$10\r\n0123456789\r\n"


def test_keys_of_several_slots_are_refused() -> None:
    """Wherever they are, as in Redis."""
    servers = joined()
    refusal = b"-CROSSSLOT Keys in request don't hash to the same slot\r\n"
    for command in (f"MGET {ONE} {TWO}", f"MSET {TWO} 1 {THREE} 2", f"RENAME {ONE} {ONE}x"):
        assert servers.ask(1, command) == refusal
    assert servers.ask(1, f"MSET {{{TWO}}}1 a {{{TWO}}}2 b") == b"+OK\r\n"
    assert servers.ask(3, f"MGET {{{TWO}}}1 {{{TWO}}}2") == b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"


def test_commands_without_keys_speak_of_the_nodes_own() -> None:
    """Cluster clients put them together."""
    servers = joined()
    for key in KEYS.values():
        servers.ask(1, f"SET {key} x")
    assert servers.ask(1, "DBSIZE") == b":1\r\n"
    assert servers.ask(2, "KEYS *") == f"*1\r\n${len(TWO)}\r\n{TWO}\r\n".encode()
    assert TWO.encode() in servers.ask(2, "SCAN 0")
    assert servers.ask(3, "FLUSHALL") == b"+OK\r\n"
    assert servers.ask(1, f"EXISTS {TWO}", f"EXISTS {THREE}") == b":1\r\n:0\r\n"


def test_a_node_without_a_cluster_serves_no_key() -> None:
    """But answers everything else; WATCH and transactions too are about keys."""
    servers = JoinedServers(1)
    down = b"-CLUSTERDOWN Hash slot not served\r\n"
    assert servers.ask(1, "GET a") == servers.ask(1, "WATCH a") == down
    assert servers.ask(1, "MULTI", "GET a", "EXEC") == (
        b"+OK\r\n" + down + b"-EXECABORT Transaction discarded because of previous errors.\r\n"
    )
    assert servers.ask(1, "PING", "DBSIZE") == b"+PONG\r\n:0\r\n"
    servers.go_by(map_of({1: "0-16383"}))
    assert servers.ask(1, "SET a 1") == b"+OK\r\n"


def test_errors_of_the_other_node_come_back_as_they_are() -> None:
    """With their code."""
    servers = joined()
    servers.ask(1, f"SET {TWO} x")
    assert servers.ask(1, f"INCR {TWO}") == b"-ERR value is not an integer or out of range\r\n"
    assert servers.ask(1, f"SET {TWO}") == b"-ERR wrong number of arguments for 'set' command\r\n"
    assert servers.ask(1, f"SET {TWO} a FOO") == b"-ERR syntax error\r\n"


def test_the_reply_is_in_the_clients_protocol() -> None:
    """Whatever another client of the same node speaks."""
    servers = joined()
    servers.ask(1, "HELLO 3")
    assert servers.ask(1, f"GET {TWO}") == b"_\r\n"
    assert servers.ask(3, f"GET {TWO}") == b"$-1\r\n"
    assert servers.ask(1, "HELLO 2").startswith(b"*14")
    assert servers.ask(1, f"GET {TWO}") == b"$-1\r\n"


def test_redirects_can_be_wanted() -> None:
    """Then nothing is handed on, and ASKING is accepted."""
    servers = joined(cluster_redirects=True)
    slot = slot_of(TWO.encode())
    moved = f"-MOVED {slot} 127.0.0.1:7002\r\n".encode()
    assert servers.ask(1, f"GET {TWO}") == moved
    assert servers.ask(1, "ASKING", f"GET {TWO}") == b"+OK\r\n" + moved
    assert servers.ask(1, f"WATCH {TWO}") == moved
    assert servers.ask(1, "MULTI", f"GET {TWO}", "EXEC").startswith(b"+OK\r\n" + moved)
    assert servers.ask(2, f"GET {TWO}") == b"$-1\r\n"
    assert servers.ask(1, "CONFIG SET cluster-redirects no", f"GET {TWO}") == b"+OK\r\n$-1\r\n"


def test_coverage_can_be_required_at_any_time() -> None:
    """With a slot of nobody's, nothing is served then."""
    servers = JoinedServers(2)
    servers.go_by(map_of({1: "0-5460", 2: "5461-10922"}))
    assert servers.ask(1, f"GET {ONE}", f"GET {TWO}") == b"$-1\r\n$-1\r\n"
    servers.ask(1, "CONFIG SET cluster-require-full-coverage yes")
    assert servers.ask(1, f"GET {ONE}", f"GET {TWO}", f"GET {THREE}") == (
        b"-CLUSTERDOWN The cluster is down\r\n" * 2 + b"-CLUSTERDOWN Hash slot not served\r\n"
    )


def test_a_transaction_for_another_node_is_handed_on_whole() -> None:
    """One message, one array, atomic there; its errors are in their places."""
    servers = joined()
    reply = servers.ask(1, "MULTI", f"SET {TWO} x", f"INCR {TWO}", f"GET {TWO}", "PING", "EXEC")
    assert reply == (
        b"+OK\r\n" + b"+QUEUED\r\n" * 4 + b"*4\r\n+OK\r\n"
        b"-ERR value is not an integer or out of range\r\n$1\r\nx\r\n+PONG\r\n"
    )
    assert servers.servers[1].serving.forwarding.statistics().sent == 1
    assert servers.ask(1, "EXEC") == b"-ERR EXEC without MULTI\r\n"
    assert servers.ask(1, "MULTI", "PING", "EXEC") == b"+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n"


def test_a_transaction_has_one_slot() -> None:
    """Also when all its slots are this node's; it is given up as in Redis."""
    servers = joined()
    cross = b"-CROSSSLOT Keys in request don't hash to the same slot\r\n"
    assert servers.ask(1, "MULTI", f"SET {ONE} 1", f"SET {TWO} 1", "EXEC") == (
        b"+OK\r\n+QUEUED\r\n+QUEUED\r\n" + cross
    )
    assert servers.ask(1, "EXEC") == b"-ERR EXEC without MULTI\r\n"
    aborted = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
    assert servers.ask(1, "MULTI", f"MGET {ONE} {TWO}", "EXEC") == b"+OK\r\n" + cross + aborted
    assert servers.ask(1, f"EXISTS {ONE}") == b":0\r\n"


def test_what_is_about_the_connection_is_not_handed_on() -> None:
    """It would change the wrong one; a transaction here may hold it."""
    servers = joined()
    for command in ("CLIENT ID", "CONFIG GET port"):
        reply = servers.ask(1, "MULTI", command, f"SET {TWO} 1", "EXEC")
        assert b"-EXECABORT Transaction discarded because of: its keys are another node's" in reply
        assert servers.ask(1, "EXEC") == b"-ERR EXEC without MULTI\r\n"
        assert b"EXECABORT" not in servers.ask(1, "MULTI", command, f"SET {ONE} 1", "EXEC")
    assert servers.ask(2, f"EXISTS {TWO}") == b":0\r\n"


def test_watched_keys_of_another_node_guard_a_transaction() -> None:
    """As if they were here: it runs if nothing changed, and answers null if something did."""
    servers = joined()
    servers.ask(2, f"SET {TWO} 1")
    assert servers.ask(1, f"WATCH {TWO}") == b"+OK\r\n"
    assert servers.ask(1, "MULTI", f"INCR {TWO}", "EXEC").endswith(b"*1\r\n:2\r\n")
    assert servers.ask(1, f"WATCH {TWO}") == b"+OK\r\n"
    servers.ask(3, f"SET {TWO} 7")
    assert servers.ask(1, "MULTI", f"INCR {TWO}", "EXEC").endswith(b"*-1\r\n")
    assert servers.ask(1, "MULTI", f"INCR {TWO}", "EXEC").endswith(b"*1\r\n:8\r\n")


@pytest.mark.parametrize("change", ["DEL {key}", "EXPIRE {key} 100", "FLUSHALL"])
def test_every_kind_of_change_is_noticed(change: str) -> None:
    """Of the other node's clients."""
    servers = joined()
    servers.ask(2, f"SET {TWO} 1")
    servers.ask(1, f"WATCH {TWO}")
    servers.ask(2, change.format(key=TWO))
    assert servers.ask(1, "MULTI", f"GET {TWO}", "EXEC").endswith(b"*-1\r\n")


@pytest.mark.parametrize("end", ["UNWATCH", "MULTI|DISCARD", "RESET", "MULTI|SET|EXEC"])
def test_watching_ends(end: str) -> None:
    """By all that ends it here."""
    servers = joined()
    servers.ask(1, f"WATCH {TWO}")
    servers.ask(1, *end.replace("SET|", f"SET {TWO} x|").split("|"))
    servers.ask(2, f"SET {TWO} 9")
    assert servers.ask(1, "MULTI", f"GET {TWO}", "EXEC").endswith(b"*1\r\n$1\r\n9\r\n")


def test_the_first_watch_of_a_key_counts() -> None:
    """A second one does not forgive what happened between, wherever the key was or is."""
    servers = joined()
    after = map_of(THIRDS, epoch=3)
    for before in (map_of(THIRDS), map_of({1: "0-10922", 2: "", 3: THIRDS[3]}, epoch=2)):
        servers.go_by(before)
        assert servers.ask(1, f"WATCH {TWO}") == b"+OK\r\n"
        servers.go_by(after)
        servers.ask(2, f"APPEND {TWO} x")
        assert servers.ask(1, f"WATCH {TWO}") == b"+OK\r\n"
        assert servers.ask(1, "MULTI", f"GET {TWO}", "EXEC").endswith(b"*-1\r\n")


def test_watched_keys_have_the_slot_of_the_transaction() -> None:
    """Or no node could compare them all."""
    servers = joined()
    cross = b"-CROSSSLOT Keys in request don't hash to the same slot\r\n"
    assert servers.ask(1, f"WATCH {ONE} {TWO}") == cross
    servers.ask(1, f"WATCH {TWO}")
    assert servers.ask(1, "MULTI", f"SET {ONE} 1", "EXEC").endswith(cross)
    servers.ask(1, f"WATCH {ONE}")
    assert servers.ask(1, "MULTI", f"SET {TWO} 1", "EXEC").endswith(cross)
    assert servers.ask(1, "MULTI", f"SET {TWO} 1", "EXEC").endswith(b"*1\r\n+OK\r\n")


def test_a_transaction_without_keys_goes_where_its_watches_are() -> None:
    """They decide whether it runs."""
    servers = joined()
    servers.ask(1, f"WATCH {TWO}")
    servers.ask(2, f"SET {TWO} 9")
    assert servers.ask(1, "MULTI", "PING", "EXEC").endswith(b"*-1\r\n")


def test_a_watched_slot_that_comes_here_is_compared_here() -> None:
    """And one that goes away counts as changed."""
    servers = joined()
    servers.ask(1, f"WATCH {TWO}")
    everything = map_of({1: "0-10922", 2: "", 3: THIRDS[3]}, epoch=2)
    servers.go_by(everything)
    assert servers.ask(1, "MULTI", f"SET {TWO} 1", "EXEC").endswith(b"*1\r\n+OK\r\n")
    servers.ask(1, f"WATCH {TWO}")
    servers.go_by(map_of(THIRDS, epoch=3))
    assert servers.ask(1, "MULTI", f"SET {TWO} 2", "EXEC").endswith(b"*-1\r\n")


def test_an_expired_key_is_no_change_if_it_was_watched_as_absent() -> None:
    """Its deletion, which somebody's read causes, was due before."""
    servers = joined()
    servers.ask(2, f"SET {TWO} 1 PX 5")
    servers.pass_s(0.01)
    servers.ask(1, f"WATCH {TWO}")
    servers.ask(2, f"GET {TWO}")
    assert servers.ask(1, "MULTI", f"SET {TWO} 2", "EXEC").endswith(b"*1\r\n+OK\r\n")


def test_a_node_that_can_not_be_reached_is_named() -> None:
    """The connection failed, so nothing was sent."""
    servers = joined()
    servers.network.unreachable.add(gossip_endpoint(2))
    slot = slot_of(TWO.encode())
    assert (
        servers.ask(1, f"SET {TWO} 1", "PING")
        == (
            f"-CLUSTERDOWN The node that serves slot {slot} (127.0.0.1:7002) can't be reached\r\n"
            "+PONG\r\n"
        ).encode()
    )


def test_nobody_waits_for_a_node_that_answers_nobody() -> None:
    """Suspected by membership and dead by phi: nothing is sent, so the outcome is known at once.

    Phi alone is not believed: datagrams may be lost where links work.
    """
    servers = joined()
    front = servers.servers[1]
    front.cluster.silence(2, 20.0)
    front.cluster.views = [member(1), member(2)]
    look(front.serving)
    assert servers.ask(1, f"SET {TWO} 1") == b"+OK\r\n"
    front.cluster.views = [member(1), member(2, MemberStatus.SUSPECTED)]
    look(front.serving)
    assert servers.ask(1, f"SET {TWO} 1").startswith(b"-CLUSTERDOWN The node that serves slot")
    front.cluster.readings.clear()
    look(front.serving)
    assert servers.ask(1, f"SET {TWO} 1") == b"+OK\r\n"
    front.cluster.views = [member(1), member(2, MemberStatus.DEAD)]
    look(front.serving)
    assert servers.ask(1, f"SET {TWO} 1").startswith(b"-CLUSTERDOWN")


def look(serving: ClusterServing) -> None:
    """Let half a second of beats pass."""
    for _ in range(10):
        serving.beat()


def test_a_broken_link_leaves_a_write_unknown() -> None:
    """It may have been executed: here it was."""
    servers = joined()
    client = servers.send(1, f"SET {TWO} 1")
    assert servers.network.deliver_one()
    servers.network.break_link(servers.servers[1].cluster, servers.servers[2].cluster)
    servers.step()
    assert client.take().startswith(b"-UNKNOWN The node that serves slot")
    assert servers.ask(2, f"EXISTS {TWO}") == b":1\r\n"


def test_time_is_limited_by_an_option() -> None:
    """And a late reply disturbs nobody."""
    servers = joined(cluster_forward_timeout_ms=200)
    client = servers.send(1, f"SET {TWO} 1", "PING")
    servers.pass_s(0.19)
    servers.step()
    assert client.take() == b""
    servers.pass_s(0.02)
    servers.step()
    reply = client.take()
    assert reply.startswith(b"-UNKNOWN") and reply.endswith(b"executed\r\n+PONG\r\n")
    servers.settle()
    assert servers.ask(1, "PING") == b"+PONG\r\n"


def test_a_node_with_an_older_map_refuses_and_the_request_finds_its_way() -> None:
    """The newer map says where; executed once."""
    servers = joined()
    newer = map_of({1: THIRDS[1], 2: "", 3: "5461-16383"}, epoch=2)
    servers.go_by(newer, 2, 3)
    client = servers.send(1, f"INCR {TWO}")
    servers.settle()
    assert client.take() == b""
    servers.go_by(newer, 1)
    servers.settle()
    assert client.take() == b":1\r\n"
    assert servers.ask(3, f"GET {TWO}") == b"$1\r\n1\r\n"


def test_a_client_that_goes_away_leaves_nothing_behind() -> None:
    """Its request is executed, its reply dropped."""
    servers = joined()
    client = servers.send(1, f"SET {TWO} 1")
    client.reset()
    servers.step()
    assert client.is_closed
    servers.settle()
    assert servers.ask(2, f"GET {TWO}") == b"$1\r\n1\r\n"
    assert servers.servers[1].serving.forwarding.statistics().waiting == 0
    assert servers.servers[2].serving.execution.proxies() == []


def test_a_client_that_sends_no_more_gets_its_replies() -> None:
    """QUIT and the end of its stream wait for them."""
    for ending in ("QUIT", ""):
        servers = joined()
        client = servers.send(1, f"SET {TWO} 1", *([ending] if ending else []))
        if not ending:
            client.end()
        servers.settle()
        assert client.take() == b"+OK\r\n" * (2 if ending else 1)
        assert client.is_closed


def test_replies_that_are_off_are_off_for_other_nodes_too() -> None:
    """The request is executed all the same."""
    servers = joined()
    assert servers.ask(1, "CLIENT REPLY OFF", f"SET {TWO} 1") == b""
    assert servers.ask(1, "CLIENT REPLY ON", f"GET {TWO}") == b"+OK\r\n$1\r\n1\r\n"
    assert servers.ask(1, "CLIENT REPLY SKIP", f"SET {TWO} 2", f"GET {TWO}") == b"$1\r\n2\r\n"


def test_a_reply_waits_for_the_log_of_the_node_that_executes() -> None:
    """With appendfsync always, and for a write at LINEARIZABLE."""
    servers = joined(appendfsync=AppendFsync.ALWAYS)
    client = servers.send(1, f"SET {TWO} 1")
    servers.settle()
    assert client.take() == b""
    servers.servers[2].sync()
    servers.settle()
    assert client.take() == b"+OK\r\n"
    servers = joined()
    client = servers.send(1, f"CONSISTENCY LINEARIZABLE SET {TWO} 1")
    servers.settle()
    servers.servers[1].sync()
    servers.settle()
    assert client.take() == b""
    servers.servers[2].sync()
    servers.settle()
    assert client.take() == b"+OK\r\n"


def test_a_log_that_fails_here_does_not_fail_what_others_execute() -> None:
    """Only what this node had to log is refused."""
    servers = joined()
    servers.ask(1, f"GET {TWO}")
    fault = FailWhile(errno.ENOSPC, lambda operation, name: name.endswith(".wal"))
    servers.servers[1].files.on_call = fault
    client = servers.send(1, f"SET {ONE} 1", f"GET {TWO}", "PING")
    servers.settle()
    reply = client.take()
    assert reply.count(b"-MISCONF") == 2 and reply.count(b"$-1\r\n") == 1


def test_a_client_with_too_much_under_way_is_read_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It goes on by itself, and loses nothing."""
    monkeypatch.setattr("meridian_resp.server.forwarding_clients.CLIENT_REQUESTS_MAX", 10)
    servers = joined(turn_commands_max=20)
    client = servers.clients[1]
    for digit in range(100):
        client.send(request("APPEND", TWO, f"{digit:02}"))
    servers.step()
    waiting = servers.servers[1].serving.forwarding.statistics().waiting
    assert waiting == 11, "above its bound, and not by a whole turn"
    servers.settle()
    assert client.take().count(b":") == 100
    expected = "".join([f"{digit:02}" for digit in range(100)])
    assert servers.ask(2, f"GET {TWO}") == f"$200\r\n{expected}\r\n".encode()


def test_monitor_shows_requests_where_they_arrive_and_where_they_run() -> None:
    """There under the address of the node that handed them on."""
    servers = joined()
    watching = servers.servers[2].connect()
    servers.servers[2].ask(watching, "MONITOR")
    servers.ask(1, f"SET {TWO} 1")
    servers.servers[2].step()
    assert f'[0 127.0.0.1:17001] "SET" "{TWO}" "1"\r\n'.encode() in watching.take()


def test_a_pause_of_the_other_node_delays_requests_and_keeps_their_order() -> None:
    """They go on when it is over."""
    servers = joined()
    servers.ask(2, "CLIENT PAUSE 1000 ALL")
    client = servers.send(1, f"APPEND {TWO} a", f"APPEND {TWO} b")
    servers.settle()
    assert client.take() == b""
    servers.ask(2, "CLIENT UNPAUSE")
    servers.settle()
    assert client.take() == b":1\r\n:2\r\n"


def test_a_server_that_stops_answers_what_is_under_way() -> None:
    """It can't wait for others."""
    servers = joined()
    client = servers.send(1, f"SET {TWO} 1")
    servers.servers[1].serving.stop()
    servers.step()
    assert b"this server is stopping" in client.take()


def test_keys_that_a_map_put_out_of_reach_were_never_spoken_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No map should do that; one that does is noticed at once, and keys are kept."""
    servers = joined()
    servers.ask(2, f"SET {TWO} x")
    servers.go_by(map_of({1: "0-5460", 2: "5461-10922", 3: "10923-16383"}, epoch=2))
    assert not [record for record in caplog.records if "keys are here" in record.getMessage()]
    servers.go_by(map_of({1: "0-10922", 2: "", 3: "10923-16383"}, epoch=3))
    (said,) = [record for record in caplog.records if "keys are here" in record.getMessage()]
    assert said.getMessage().startswith("1 keys are here in slots that are another node's")
    assert servers.ask(2, "DBSIZE") == b":1\r\n"
    servers.go_by(map_of({1: "0-5460", 2: "5461-10922", 3: "10923-16383"}, epoch=4))
    assert servers.ask(1, f"GET {TWO}") == b"$1\r\nx\r\n"
