"""Figures of the control plane."""

from __future__ import annotations

from cluster.control import inputs
from cluster.control import requests as r
from cluster.identity import Endpoint
from tests.cluster.control.calm_world import CalmWorld, map_of


def test_figures_follow_the_life_of_a_node() -> None:
    """Stage, cluster and epoch, and what could not be read by its reason."""
    world = CalmWorld(1)
    process = world.machines[0].process
    assert process is not None
    before = process.plane.statistics()
    assert (before.stage, before.cluster, before.map_epoch) == ("unformed", None, 0)
    world.must(world.machines[0], r.Form())
    world.run_until(world.is_agreed)
    process.plane.handle(inputs.DatagramReceived(Endpoint("h", 1), b"garbage"), 5000.0)
    after = process.plane.statistics()
    held = map_of(world.machines[0])
    assert (after.stage, after.cluster, after.map_epoch) == ("formed", held.cluster, held.epoch)
    assert after.counts == {"packets_refused_magic": 1}
    assert sum(after.swim.members.values()) == 1
