from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cluster.identity import NodeId
from cluster.placement.domains import Domains
from cluster.placement.plan import Plan, difference, moved_replicas
from cluster.placement.planner import LOAD_MAX, Request, make_plan
from cluster.ring import RingNode

PARTITIONS = tuple(range(128))
WEIGHTS = (0.5, 1.0, 2.0)
LOAD_MIN = 2 - LOAD_MAX


def node_at(number: int, rack: int, machine: int, weight: float = 1.0) -> RingNode:
    """A node of dc1."""
    return RingNode(NodeId(f"n{number:03}"), "dc1", f"r{rack}", f"m{machine}", weight)


clusters = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(WEIGHTS)),
    min_size=1,
    max_size=9,
).map(lambda shape: [node_at(i, *where) for i, where in enumerate(shape)])


def request(nodes: list[RingNode], partitions: tuple[int, ...] = PARTITIONS) -> Request:
    """Three replicas in dc1."""
    return Request(tuple(nodes), partitions, {"dc1": 3})


def check(plan: Plan, nodes: list[RingNode], partitions: tuple[int, ...] = PARTITIONS) -> None:
    """Assert everything that holds for every plan: copies, domains, loads, leads."""
    by_id = {node.node: node for node in nodes}
    domains = Domains(nodes, 3)
    for number in partitions:
        held = plan.replicas(number, "dc1")
        assert min(3, len(nodes)) == len(held) == len(set(held))
        machines = [by_id[node].machine_key for node in held]
        racks = [by_id[node].rack_key for node in held]
        assert all(machines.count(machine) <= domains.machine_cap for machine in machines)
        assert all(racks.count(rack) <= domains.rack_cap for rack in racks)
    loads, leads = plan.loads(), plan.leads()
    assert len(partitions) * min(3, len(nodes)) == loads.total()
    for node, share in domains.shares(len(partitions)).items():
        # Ten percent, or one whole replica where ten percent is less than one.
        assert loads[node] <= max(math.ceil(share), share * LOAD_MAX), (node, share)
        assert loads[node] >= min(math.floor(share), share * LOAD_MIN), (node, share)
    for node, lead in domains.lead_shares(len(partitions)).items():
        assert abs(leads[node] - lead) <= max(1, lead / 10), (node, leads[node], lead)


@given(clusters)
@example([node_at(i, i % 3, i) for i in range(5)])
def test_a_fresh_plan_keeps_every_promise(nodes: list[RingNode]) -> None:
    """Distinct machines and racks where possible, loads and leads by weight within 10 %."""
    check(make_plan(request(nodes)), nodes)


@given(clusters, st.integers(0, 2**32))
def test_a_changed_cluster_keeps_every_promise(nodes: list[RingNode], seed: int) -> None:
    """From any plan, after nodes came, went and changed weight, the promises hold again."""
    rng = Random(seed)
    plan = make_plan(request(nodes))
    changed = [n for n in nodes if rng.random() < 0.7]
    changed += [node_at(100 + i, rng.randrange(4), rng.randrange(4)) for i in range(2)]
    again = make_plan(request(changed), plan)
    check(again, changed)
    assert again == make_plan(request(changed), plan)


@given(clusters)
def test_nothing_changes_without_a_reason(nodes: list[RingNode]) -> None:
    """Planning again from a plan moves nothing, and the order of the input does not matter."""
    plan = make_plan(request(nodes))
    assert difference(plan, make_plan(request(nodes), plan)) == ()
    assert plan == make_plan(request(nodes[::-1], PARTITIONS[::-1]))


@given(st.integers(3, 20))
def test_a_new_node_takes_its_share_and_no_more(count: int) -> None:
    """Adding one node to n copies about 1/(n+1) of all replicas, all of them to the new node."""
    partitions = tuple(range(max(128, 16 * count)))
    nodes = [node_at(i, 0, i) for i in range(count + 1)]
    before = make_plan(request(nodes[:-1], partitions))
    after = make_plan(request(nodes, partitions), before)
    changes = difference(before, after)
    share = len(partitions) * 3 / (count + 1)
    assert 0.9 * share - 1 <= moved_replicas(changes) <= 1.1 * share + 1
    assert {nodes[-1].node} == {node for change in changes for node in change.added}


@given(st.integers(4, 16))
def test_a_lost_node_costs_only_its_replicas(count: int) -> None:
    """Taking a node out copies what it held, and hardly more."""
    nodes = [node_at(i, 0, i) for i in range(count)]
    before = make_plan(request(nodes))
    after = make_plan(request(nodes[1:]), before)
    held = before.loads()[nodes[0].node]
    assert held <= moved_replicas(difference(before, after)) <= held + 1 + held // 10


@given(st.dictionaries(st.sampled_from(PARTITIONS), st.integers(0, 4), max_size=6))
def test_pinned_partitions_stay_where_they_were_put(pins: dict[int, int]) -> None:
    """A leader chosen by hand leads, in the first plan as later; a missing one is ignored."""
    nodes = [node_at(i, i % 3, i) for i in range(5)]
    pinned = {number: nodes[place].node for number, place in pins.items()}
    wanted = Request(tuple(nodes), PARTITIONS, {"dc1": 3}, {**pinned, 0: NodeId("gone")})
    for old in (None, make_plan(request(nodes))):
        plan = make_plan(wanted, old)
        for number, node in pinned.items():
            assert number == 0 or plan.replicas(number, "dc1")[0] == node
        assert len(plan.replicas(0, "dc1")) == 3


@pytest.mark.parametrize("count", [2, 3])
def test_weight_counted_for_nothing_where_every_node_holds_everything(count: int) -> None:
    """With no more nodes than replicas all hold all; the heavy one still leads by its weight."""
    nodes = [node_at(i, 0, i, weight=4.0 if i == 0 else 1.0) for i in range(count)]
    light = [node_at(i, 0, i) for i in range(count)]
    for old in (None, make_plan(request(light))):
        leads = make_plan(request(nodes), old).leads()
        wanted = len(PARTITIONS) * 4 / (4 + count - 1)
        assert abs(leads[nodes[0].node] - wanted) <= wanted / 10


def test_every_datacenter_has_replicas_of_its_own() -> None:
    """Counts are per datacenter; one without nodes or with a count of zero holds nothing."""
    nodes = [node_at(i, 0, i) for i in range(3)]
    nodes += [RingNode(NodeId(f"x{i}"), "dc2", "r", f"m{i}") for i in range(2)]
    counts = {"dc1": 3, "dc2": 3, "dc3": 3}
    plan = make_plan(Request(tuple(nodes), PARTITIONS, counts))
    assert all(list(plan.placements[number]) == ["dc1", "dc2"] for number in PARTITIONS)
    assert all(len(plan.replicas(number, "dc2")) == 2 for number in PARTITIONS)


def test_a_hundred_nodes_are_planned() -> None:
    """At the size of a big cluster the same promises hold: 1600 partitions, ten racks."""
    nodes = [node_at(i, i % 10, i, WEIGHTS[i % 3]) for i in range(100)]
    partitions = tuple(range(1600))
    check(make_plan(request(nodes, partitions)), nodes, partitions)
