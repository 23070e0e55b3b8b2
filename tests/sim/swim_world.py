"""A cluster of bare membership cores on a simulated network, driven by one seed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from attrs import define, field

from cluster.control.heartbeats import HEARTBEAT
from cluster.control.options import SEAL_BYTES
from cluster.identity import Boot, ClusterId, Endpoint, NodeId, first_boot, new_id
from cluster.membership.codec import decode_packet, encode_packet
from cluster.membership.events import (
    Input,
    Join,
    LeaveFinished,
    MemberChanged,
    Output,
    PacketReceived,
    SendPacket,
    SendStream,
)
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import MemberStatus, Packet
from cluster.membership.monitors import heartbeat_targets
from cluster.membership.options import SwimOptions
from cluster.membership.phi import PhiOptions
from cluster.membership.swim import Swim
from tests.sim.swim_network import HEADERS_BYTES, Machine, Network, NetworkOptions

HEARTBEAT_INTERVAL_S = PhiOptions().heartbeat_interval_s


@define(eq=False)
class Node:
    """One core, its machine, and what it said to its caller."""

    node: NodeId
    core: Swim
    machine: Machine
    boot: Boot
    events: list[Output] = field(factory=list)
    wakes_at: float | None = None
    has_left: bool = False

    def status_of(self, other: NodeId) -> MemberStatus | None:
        """What this node holds another to be."""
        member = self.core.member(other)
        return None if member is None else member.status


class World:
    """Nodes by number. `is_wire` sends every packet through the codec and checks its size.

    `changes` and the events of the nodes are all kept while `is_remembering`; in hundreds of
    nodes and minutes they are gigabytes, so that a watcher has to do.
    """

    def __init__(
        self,
        seed: int,
        *,
        options: SwimOptions | None = None,
        network: NetworkOptions | None = None,
        is_wire: bool = False,
    ) -> None:
        self.rng = Random(seed)
        self.options = options or SwimOptions(packet_reserve_bytes=SEAL_BYTES)
        self.network = Network(network or NetworkOptions(), Random(self.rng.getrandbits(64)))
        self.nodes: list[Node] = []
        self.changes: list[tuple[float, NodeId, MemberChanged]] = []
        self.is_remembering = True
        self.watch: Callable[[Node, MemberChanged], None] | None = None
        self._is_wire = is_wire
        self._by_endpoint: dict[Endpoint, Node] = {}

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self.network.now

    def add(
        self,
        *,
        seeds: tuple[Endpoint, ...] = (),
        cluster: ClusterId | None = None,
        facts: NodeFacts | None = None,
    ) -> Node:
        """Start a node of a new id."""
        number = len(self.nodes)
        endpoint = Endpoint(f"10.0.{number // 250}.{number % 250 + 1}", 7400)
        node = NodeId(new_id(self.rng))
        made = self._start(node, endpoint, first_boot(self.rng), cluster, facts)
        self.nodes.append(made)
        if seeds:
            self.put(made, Join(seeds))
        return made

    def form(self, count: int, *, cluster: ClusterId | None = None) -> None:
        """Add nodes that join through the first one."""
        first = self.add(cluster=cluster)
        for _ in range(count - 1):
            self.add(seeds=(first.machine.endpoint,), cluster=cluster)

    def slow_down(self, share: float) -> list[Node]:
        """Make a random share of the nodes stall again and again."""
        chosen = self.rng.sample(self.nodes, round(share * len(self.nodes)))
        for node in chosen:
            self.network.make_slow(node.machine)
        return chosen

    def forget_changes(self) -> None:
        """Drop what was said so far, and keep nothing from now on."""
        self.is_remembering = False
        self.changes.clear()
        for node in self.nodes:
            node.events.clear()

    def start_heartbeats(self) -> None:
        """Let every node send heartbeats to as many peers as a node with replicas has.

        They are counted and not carried, since they mean nothing to these cores.
        """
        ids = [node.node for node in self.nodes]
        for node in self.nodes:
            targets = heartbeat_targets(node.node, ids, ids)
            packet = Packet(None, node.node, 0, HEARTBEAT)
            size = len(encode_packet(packet)) + HEADERS_BYTES
            self._beat(node.machine, len(targets) * size)

    def kill(self, node: Node) -> None:
        """Stop a node without a word."""
        node.machine.is_up = False

    def restart(self, node: Node, *, seeds: tuple[Endpoint, ...] = ()) -> Node:
        """Start the next life of a node at its endpoint; the old object is out of use."""
        self.kill(node)
        boot = node.boot.next(self.rng)
        made = self._start(node.node, node.machine.endpoint, boot, None, None)
        self.nodes[self.nodes.index(node)] = made
        if seeds:
            self.put(made, Join(seeds))
        return made

    def put(self, node: Node, event: Input) -> None:
        """Give a node an input now."""
        node.core.handle(event, self.now)
        self._drain(node)

    def run(self, duration_s: float, is_done: Callable[[], bool] | None = None) -> bool:
        """Let virtual time pass; True when `is_done` was reached before its end."""
        return self.network.run_until(self.now + duration_s, is_done)

    def up(self) -> list[Node]:
        """The nodes that run."""
        return [node for node in self.nodes if node.machine.is_up]

    def is_agreed(self) -> bool:
        """Whether all running nodes hold exactly each other for alive."""
        running = {node.node for node in self.up()}
        return all(
            {m.node for m in node.core.members() if m.status is MemberStatus.ALIVE} == running
            for node in self.up()
        )

    def check_invariants(self) -> None:
        """Every core holds what always holds."""
        for node in self.nodes:
            node.core.check_invariants()

    def _start(
        self,
        node: NodeId,
        endpoint: Endpoint,
        boot: Boot,
        cluster: ClusterId | None,
        facts: NodeFacts | None,
    ) -> Node:
        core = Swim(
            node,
            endpoint,
            boot=boot,
            facts=facts or NodeFacts(rack="r1", machine=endpoint.host, software_version="0.1.0"),
            cluster=cluster,
            options=self.options,
            rng=Random(self.rng.getrandbits(64)),
            now=self.now,
        )
        made = Node(node, core, self.network.add(endpoint), boot)
        self._by_endpoint[endpoint] = made
        self._drain(made)
        return made

    def _beat(self, machine: Machine, size_bytes: int) -> None:
        def beat() -> None:
            machine.heartbeat_bytes += size_bytes
            self.network.at(self.now + HEARTBEAT_INTERVAL_S, due)

        def due() -> None:
            self.network.when_running(machine, beat)

        self.network.at(self.now + self.rng.random() * HEARTBEAT_INTERVAL_S, due)

    def _drain(self, node: Node) -> None:
        for output in node.core.take():
            if isinstance(output, SendPacket | SendStream):
                self._send(node, output)
                continue
            if self.is_remembering:
                node.events.append(output)
            if isinstance(output, MemberChanged):
                if self.is_remembering:
                    self.changes.append((self.now, node.node, output))
                if self.watch is not None:
                    self.watch(node, output)
            elif isinstance(output, LeaveFinished):
                node.has_left = True
                node.machine.is_up = False
        self._wake_in_time(node)

    def _send(self, node: Node, output: SendPacket | SendStream) -> None:
        is_stream = isinstance(output, SendStream)
        packet = output.packet
        if self._is_wire:
            encoded = encode_packet(packet)
            assert len(encoded) == output.size_bytes, (len(encoded), output)
            assert is_stream or len(encoded) <= self.options.packet_bytes_max, len(encoded)
            packet = decode_packet(encoded)
            assert packet == output.packet
        source, target = node.machine, output.endpoint
        received = PacketReceived(packet, source.endpoint, is_stream)

        def deliver() -> None:
            self.put(self._by_endpoint[target], received)

        self.network.send(
            source, target, size_bytes=output.size_bytes, is_stream=is_stream, deliver=deliver
        )

    def _wake_in_time(self, node: Node) -> None:
        deadline = node.core.deadline()
        if deadline is None or (node.wakes_at is not None and node.wakes_at <= deadline):
            return
        node.wakes_at = deadline

        def wake() -> None:
            if node.wakes_at == deadline and node.machine.is_up:
                self.network.when_running(node.machine, fire)

        def fire() -> None:
            if node.wakes_at != deadline:
                return
            node.wakes_at = None
            due = node.core.deadline()
            if due is not None and due <= self.now:
                node.core.on_deadline(self.now)
            self._drain(node)

        self.network.at(deadline, wake)
