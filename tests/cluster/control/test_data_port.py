"""What a node's data tell the control plane."""

from __future__ import annotations

from cluster.control.data_port import DataPort
from cluster.slots import SlotSet
from tests.sim.cluster_world import SimulatedData


def test_the_simulated_data_are_a_data_port() -> None:
    """They count keys by slot, and a node without any holds none."""
    data: DataPort = SimulatedData()
    assert not data.holds_keys()
    held = SimulatedData()
    held.keys.update({3: 2, 9: 5})
    assert held.count_keys(SlotSet.of([3, 4])) == 2
    assert held.holds_keys()
