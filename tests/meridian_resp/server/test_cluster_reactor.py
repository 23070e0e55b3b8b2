from __future__ import annotations

from meridian_resp.server.cluster_reactor import ClusterReactor
from meridian_resp.server.cluster_serving import ClusterServing
from meridian_resp.server.io import READABLE
from tests.harness.fake_cluster import FakeCluster, FakeNetwork, map_of
from tests.harness.joined_servers import JoinedServer
from tests.harness.simulated_server import SimulatedServer


class FakePeers:
    """Links whose socket is the listening one of a memory network: it is ready when told."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ready: list[tuple[int, int]] = []
        self.flushes = 0

    def handles(self, number: int) -> bool:
        return number == self.number

    def on_ready(self, number: int, events: int) -> None:
        self.ready.append((number, events))

    def flush(self) -> None:
        self.flushes += 1


def test_without_a_cluster_there_is_no_reactor_for_one() -> None:
    """So nobody pays for it."""
    assert not isinstance(SimulatedServer().open().reactor, ClusterReactor)


def test_links_are_read_in_the_tick_and_flushed_at_its_end() -> None:
    """Other sockets are still clients and listeners."""
    server = SimulatedServer(cluster_enabled=True).open()
    serving = ClusterServing(server.node)
    peers = FakePeers(4711)
    serving.attach(FakeCluster(1, FakeNetwork()), peers)
    client = server.connect()
    assert server.ask(client, "PING") == b"+PONG\r\n"
    flushes = peers.flushes
    assert flushes > 0
    server.reactor.tick([(4711, READABLE), (9999, READABLE)])
    assert peers.ready == [(4711, READABLE)]
    assert peers.flushes == flushes + 1


def test_work_can_be_asked_for_without_a_socket_being_ready() -> None:
    """It runs once, in the next tick."""
    server = JoinedServer(1, FakeNetwork())
    reactor = server.reactor
    assert isinstance(reactor, ClusterReactor)
    done: list[int] = []
    reactor.run_soon(lambda: done.append(reactor.ticks))
    before = reactor.ticks
    server.step()
    assert done == [before + 1]
    server.step()
    assert len(done) == 1


def test_a_server_may_be_started_before_its_cluster_is_there() -> None:
    """Until then it is a server like any other; after that slots decide."""
    server = SimulatedServer(cluster_enabled=True).open()
    client = server.connect()
    assert server.ask(client, "PING") == b"+PONG\r\n"
    serving = ClusterServing(server.node)
    cluster = FakeCluster(1, FakeNetwork())
    serving.attach(cluster, None)
    assert server.ask(client, "GET a").startswith(b"-CLUSTERDOWN")
    cluster.set_map(map_of({1: "0-16383"}))
    assert server.ask(client, "GET a") == b"$-1\r\n"
