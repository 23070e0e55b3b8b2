"""Several whole servers in one process, joined by a network in memory to a cluster.

Each is a `SimulatedServer` with a map written by the test; messages between them are handed over
one by one, each in a tick of its receiver, in the order of `settle`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster.map.values import ClusterMap
from cluster.slots import slot_of
from meridian_resp.server.cluster_serving import ClusterServing
from tests.harness.fake_cluster import FakeCluster, FakeNetwork, map_of
from tests.harness.memory_io import MemoryClient
from tests.harness.simulated_server import SimulatedServer, line

#: Keys of each third of the slots, in the map of three servers.
THIRDS = {1: "0-5460", 2: "5461-10922", 3: "10923-16383"}
_ROUNDS_MAX = 100_000


def key_in(slots: range, prefix: str = "k") -> str:
    """A key whose slot is one of these."""
    return next(
        f"{prefix}{number}"
        for number in range(1_000_000)
        if slot_of(f"{prefix}{number}".encode()) in slots
    )


#: A key of each of the three servers.
KEYS = {
    1: key_in(range(5461)),
    2: key_in(range(5461, 10923)),
    3: key_in(range(10923, 16384)),
}


class JoinedServer(SimulatedServer):
    """One of them."""

    def __init__(self, number: int, network: FakeNetwork, **options: Any) -> None:
        super().__init__(cluster_enabled=True, **options)
        self.cluster = FakeCluster(number, network)
        self.cluster.in_tick = self._in_tick
        self.open()
        self.serving = ClusterServing(self.node)
        self.serving.attach(self.cluster, None)

    def _in_tick(self, work: Callable[[], None]) -> None:
        self.reactor.begin_tick()
        work()
        self.reactor.end_tick()


class JoinedServers:
    """Servers with the numbers from 1 on, a client of each, and the way between them."""

    def __init__(self, count: int = 3, **options: Any) -> None:
        self.network = FakeNetwork()
        self.servers = {
            number: JoinedServer(number, self.network, **options) for number in range(1, count + 1)
        }
        self.clients = {number: it.connect() for number, it in self.servers.items()}

    def go_by(self, cluster_map: ClusterMap, *numbers: int) -> None:
        """Let these servers, or all, hold a map."""
        for number in numbers or self.servers:
            self.servers[number].cluster.set_map(cluster_map)

    def step(self) -> int:
        """Let every server run until it has nothing to do; how many ticks that took."""
        return sum([server.step() for server in self.servers.values()])

    def settle(self) -> None:
        """Run everything until nothing is left: ticks, then a message, then ticks again."""
        for _ in range(_ROUNDS_MAX):
            self.step()
            if not self.network.deliver_one():
                return
        raise AssertionError("the servers do not come to rest")

    def pass_s(self, seconds: float) -> None:
        """Let time go on everywhere."""
        for server in self.servers.values():
            server.pass_s(seconds)
            server.serving.beat()

    def send(self, number: int, *commands: str | bytes) -> MemoryClient:
        """Let the client of a server send commands as one chunk, and that server run."""
        client = self.clients[number]
        client.send(b"".join([line(command) for command in commands]))
        self.step()
        return client

    def ask(self, number: int, *commands: str | bytes) -> bytes:
        """What the client of a server gets for commands when all has settled."""
        client = self.send(number, *commands)
        self.settle()
        return client.take()


def joined(count: int = 3, **options: Any) -> JoinedServers:
    """Servers that share all slots: three have a third each."""
    servers = JoinedServers(count, **options)
    servers.go_by(map_of({number: THIRDS[number] for number in range(1, count + 1)}))
    return servers
