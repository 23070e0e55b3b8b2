"""Requests to a node without a cluster."""

from __future__ import annotations

from cluster.control import requests as r
from cluster.control.unformed import FORGOTTEN_CONTACT_S, NO_CLUSTER_TEXT
from cluster.slots import SlotSet
from tests.cluster.control.calm_world import CalmWorld


def test_claims_are_kept_changed_and_given_up() -> None:
    """As CLUSTER ADDSLOTS, DELSLOTS and FLUSHSLOTS say it."""
    world = CalmWorld(1)
    machine = world.machines[0]
    world.must(machine, r.AddSlots(SlotSet.span(0, 9)))
    assert "already busy" in world.refused(machine, r.AddSlots(SlotSet.of([5])))
    world.must(machine, r.DelSlots(SlotSet.of([0])))
    world.must(machine, r.SetConfigEpoch(4))
    world.world.crash(machine, "dropped")
    world.world.start(machine)
    assert machine.process is not None
    claim = machine.process.plane.claims()
    assert (claim.slots, claim.config_epoch) == (SlotSet.span(1, 9), 4)
    world.must(machine, r.FlushSlots())
    assert len(machine.process.plane.claims().slots) == 0


def test_what_needs_a_cluster_is_refused_with_what_to_do() -> None:
    """The text names CLUSTER MEET."""
    world = CalmWorld(1)
    assert world.refused(world.machines[0], r.CommitPlan(1)) == NO_CLUSTER_TEXT
    assert world.refused(world.machines[0], r.SetSetting("a", "b")) == NO_CLUSTER_TEXT


def test_a_forgotten_contact_stays_away_for_a_minute() -> None:
    """And is heard again after that, as in Redis."""
    world = CalmWorld(1)
    asked = world.machines[0]
    stranger = world.world.add(world.options)
    assert stranger.node is not None
    assert "Unknown node" in world.refused(asked, r.Forget(stranger.node))
    world.must(asked, r.Meet((stranger.port.endpoint,)))
    world.run(0.3)
    assert asked.process is not None
    assert len(asked.process.plane.members()) == 2
    world.must(asked, r.Forget(stranger.node))
    world.run(5.0)
    assert len(asked.process.plane.members()) == 1
    world.run(FORGOTTEN_CONTACT_S)
    world.must(asked, r.Meet((stranger.port.endpoint,)))
    world.run_until(lambda: stranger.map is not None or asked.map is not None, 60.0)
