from __future__ import annotations

import pytest

from cluster.birth.outbox import Outbox
from tests.sim.birth_faults import crash_points, run_crash, run_seed
from tests.sim.birth_world import BirthWorld


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_fresh_nodes_become_one_cluster(count: int) -> None:
    """In less than three seconds when nothing is in the way."""
    world = BirthWorld(count)
    world.run(3.0, until=lambda: world.is_settled(set(world.processes)))
    assert world.is_settled(set(world.processes)), world.story()
    assert len(world.clusters) == 1


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_seeds(first: int) -> None:
    """Under loss, copies, partitions and crashes nobody is in two clusters, and in the end all
    are in one.
    """
    for seed in range(first, first + 30):
        run_seed(seed)


@pytest.mark.parametrize("back_s", [0.1, 20.0, 100.0])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_crash_at_every_step(count: int, back_s: float) -> None:
    """Each output and each finished save of proposer and acceptors, with a return that is quick,
    late, or after the others gave up: all end in one cluster.
    """
    points = crash_points(count)
    assert len(points) >= 8 * count
    for point in points:
        run_crash(count, point, back_s=back_s)


@pytest.mark.parametrize("count", [3, 5])
def test_a_node_that_never_comes_back(count: int) -> None:
    """Whichever it is and at whichever step it goes, the others form, within 70 seconds."""
    for point in crash_points(count):
        world = run_crash(count, point, back_s=None)
        assert world.now < 70.0, world.story()


def test_a_member_of_two_maps_does_not_keep_clusters_apart() -> None:
    """Seed 507: a map named a node that another cluster had taken in, and no question about its
    keys was ever answered.
    """
    run_seed(507)


def test_a_seed_replays_exactly() -> None:
    """Two runs of a seed say the same, word for word."""
    assert run_seed(7).trace == run_seed(7).trace


def test_checkers_bite(monkeypatch: pytest.MonkeyPatch) -> None:
    """When messages do not wait for the disk, a crash undoes what was promised, and it is seen."""
    monkeypatch.setattr(Outbox, "is_saving", property(lambda self: False))
    with pytest.raises(AssertionError, match=r"seed \d+"):
        for seed in (41, 144, 191):
            run_seed(seed)
