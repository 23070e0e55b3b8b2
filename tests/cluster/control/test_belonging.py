"""What a new map means for a node: routing, removal, dissolution, and the first key."""

from __future__ import annotations

from cluster.control import requests as r
from cluster.control.belonging import HELD_KEYS
from cluster.identity import NodeId
from cluster.map.views import SlotView
from cluster.slots import SLOT_COUNT, SlotSet
from tests.cluster.control.calm_world import CalmWorld, map_of
from tests.sim.cluster_world import SimulatedMachine


def lone_leader(count: int) -> tuple[CalmWorld, SimulatedMachine, NodeId]:
    """A cluster in which the first machine leads everything, and the id of the last one."""
    world = CalmWorld(count)
    world.must(world.machines[0], r.AddSlots(SlotSet.span(0, SLOT_COUNT - 1)))
    world.meet()
    node = world.machines[-1].node
    assert node is not None
    return world, world.machines[-1], node


def test_a_member_that_was_away_learns_that_it_was_removed() -> None:
    """It was down when the map forgot it, and begins anew when it is back."""
    world, away, node = lone_leader(3)
    world.must(world.machines[0], r.SetSetting("auto-rebalance", "no"))
    world.world.crash(away, "dropped")
    world.run_until(lambda: not map_of(world.machines[0]).partitions_with(node), 5.0)
    world.must(world.machines[0], r.Forget(node))
    world.world.start(away)
    world.run_until(lambda: away.node != node, 60.0)
    assert away.map is None


def test_the_first_key_is_noted_in_the_map() -> None:
    """From then on the cluster never gives way to another one."""
    world, _, _ = lone_leader(2)
    world.must(world.machines[0], r.SetSetting("auto-rebalance", "no"))
    world.machines[0].data.keys[1] = 1
    world.run_until(lambda: HELD_KEYS in map_of(world.machines[0]).features)
    epoch = map_of(world.machines[0]).epoch
    world.run(5.0)
    assert map_of(world.machines[0]).epoch == epoch


def test_a_whole_cluster_without_keys_joins_the_other_one() -> None:
    """Every member of the one with the higher id, one after the other."""
    world = CalmWorld(4)
    pairs = (world.machines[:2], world.machines[2:])
    for first, second in pairs:
        world.must(second, r.Meet((first.port.endpoint,)))
    world.run_until(lambda: all(machine.map is not None for machine in world.machines))
    clusters = {map_of(machine).cluster for machine in world.machines}
    assert len(clusters) == 2
    world.must(world.machines[3], r.Meet((world.machines[0].port.endpoint,)))
    world.run_until(world.is_agreed, 120.0)
    assert map_of(world.machines[0]).cluster == min(clusters)
    assert len(map_of(world.machines[0]).members) == 4


def test_a_node_that_was_given_up_does_not_make_a_cluster_of_its_keys_unasked() -> None:
    """It came back with them, and served all slots as another cluster: clients met two worlds."""
    world = CalmWorld(3)
    world.meet()
    asked, lost = world.machines[0], world.machines[2]
    node = lost.node
    assert node is not None
    lost.data.keys[next(iter(SlotView(map_of(asked)).ranges_of(node)))] = 5
    world.world.crash(lost, "dropped")
    world.run(40.0)
    world.must(asked, r.WriteOff(node))
    world.run_until(lambda: node not in map_of(asked).members, 120.0)
    lines: list[str] = []
    world.network.print_line = lines.append
    lost.data.is_lost = True
    world.world.start(lost)
    world.run_until(lambda: lost.node != node, 60.0)
    world.run(30.0)
    assert lost.map is None
    assert any("nobody is served them" in line for line in lines)
    world.must(lost, r.Form())
    world.run_until(lambda: lost.map is not None)
    assert map_of(lost).cluster != map_of(asked).cluster
