from __future__ import annotations

import pytest
from attrs import evolve

from cluster.identity import ClusterId, new_id
from cluster.membership.events import (
    AdoptCluster,
    ChangeFacts,
    Join,
    Leave,
    PacketReceived,
    Remove,
)
from cluster.membership.messages import MemberStatus, Packet, Suspect
from tests.sim.swim_experiments import formed, measure_calm, measure_death, measure_spread
from tests.sim.swim_network import NetworkOptions
from tests.sim.swim_world import World

LOSSY = NetworkOptions(loss=0.1, duplication=0.05, delay_s=(0.0002, 0.05))


@pytest.mark.parametrize("seed", range(3))
def test_nodes_find_each_other(seed: int) -> None:
    """Through one seed, at 10 % loss, doubled and overtaking packets, all through the codec.

    Most at once; whom a rumour missed by its first exchange of tables.
    """
    world = formed(20, seed, network=LOSSY, is_wire=True)
    world.check_invariants()
    assert world.now <= world.options.sync_interval_s


@pytest.mark.parametrize("seed", range(3))
def test_rumours_spread_within_ten_intervals(seed: int) -> None:
    """99 % of 50 nodes at 10 % loss know news within 10 gossip intervals: the median of five."""
    world = formed(50, seed, network=NetworkOptions(loss=0.1))
    spread = [measure_spread(world, world.rng.choice(world.nodes)) for _ in range(5)]
    assert sorted(rumour.most_s for rumour in spread)[2] <= 10 * 0.2


@pytest.mark.parametrize("seed", range(2))
def test_slow_nodes_are_not_held_dead(seed: int) -> None:
    """Two minutes at 2 % loss in which 30 % of the nodes stall up to 3 s: nobody is dead."""
    world = formed(20, seed, network=NetworkOptions(loss=0.02))
    world.slow_down(0.3)
    assert measure_calm(world, 120.0).false_deaths == 0
    world.check_invariants()


@pytest.mark.parametrize("seed", range(3))
def test_a_refutation_that_missed_a_node_reaches_it_before_the_verdict(seed: int) -> None:
    """Ten nodes, of which one heard the suspicion and not its end: it held the suspect dead."""
    world = formed(10, seed)
    deaf, suspect = world.nodes[3], world.nodes[6]
    held = deaf.core.member(suspect.node)
    assert held is not None
    stale = Suspect(suspect.node, held.precedence, world.nodes[1].node)
    world.network.divide([[deaf.machine], [n.machine for n in world.nodes if n is not deaf]])
    world.put(suspect, ChangeFacts(evolve(held.facts, software_version="0.2.0")))
    world.run(3.0)
    world.network.heal()
    packet = Packet(None, world.nodes[1].node, 0, (stale,))
    world.put(deaf, PacketReceived(packet, world.nodes[1].machine.endpoint))
    assert deaf.status_of(suspect.node) is MemberStatus.SUSPECTED
    told = measure_calm(world, 28.0)
    assert told.false_deaths == 0
    assert world.is_agreed()


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_node_is_dead_everywhere(seed: int) -> None:
    """Within 20 s in a cluster of 20, in every table, at 2 % loss."""
    world = formed(20, seed, network=NetworkOptions(loss=0.02))
    assert measure_death(world, world.nodes[7]).all_dead_s < 20


def test_traffic_does_not_grow_with_the_cluster() -> None:
    """A node among 50 sends at most a quarter more than one among 15."""
    rates = [measure_calm(formed(size, 1), 120.0).bytes_per_s for size in (15, 50)]
    assert rates[1] <= 1.25 * rates[0]


def test_a_seed_replays_exactly() -> None:
    """Two runs of one seed see the same changes at the same times; another seed does not."""

    def history(seed: int) -> list[object]:
        world = formed(12, seed, network=LOSSY)
        world.slow_down(0.3)
        measure_calm(world, 20.0)
        return [(at, node, c.member, c.previous) for at, node, c in world.changes]

    assert history(5) == history(5)
    assert history(5) != history(6)


def test_a_restarted_node_is_itself_again() -> None:
    """The next life holds over the death of the one before, with the same id."""
    world = formed(10, 1)
    victim = world.nodes[4]
    measure_death(world, victim)
    again = world.restart(victim, seeds=(world.nodes[0].machine.endpoint,))
    assert world.run(10.0, world.is_agreed)
    view = world.nodes[0].core.member(again.node)
    assert view is not None
    assert view.boot.generation == 2


def test_a_node_that_leaves_is_left_and_not_dead() -> None:
    """All know it at once, and nobody suspects it."""
    world = formed(10, 2)
    leaver = world.nodes[3]
    world.put(leaver, Leave())
    world.run(10.0)
    assert leaver.has_left
    assert {n.status_of(leaver.node) for n in world.up()} == {MemberStatus.LEFT}


@pytest.mark.parametrize("minutes", [0.5, 5])
def test_a_partition_heals(minutes: float) -> None:
    """Both halves bury each other and are one again within a minute after it, however long."""
    world = formed(12, 3, network=NetworkOptions(loss=0.02))
    world.network.divide(
        [[n.machine for n in world.nodes[:5]], [n.machine for n in world.nodes[5:]]]
    )
    world.run(60.0 * minutes)
    held = world.nodes[0].status_of(world.nodes[9].node)
    assert held is not MemberStatus.ALIVE
    world.network.heal()
    assert world.run(60.0, world.is_agreed)
    world.check_invariants()


def test_one_way_loss_is_overcome_by_relays() -> None:
    """One node cannot reach another directly; relays can, so neither is held dead."""
    world = formed(12, 4)
    first, second = world.nodes[2], world.nodes[7]
    world.network.divide(
        [
            [first.machine],
            [second.machine],
            [n.machine for n in world.nodes if n not in (first, second)],
        ]
    )
    world.network._blocked = {(0, 1)}
    assert measure_calm(world, 120.0).false_deaths == 0


def test_two_formed_clusters_never_merge() -> None:
    """Not by MEET between them, and not through an unformed node that both know."""
    world = World(6)
    ids = [ClusterId(new_id(world.rng)) for _ in range(2)]
    sides = []
    for cluster in ids:
        first = world.add(cluster=cluster)
        others = [world.add(cluster=cluster, seeds=(first.machine.endpoint,)) for _ in range(3)]
        sides.append([first, *others])
    world.run(10.0)
    bridge = world.add(seeds=tuple(side[0].machine.endpoint for side in sides))
    world.put(sides[0][1], Join((sides[1][1].machine.endpoint,)))
    world.run(60.0)
    world.check_invariants()
    for side, other in (sides, sides[::-1]):
        assert all(node.status_of(stranger.node) is None for node in side for stranger in other)
        assert all(node.status_of(bridge.node) is MemberStatus.ALIVE for node in side)
    world.put(bridge, AdoptCluster(ids[0]))
    world.run(20.0)
    assert MemberStatus.ALIVE not in {n.status_of(bridge.node) for n in sides[1]}


def test_a_removed_node_does_not_come_back() -> None:
    """Removed on one node, refused by all, though it goes on trying."""
    world = formed(8, 7)
    victim = world.nodes[5]
    world.put(world.nodes[0], Remove(victim.node, 3600.0))
    world.run(60.0)
    others = [node for node in world.nodes if node is not victim]
    assert {node.status_of(victim.node) for node in others} == {None}
    again = world.restart(victim, seeds=(world.nodes[1].machine.endpoint,))
    world.run(30.0)
    assert {node.status_of(again.node) for node in others} == {None}


def test_a_sleeping_process_buries_nobody() -> None:
    """A node that stands still for 40 s is dead to the others, and holds nobody dead itself."""
    world = formed(10, 8)
    sleeper = world.nodes[6]
    sleeper.machine.stalled_until = world.now + 40.0
    world.run(39.0)
    assert world.nodes[0].status_of(sleeper.node) is MemberStatus.DEAD
    changes = len(world.changes)
    world.run(30.0)
    told = [c for _, node, c in world.changes[changes:] if node == sleeper.node]
    assert MemberStatus.DEAD not in [c.member.status for c in told]
    assert world.is_agreed()


def test_options_reach_the_cores() -> None:
    """A shorter gossip interval spreads news faster."""
    slow, fast = (
        measure_spread(world, world.nodes[3]).all_s
        for world in (
            formed(20, 9),
            formed(20, 9, options=evolve(World(1).options, gossip_interval_s=0.05)),
        )
    )
    assert fast < slow
