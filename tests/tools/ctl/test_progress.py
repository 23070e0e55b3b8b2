"""Watching the moves of partitions."""

from __future__ import annotations

import attrs
import pytest

from cluster.map.commands import AddMember, AdvanceTransition, BeginTransitions, PlannedChange
from cluster.map.values import ClusterMap, TransitionStep
from tests.cluster.map.maps import first_map, member, node_id, run
from tests.harness.told_cluster import METADATA, STATISTICS, ToldCluster, told_cluster
from tests.tools.ctl.told_server import told_server
from tools.connection import Connection
from tools.ctl.cluster import Cluster
from tools.ctl.output import Failure
from tools.ctl.progress import Pace, watch_moves, watch_settling


def moving(count: int) -> ClusterMap:
    """A map in which so many partitions are about to change the order of their replicas."""
    current = first_map(3)
    changes = []
    for number in range(count):
        ((name, replicas),) = current.partitions[number].placements
        changes.append(PlannedChange(number, ((name, (replicas[0], *replicas[:0:-1])),)))
    return run(current, BeginTransitions(tuple(changes), current.epoch))


def test_each_step_is_a_line_until_all_is_done() -> None:
    """A map that did not change is not told again; the last line says that nothing moves."""
    maps = [moving(2)]
    for step in TransitionStep:
        for number in (0, 1):
            maps.append(run(maps[-1], AdvanceTransition(number, step)))
    cluster = told_cluster(maps.pop(0))
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) % 2:  # every other look finds the same map
            cluster.current = maps.pop(0)

    pace = Pace(interval_s=0.25, sleep=sleep, clock=lambda: 0.0)
    with told_server(cluster) as server, Connection(server.address) as connection:
        lines = [line.text for line in watch_moves(Cluster(connection), pace)]
    assert lines[0] == "epoch 2: 2 moves under way (2 allow_both)"
    assert lines[1] == "epoch 3: 2 moves under way (1 allow_both, 1 write_both)"
    assert lines[-2] == "epoch 11: 1 move under way (1 clean_up)"
    assert lines[-1] == "epoch 12: no moves under way"
    assert len(lines) == 11
    assert set(waited) == {0.25}


def counting(now: list[float]) -> Pace:
    """A pace whose clock is moved on by waiting."""

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return Pace(interval_s=1.0, calm_s=3.0, stuck_s=5.0, sleep=sleep, clock=lambda: now[0])


def test_moves_that_are_stuck_end_the_wait() -> None:
    """With what is wrong; the moves themselves stay as they are."""
    now = [0.0]
    cluster = told_cluster(moving(1), node_id(2))
    with told_server(cluster) as server, Connection(server.address) as connection:
        lines = watch_moves(Cluster(connection), counting(now))
        assert next(lines).data["moving"] == 1
        with pytest.raises(Failure) as stuck:
            next(lines)
    assert str(stuck.value).startswith("1 move cannot go on now and will when that changes:\n  ")
    assert f"{node_id(2)} is dead" in str(stuck.value)
    assert now[0] == 6.0


def test_what_moves_wait_for_is_asked_of_the_leader() -> None:
    """It alone knows; when all that is left waits, there is no point in waiting longer."""
    now = [0.0]
    current = moving(5)
    leader = told_cluster(current)
    control = attrs.evolve(STATISTICS.control, waiting_for=dict.fromkeys(range(5), "2 keys"))
    leader.figures = attrs.evolve(STATISTICS, control=control)
    asked = told_cluster(current)
    asked.metadata_status = attrs.evolve(METADATA, leader=node_id(1))
    with told_server(leader) as at_leader, told_server(asked) as server:
        facts = attrs.evolve(asked.views[1].facts, client_port=at_leader.address.port)
        asked.views[1] = attrs.evolve(asked.views[1], facts=facts)
        with Connection(server.address) as connection:
            lines = watch_moves(Cluster(connection), counting(now))
            next(lines)
            with pytest.raises(Failure) as stuck:
                next(lines)
    assert str(stuck.value).splitlines()[1:] == [
        "  partition 0: 2 keys", "  partition 1: 2 keys", "  partition 2: 2 keys", "  and 2 more",
    ]  # fmt: skip
    assert now[0] == 3.0


def grown() -> ClusterMap:
    """Four nodes that share everything, and a fifth that has nothing yet."""
    return run(first_map(4), AddMember(member(4)))


def settling(cluster: ToldCluster, pace: Pace) -> list[str]:
    """The lines of waiting for the end of a change."""
    with told_server(cluster) as server, Connection(server.address) as connection:
        return [line.text for line in watch_settling(Cluster(connection), pace)]


def with_setting(current: ClusterMap, value: str) -> ClusterMap:
    """A map of a cluster that carries plans out by itself, or does not."""
    return attrs.evolve(current, settings={"auto-rebalance": value})


def test_a_change_is_followed_through_plan_and_moves() -> None:
    """First nothing moves, since the cluster waits for calm; the end is when no plan is left."""
    maps = [with_setting(it, "yes") for it in (grown(), moving(1), first_map(3))]
    cluster = told_cluster(maps.pop(0))

    def sleep(seconds: float) -> None:
        cluster.current = maps.pop(0)
        cluster.views = told_cluster(cluster.current).views

    lines = settling(cluster, Pace(sleep=sleep, clock=lambda: 0.0))
    assert lines == [
        "epoch 2: 1 move under way (1 allow_both)",
        "epoch 1: no moves under way",
        "nothing is left to move",
    ]


def test_a_plan_that_waits_for_people_is_named() -> None:
    """Where plans are not carried out by themselves there is nothing to wait for."""
    cluster = told_cluster(with_setting(grown(), "no"))
    assert settling(cluster, Pace()) == [
        "it is planned; carry it out with: meridian-ctl commit 2 --wait"
    ]


def test_a_plan_that_nobody_carries_out_ends_the_wait() -> None:
    """There may be no leader."""
    with pytest.raises(Failure, match="not carried out within 5 s"):
        settling(told_cluster(with_setting(grown(), "yes")), counting([0.0]))


def test_an_endless_watch_goes_on_when_nothing_moves() -> None:
    """It tells of the next moves; what changes besides is not its business."""
    quiet = first_map(3)
    later = moving(1)
    maps = [
        attrs.evolve(quiet, epoch=2),
        attrs.evolve(quiet, epoch=3),
        attrs.evolve(later, epoch=4),
    ]
    cluster = told_cluster(quiet)

    def sleep(seconds: float) -> None:
        cluster.current = maps.pop(0)

    pace = Pace(sleep=sleep, clock=lambda: 0.0)
    with told_server(cluster) as server, Connection(server.address) as connection:
        lines = watch_moves(Cluster(connection), pace, is_endless=True)
        assert next(lines).text == "epoch 1: no moves under way"
        assert next(lines).text == "epoch 4: 1 move under way (1 allow_both)"
