"""Two processes with one node id: the second one serves nothing and stops."""

from __future__ import annotations

import logging

import pytest

from cluster.control import outputs
from cluster.control.duplicates import Duplicates
from cluster.control.parts import Parts
from cluster.identity import Boot, Endpoint, NodeId
from cluster.map.values import ClusterMap
from cluster.membership.events import IdentityConflict
from tests.cluster.control.calm_world import CalmWorld
from tests.cluster.control.test_parts import parts_of

HERE, THERE = Endpoint("10.9.9.1", 7400), Endpoint("10.9.9.2", 7400)
EARLIER, LATER = Boot(1, 5), Boot(2, 6)


class Bench:
    """The parts of a node that is in a cluster, and what was said."""

    def __init__(self) -> None:
        world = CalmWorld(2)
        world.meet()
        self.parts: Parts = parts_of(world.machines[0])
        self.duplicates = Duplicates(self.parts)
        self.said()

    def said(self) -> list[outputs.Output]:
        """Outputs since the last call."""
        said, self.parts.outputs = self.parts.outputs, []
        return said

    def conflict(self, claimed: Boot = EARLIER, *, node: NodeId | None = None) -> None:
        """Others hold the id at the other address."""
        own = self.parts.own_id
        self.duplicates.conflict(IdentityConflict(node or own, HERE, LATER, THERE, claimed))

    def maps(self) -> list[ClusterMap | None]:
        """The maps told to those who serve."""
        return [output.map for output in self.said() if isinstance(output, outputs.MapChanged)]

    def stops(self) -> list[str]:
        """The reasons why it is to stop."""
        return [output.reason for output in self.said() if isinstance(output, outputs.Stop)]


def test_a_copied_directory_served_its_keys_beside_the_original() -> None:
    """It holds the same map; now it serves nothing until it has looked at the other address."""
    bench = Bench()
    bench.conflict()
    said = bench.said()
    assert outputs.MapChanged(None) in said
    assert [s.endpoint for s in said if isinstance(s, outputs.SendMessage)] == [THERE]
    bench.duplicates.link_failed(HERE, is_duplicate=False)
    assert bench.parts.is_disputed
    bench.duplicates.link_failed(THERE, is_duplicate=True)
    (reason,) = bench.stops()
    assert str(THERE) in reason and "copy" in reason and "original" in reason


def test_the_other_process_may_have_answered_before_others_spoke_of_it() -> None:
    """A seed is dialled first, and gossip comes later."""
    bench = Bench()
    bench.duplicates.link_failed(THERE, is_duplicate=True)
    assert bench.stops() == [] and not bench.parts.is_disputed
    bench.conflict()
    assert len(bench.stops()) == 1


def test_a_node_that_was_moved_serves_as_soon_as_nobody_answers_at_its_old_address() -> None:
    """Its former process is dead, although the others do not know that yet."""
    bench = Bench()
    bench.conflict()
    assert bench.maps() == [None]
    bench.duplicates.link_failed(THERE, is_duplicate=False)
    assert bench.maps() == [bench.parts.map]
    assert bench.duplicates.deadline() is None and not bench.parts.is_disputed


def test_packets_that_are_swallowed_are_waited_for_with_a_bound() -> None:
    """The host of the old address may be gone: no answer is none after ten seconds."""
    bench = Bench()
    bench.conflict()
    bench.said()
    end = bench.duplicates.deadline()
    assert end is not None and end == bench.parts.now + bench.parts.options.dispute_s
    bench.duplicates.on_deadline(end - 0.1)
    assert bench.said() == []
    bench.duplicates.on_deadline(end)
    assert bench.maps() == [bench.parts.map]


def test_a_newer_map_is_not_served_either_meanwhile() -> None:
    """It is kept, and shown when the dispute is over."""
    world = CalmWorld(2)
    world.meet()
    machine = world.machines[0]
    parts = parts_of(machine)
    assert machine.process is not None
    parts.is_disputed = True
    assert parts.map is not None
    machine.process.plane._belonging._route_by(parts.map)
    told = [output for output in parts.outputs if isinstance(output, outputs.MapChanged)]
    assert told == [outputs.MapChanged(None)]


def test_a_life_that_is_not_earlier_stops_this_one() -> None:
    """Both count the same, so both directories are copies of one state."""
    bench = Bench()
    bench.conflict(LATER)
    assert len(bench.stops()) == 1


@pytest.mark.parametrize("claimed", [EARLIER, LATER])
def test_another_node_s_id_is_only_told(claimed: Boot) -> None:
    """An operator should know."""
    bench = Bench()
    bench.conflict(claimed, node=NodeId("00000000-0000-4000-8000-000000000009"))
    (notice,) = bench.said()
    assert isinstance(notice, outputs.Notice) and notice.level == logging.ERROR
