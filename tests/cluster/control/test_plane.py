"""Whole control planes: birth, growth, changes, removal, and what a restart remembers."""

from __future__ import annotations

from cluster.control import requests as r
from cluster.control.options import ControlOptions
from cluster.identity import Endpoint, NodeId
from cluster.map.views import SlotView
from cluster.slots import SLOT_COUNT, SlotSet
from tests.cluster.control.calm_world import CalmWorld, map_of
from tests.sim.cluster_world import SimulatedMachine


def node_of(machine: SimulatedMachine) -> NodeId:
    """The id of a running machine."""
    assert machine.node is not None
    return machine.node


def slots_led(asked: SimulatedMachine, by: SimulatedMachine) -> SlotSet:
    """What one machine leads by the map of another."""
    return SlotView(map_of(asked)).ranges_of(node_of(by))


def test_five_fresh_machines_form_one_cluster_with_even_slots() -> None:
    """All slots are somebody's, and nobody leads more than 1.2 times the mean."""
    world = CalmWorld(5)
    world.meet()
    led = [len(slots_led(world.machines[0], machine)) for machine in world.machines]
    assert sum(led) == SLOT_COUNT
    assert max(led) <= 1.2 * SLOT_COUNT / 5


def test_a_machine_that_comes_later_becomes_a_member() -> None:
    """The formed cluster takes in who makes contact."""
    world = CalmWorld(3)
    world.meet()
    late = world.world.add(world.options)
    world.meet(late)
    assert node_of(late) in map_of(world.machines[0]).members


def test_one_node_forms_alone_when_it_is_told_to() -> None:
    """And when all slots are claimed, as people do with a single Redis node."""
    world = CalmWorld(2)
    told, claiming = world.machines
    world.must(told, r.Form())
    world.must(claiming, r.AddSlots(SlotSet.span(0, SLOT_COUNT - 1)))
    world.run_until(lambda: all(machine.map is not None for machine in world.machines))
    assert map_of(told).cluster != map_of(claiming).cluster
    assert len(slots_led(claiming, claiming)) == SLOT_COUNT


def test_claims_become_slots_of_those_who_claimed_them() -> None:
    """As `redis-cli --cluster create` does it, before anybody has met."""
    world = CalmWorld(3)
    for number, machine in enumerate(world.machines):
        world.must(machine, r.AddSlots(SlotSet.span(number * 5000, number * 5000 + 4999)))
        world.must(machine, r.SetConfigEpoch(number + 1))
    world.meet()
    for number, machine in enumerate(world.machines):
        expected = SlotSet.span(number * 5000, number * 5000 + 4999)
        assert slots_led(world.machines[0], machine) == expected
        assert map_of(machine).members[node_of(machine)].config_epoch == number + 1


def test_slots_with_keys_stay_where_their_keys_are() -> None:
    """Moving them is refused with the number of keys; empty ones move, and again moves nothing."""
    world = CalmWorld(3)
    world.meet()
    source, target, asked = world.machines
    slots = slots_led(asked, source)
    with_keys, empty = next(iter(slots)), list(slots)[-1]
    source.data.keys[with_keys] = 7
    text = world.refused(asked, r.MoveSlots(SlotSet.of([with_keys]), node_of(target)))
    assert text.startswith("ERR 7 keys are in these slots at")
    done = world.must(asked, r.MoveSlots(SlotSet.of([empty]), node_of(target)))
    assert empty in slots_led(asked, target) and done.epoch == map_of(asked).epoch
    again = world.must(asked, r.MoveSlots(SlotSet.of([empty]), node_of(target)))
    assert again.epoch == 0


def test_a_leader_that_can_not_be_asked_keeps_its_slots() -> None:
    """Nobody else knows whether it holds keys in them."""
    world = CalmWorld(5)
    world.meet()
    asked, target, gone = world.machines[0], world.machines[1], world.machines[4]
    slots = slots_led(asked, gone)
    world.world.crash(gone, "kept")
    text = world.refused(asked, r.MoveSlots(slots, node_of(target)))
    assert "did not say whether it holds keys" in text


def test_a_restart_remembers_identity_cluster_and_map() -> None:
    """Before anybody else is heard of."""
    world = CalmWorld(3)
    world.meet()
    machine = world.machines[1]
    node, held = node_of(machine), map_of(machine)
    for other in world.machines:
        world.world.crash(other, "dropped")
    world.world.start(machine)
    assert node_of(machine) == node
    assert (map_of(machine).cluster, map_of(machine).epoch) == (held.cluster, held.epoch)


def test_a_minority_keeps_its_map_and_can_not_change_it() -> None:
    """Who asks is told that nobody knows whether it will come to be."""
    world = CalmWorld(5)
    world.meet()
    alone = world.machines[2]
    epoch = map_of(alone).epoch
    world.network.divide({alone.port.number})
    world.run(5.0)
    answer = world.ask(alone, r.SetSetting("color", "blue"))
    assert isinstance(answer, r.RequestRefused)
    assert map_of(alone).epoch == epoch
    world.must(world.machines[0], r.SetSetting("color", "green"))
    world.network.heal()
    world.run_until(lambda: map_of(alone).settings.get("color") in ("green", "blue"), 60.0)


def test_a_removed_node_begins_anew_and_stays_away_until_it_is_asked() -> None:
    """Its old id never returns; a person can bring the machine back as another node."""
    world = CalmWorld(3, options=ControlOptions(seeds=(Endpoint("10.0.0.1", 7400),)))
    asked = world.machines[0]
    world.must(asked, r.AddSlots(SlotSet.span(0, SLOT_COUNT - 1)))
    world.run_until(world.is_agreed)
    removed = world.machines[2]
    old = node_of(removed)
    world.must(asked, r.Forget(old))
    world.run_until(lambda: node_of(removed) != old)
    world.run(30.0)
    world.world.crash(removed, "dropped")
    world.world.start(removed)
    world.run(30.0)
    assert removed.map is None
    assert old not in map_of(asked).members
    world.must(removed, r.Meet((asked.port.endpoint,)))
    world.run_until(world.is_agreed)


def test_a_reset_needs_a_node_without_places_and_without_keys() -> None:
    """The refusal says what to do; an unformed node begins anew at once."""
    world = CalmWorld(3)
    fresh = world.world.add(world.options)
    old = node_of(fresh)
    world.must(fresh, r.Reset())
    world.run(0.1)
    assert node_of(fresh) != old
    fresh.data.keys[5] = 1
    assert "containing keys" in world.refused(fresh, r.Reset())
    fresh.data.keys.clear()
    world.meet(world.machines[1], world.machines[2], fresh)
    assert "decommission it" in world.refused(world.machines[0], r.Reset())


def test_of_two_clusters_without_keys_one_gives_way() -> None:
    """Everybody ends in the one with the lower id."""
    world = CalmWorld(4)
    for machine in (world.machines[0], world.machines[2]):
        world.must(machine, r.Form())
    world.run_until(lambda: all(world.machines[n].map is not None for n in (0, 2)))
    first, second = map_of(world.machines[0]), map_of(world.machines[2])
    world.must(world.machines[2], r.Meet((world.machines[0].port.endpoint,)))
    running = (world.machines[0], world.machines[2])
    lower = min(first.cluster, second.cluster)
    world.run_until(
        lambda: all(m.map is not None and m.map.cluster == lower for m in running), 60.0
    )


def test_two_clusters_with_keys_stay_apart() -> None:
    """Each goes on with its own map, and people are told."""
    world = CalmWorld(2)
    lines: list[str] = []
    world.network.print_line = lines.append
    for number, machine in enumerate(world.machines):
        world.must(machine, r.Form())
        machine.data.keys[number] = 1
    world.run(3.0)
    clusters = [map_of(machine).cluster for machine in world.machines]
    world.must(world.machines[0], r.Meet((world.machines[1].port.endpoint,)))
    world.run(20.0)
    assert [map_of(machine).cluster for machine in world.machines] == clusters
    assert any("notice" in line and "data" in line for line in lines)


def test_a_key_written_just_before_a_cluster_dissolved_was_given_up() -> None:
    """Whether there are keys was looked at once a second; now also when the map is frozen."""
    world = CalmWorld(4, options=ControlOptions(data_check_s=1e6))
    first, member, second, _ = world.machines
    world.must(first, r.Form())
    world.must(second, r.Form())
    world.run_until(lambda: first.map is not None and second.map is not None)
    world.must(member, r.Meet((first.port.endpoint,)))
    world.run_until(lambda: member.map is not None)
    clusters = map_of(first).cluster, map_of(second).cluster
    for number, machine in enumerate((member, second)):
        machine.data.keys[number] = 1
    world.must(second, r.Meet((first.port.endpoint,)))
    world.run(60.0)
    assert (map_of(first).cluster, map_of(second).cluster) == clusters
    assert map_of(member).cluster == clusters[0]
    world.run_until(lambda: not any(map_of(m).is_frozen for m in (first, member, second)))


def test_seeds_are_enough_to_become_a_cluster() -> None:
    """Nobody has to type anything when all nodes name the first ones."""
    seeds = (Endpoint("10.0.0.1", 7400), Endpoint("10.0.0.2", 7400))
    world = CalmWorld(4, options=ControlOptions(seeds=seeds))
    world.run_until(world.is_agreed)


def test_a_leave_is_told_to_the_others() -> None:
    """They know at once that the node is gone, without suspecting it first."""
    world = CalmWorld(3)
    world.meet()
    leaving, other = world.machines[2], world.machines[0]
    node = node_of(leaving)
    world.must(leaving, r.Leave())
    assert other.process is not None
    held = [member for member in other.process.plane.members() if member.node == node]
    assert [member.status.name for member in held] == ["LEFT"]


def test_the_voter_that_leads_can_die() -> None:
    """Another one leads, and the map can be changed again."""
    world = CalmWorld(5)
    world.meet()
    leaders = [
        machine
        for machine in world.machines
        if machine.process is not None and machine.process.plane.metadata_status().role == "leader"
    ]
    assert len(leaders) == 1
    world.world.crash(leaders[0], "dropped")
    others = [machine for machine in world.machines if machine is not leaders[0]]
    world.run(5.0)
    done = world.must(others[0], r.SetSetting("color", "blue"))
    world.run_until(lambda: all(map_of(m).epoch >= done.epoch for m in others))
