"""Plans and moves: unasked, asked for, held up by keys, and gone on with by the next leader."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from cluster.control import inputs
from cluster.control import requests as r
from cluster.control.asking import Counted
from cluster.control.options import ControlOptions
from cluster.identity import NodeId
from cluster.map.views import SlotView
from cluster.slots import SLOT_COUNT
from cluster.wire.messages import SlotKeysReply
from tests.cluster.control.calm_world import CalmWorld, map_of
from tests.sim.cluster_world import SimulatedMachine

BY_HAND = ControlOptions(is_auto_rebalance=False)


def led_by(world: CalmWorld, machine: SimulatedMachine) -> int:
    """How many slots a machine leads."""
    assert machine.node is not None
    return len(SlotView(map_of(world.machines[0])).ranges_of(machine.node))


def is_still(world: CalmWorld) -> bool:
    """Whether no move is under way."""
    partitions = map_of(world.machines[0]).partitions.values()
    return world.is_agreed() and all(p.transition is None for p in partitions)


def test_a_new_member_gets_its_share_unasked() -> None:
    """Once members have been the same for a while."""
    world = CalmWorld(3)
    world.meet()
    late = world.world.add(world.options)
    world.meet(late)
    assert led_by(world, late) == 0
    world.run_until(lambda: led_by(world, late) > 0 and is_still(world), 120.0)
    assert abs(led_by(world, late) - SLOT_COUNT / 4) < 0.2 * SLOT_COUNT / 4


def test_without_auto_rebalance_nothing_moves_until_a_plan_is_committed() -> None:
    """A plan for an older map is refused."""
    world = CalmWorld(3, options=BY_HAND)
    world.meet()
    late = world.world.add(BY_HAND)
    world.meet(late)
    world.run(30.0)
    assert led_by(world, late) == 0
    epoch = map_of(world.machines[0]).epoch
    assert "moved on" in world.refused(world.machines[0], r.CommitPlan(epoch - 1))
    done = world.must(world.machines[0], r.CommitPlan(epoch))
    assert "partitions change" in done.text
    world.run_until(lambda: led_by(world, late) > 0 and is_still(world), 120.0)
    nothing = world.must(world.machines[0], r.CommitPlan(map_of(world.machines[0]).epoch))
    assert nothing.text == "there is nothing to do"


def test_a_setting_of_the_cluster_comes_before_a_node_s_option() -> None:
    """`auto-rebalance yes` holds whoever leads."""
    world = CalmWorld(3, options=BY_HAND)
    world.meet()
    late = world.world.add(BY_HAND)
    world.meet(late)
    world.must(world.machines[0], r.SetSetting("auto-rebalance", "yes"))
    world.run_until(lambda: led_by(world, late) > 0 and is_still(world), 120.0)


def test_a_partition_with_keys_stays_and_says_why() -> None:
    """The others move; its keys are never led by somebody who does not hold them."""
    world = CalmWorld(3)
    world.meet()
    source = world.machines[1]
    assert source.node is not None
    slots = SlotView(map_of(source)).ranges_of(source.node)
    source.data.keys.update(dict.fromkeys(slots, 1))
    late = world.world.add(world.options)
    world.meet(late)
    world.run_until(lambda: led_by(world, late) > 0, 120.0)
    world.run(30.0)
    still_led = SlotView(map_of(world.machines[0])).ranges_of(source.node)
    assert not len(slots - still_led)
    waits: dict[int, str] = {}
    for machine in world.machines:
        assert machine.process is not None
        waits.update(machine.process.plane.statistics().waiting_for)
    assert all("keys in it, and moving keys needs replication" in text for text in waits.values())


def test_the_next_leader_goes_on_with_moves_that_stand_in_the_map() -> None:
    """The leader of the metadata log dies in the middle of a plan."""
    world = CalmWorld(5, options=evolve(BY_HAND, transitions_max=1))
    world.meet()
    late = world.world.add(world.options)
    world.meet(late)
    world.must(world.machines[0], r.CommitPlan(map_of(world.machines[0]).epoch))
    world.run(0.3)
    leaders = [
        machine
        for machine in world.world.running()
        if machine.process is not None and machine.process.plane.metadata_status().role == "leader"
    ]
    moving = map_of(leaders[0]).partitions.values()
    assert any(partition.transition is not None for partition in moving)
    world.world.crash(leaders[0], "dropped")
    world.run(1.0)
    world.world.start(leaders[0])
    world.run_until(lambda: is_still(world) and led_by(world, late) > 0, 240.0)


def test_a_member_that_leaves_is_emptied_and_removed() -> None:
    """Decommission: drained first, and gone from the map in the end."""
    world = CalmWorld(4)
    world.meet()
    leaving = world.machines[3]
    node = leaving.node
    assert node is not None
    world.must(world.machines[0], r.Decommission(node))
    world.run_until(lambda: node not in map_of(world.machines[0]).members, 240.0)
    world.run_until(lambda: leaving.node != node, 60.0)
    total = sum(led_by(world, machine) for machine in world.machines[:3])
    assert total == SLOT_COUNT


def test_a_leader_that_lags_behind_is_asked_again() -> None:
    """Its count is as old as the map it held: what it took since then would be lost."""
    world = CalmWorld(3, options=BY_HAND)
    world.meet()
    asked, lagging = world.machines[0], world.machines[1]
    assert asked.process is not None and lagging.node is not None
    seen: list[Mapping[NodeId, Counted] | None] = []
    slots = SlotView(map_of(asked)).ranges_of(lagging.node)
    plane = asked.process.plane
    plane._proposals.count_keys(slots, seen.append)
    epoch = map_of(lagging).epoch
    now = world.world.local(asked)
    plane.handle(
        inputs.MessageReceived(
            lagging.node, lagging.port.endpoint, SlotKeysReply(1, 0, epoch - 1)
        ),
        now,
    )
    assert seen == [{lagging.node: Counted(0, epoch - 1)}]


def test_a_dead_node_is_given_up_only_in_words_and_only_when_it_is_dead() -> None:
    """What it led waits for it, until somebody accepts that its keys are gone."""
    world = CalmWorld(4)
    world.meet()
    asked, lost = world.machines[0], world.machines[3]
    node = lost.node
    assert node is not None
    assert "is alive" in world.refused(asked, r.WriteOff(node))
    world.world.crash(lost, "dropped")
    world.run(40.0)
    world.must(asked, r.Decommission(node))
    world.run(20.0)
    assert node in map_of(asked).members
    assert led_by(world, lost) > 0
    world.must(asked, r.WriteOff(node))
    world.run_until(lambda: node not in map_of(asked).members, 120.0)
    assert sum(led_by(world, machine) for machine in world.machines[:3]) == SLOT_COUNT
