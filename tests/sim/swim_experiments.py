"""What is measured on simulated clusters: how fast news spreads, who is held dead, what it costs.

Each experiment takes a world that has formed and returns figures; what they have to be is said by
the tests (tests/cluster/membership/test_swim_cluster.py) and by `swim_simulation`.
"""

from __future__ import annotations

from collections import Counter

from attrs import evolve, frozen

from cluster.identity import NodeId
from cluster.membership.events import ChangeFacts, MemberChanged
from cluster.membership.messages import MemberStatus
from cluster.membership.options import SwimOptions
from tests.sim.swim_network import NetworkOptions
from tests.sim.swim_world import Node, World


@frozen
class Spread:
    """A rumour: seconds until so many nodes knew it (infinite: never)."""

    half_s: float
    most_s: float
    all_s: float


@frozen
class Calm:
    """A time in which nobody died: what was held all the same, and what it cost.

    `bytes_per_s` is what a node sent on average by gossip and by heartbeats, which are also
    given alone; headers of IP, UDP and TCP, frames and seals are included.
    """

    duration_s: float
    false_deaths: int
    false_suspicions: int
    refutations: int
    bytes_per_s: float
    heartbeat_bytes_per_s: float
    packets_per_s: float


@frozen
class Death:
    """A killed node: seconds until the first suspicion, the first verdict, and all verdicts."""

    suspected_s: float
    first_dead_s: float
    all_dead_s: float


def formed(
    nodes: int,
    seed: int,
    *,
    network: NetworkOptions | None = None,
    options: SwimOptions | None = None,
    is_wire: bool = False,
) -> World:
    """Return a world of nodes that all know each other and have nothing more to tell.

    Raises:
        AssertionError: they had not found each other after two minutes.
    """
    world = World(seed, network=network, options=options, is_wire=is_wire)
    world.form(nodes)
    for _ in range(240):
        world.run(0.5)
        if all(n.core.statistics().rumours == 0 for n in world.nodes) and world.is_agreed():
            return world
    raise AssertionError(f"seed {seed}: {nodes} nodes did not find each other")


def measure_spread(world: World, origin: Node) -> Spread:
    """Let a node change its facts and see when the others know."""
    began = world.now
    heard: list[float] = []
    facts = origin.core.member(origin.node)
    assert facts is not None, origin.node
    wanted = evolve(facts.facts, software_version=f"0.1.{world.rng.randrange(10**6)}")

    def watch(node: Node, change: MemberChanged) -> None:
        if change.member.node == origin.node and change.member.facts == wanted:
            heard.append(world.now - began)

    others = len(world.up()) - 1
    world.watch = watch
    world.put(origin, ChangeFacts(wanted))
    heard.clear()  # the origin itself
    world.run(60.0, lambda: len(heard) >= others)
    world.watch = None
    return Spread(*(_nth(heard, share * others) for share in (0.5, 0.99, 1.0)))


def measure_calm(world: World, duration_s: float) -> Calm:
    """Let time pass and count what is said about nodes that are well.

    Gossip and heartbeats are measured together when the world has heartbeats.
    """
    told: Counter[MemberStatus] = Counter()

    def watch(_node: Node, change: MemberChanged) -> None:
        told[change.member.status] += 1

    before = _totals(world)
    world.watch = watch
    world.run(duration_s)
    world.watch = None
    after = _totals(world)
    gossip, beats, packets, refutations = (b - a for a, b in zip(before, after, strict=True))
    size = len(world.nodes) * duration_s
    return Calm(
        duration_s,
        false_deaths=told[MemberStatus.DEAD],
        false_suspicions=told[MemberStatus.SUSPECTED],
        refutations=refutations,
        bytes_per_s=(gossip + beats) / size,
        heartbeat_bytes_per_s=beats / size,
        packets_per_s=packets / size,
    )


def measure_death(world: World, victim: Node, timeout_s: float = 300.0) -> Death:
    """Kill a node and see when the others hold it dead."""
    began = world.now
    world.kill(victim)
    suspected: list[float] = []
    dead: dict[NodeId, float] = {}

    def watch(node: Node, change: MemberChanged) -> None:
        if change.member.node != victim.node:
            return
        if change.member.status is MemberStatus.SUSPECTED:
            suspected.append(world.now - began)
        elif change.member.status is MemberStatus.DEAD:
            dead[node.node] = world.now - began

    world.watch = watch
    others = len(world.up())
    world.run(timeout_s, lambda: len(dead) == others)
    world.watch = None
    times = sorted(dead.values())
    return Death(_nth(suspected, 1), _nth(times, 1), _nth(times, others))


def _totals(world: World) -> tuple[int, int, int, int]:
    """Return bytes of gossip and of heartbeats, packets of gossip, refutations; all so far."""
    nodes = world.nodes
    return (
        sum(node.machine.sent_bytes for node in nodes),
        sum(node.machine.heartbeat_bytes for node in nodes),
        sum(node.machine.sent_packets for node in nodes),
        sum(node.core.statistics().counts.get("refutations", 0) for node in nodes),
    )


def _nth(times: list[float], count: float) -> float:
    """Return the time at which so many had happened, infinite when fewer did."""
    needed = max(1, int(-(-count // 1)))
    return sorted(times)[needed - 1] if len(times) >= needed else float("inf")
