from __future__ import annotations

from cluster.map.commands import AddMember, SetMemberState
from cluster.map.values import MemberState
from cluster.plans.plan import ClusterPlan, NodeLoad, loads_of
from cluster.plans.planning import make_cluster_plan
from cluster.slots import SLOT_COUNT
from tests.cluster.map.maps import first_map, member, node_id, run
from tests.cluster.plans.driving import commit_plan


def test_a_plan_says_what_it_costs() -> None:
    """Splits, changes, replicas that move, leaders that change, and loads of whom they concern."""
    current = run(first_map(8), AddMember(member(8)))
    text = "\n".join(make_cluster_plan(current, current.members).lines())
    assert f"Plan for epoch {current.epoch}:" in text
    assert "128 partitions are split." in text
    assert "replicas move" in text
    assert f"{node_id(8)}: leads 0 -> 2" in text


def test_an_abort_is_said() -> None:
    """Moves that are given up are counted."""
    current = commit_plan(run(first_map(3), AddMember(member(3))))
    current = run(current, SetMemberState(node_id(3), MemberState.DRAINING))
    lines = make_cluster_plan(current, current.members).lines()
    assert any(line.endswith("moves are given up.") for line in lines)


def test_an_empty_plan_says_so() -> None:
    """With its notes."""
    assert ClusterPlan(7, notes=("Why.",)).lines() == ("Nothing is to be done at epoch 7.", "Why.")


def test_loads_are_counted() -> None:
    """Places, leads and slots of each member; one without any is in it."""
    current = run(first_map(2), AddMember(member(2)))
    placements = {n: p.placements for n, p in current.partitions.items()}
    loads = loads_of(current, placements)
    assert NodeLoad() == loads[node_id(2)]
    assert sum(load.slots for load in loads.values()) == SLOT_COUNT
    assert loads[node_id(0)].replicas == 128
    assert sum(load.leads for load in loads.values()) == 128
