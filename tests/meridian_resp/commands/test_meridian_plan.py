"""MERIDIAN PLAN: plans as documents."""

from __future__ import annotations

import json
from typing import Any

import trio

from cluster.map.commands import AddMember, SetMemberState
from cluster.map.values import ClusterMap, MemberState
from cluster.plans.planning import make_cluster_plan
from meridian_resp.commands.meridian_plan import plan_document
from meridian_resp.commands.outcomes import Later
from tests.cluster.map.maps import first_map, member, node_id, run
from tests.harness.fake_server import ServerRunner
from tests.harness.told_cluster import told_cluster


def planned(current: ClusterMap) -> Any:
    """The document of the plan for a map whose members are all alive."""
    plan = make_cluster_plan(current, tuple(current.members))
    return json.loads(json.dumps(plan_document(current, plan)))


def test_a_balanced_cluster_has_nothing_to_do() -> None:
    """The loads are shown even so."""
    document = planned(first_map(3))
    assert document["is_empty"] is True
    assert document["changes"] == document["splits"] == []
    assert [load["holds_before"] for load in document["loads"]] == [128] * 3


def test_a_new_member_is_given_its_share() -> None:
    """Each change says what was and what would be, and the loads what comes of them."""
    current = run(first_map(4), AddMember(member(4)))
    document = planned(current)
    assert document["epoch"] == current.epoch
    assert document["is_empty"] is False
    newcomer = document["loads"][-1]
    assert newcomer["node"] == node_id(4)
    assert (newcomer["leads_before"], newcomer["holds_before"]) == (0, 0)
    assert newcomer["leads_after"] > 0
    given = [change for change in document["changes"] if node_id(4) in change["new"]]
    assert len(given) == newcomer["holds_after"]
    for change in document["changes"]:
        held = current.partitions[change["partition"]].replicas("dc1")
        assert (change["datacenter"], change["old"]) == ("dc1", list(held))
    led = [change["new"] for change in document["leader_changes"]]
    assert led.count(node_id(4)) == newcomer["leads_after"]


def test_a_drained_member_is_left_with_nothing() -> None:
    """As far as there are others."""
    current = run(first_map(4), SetMemberState(node_id(0), MemberState.DRAINING))
    drained = planned(current)["loads"][0]
    assert (drained["leads_after"], drained["holds_after"], drained["slots_after"]) == (0, 0, 0)


def test_the_plan_is_made_beside_the_server() -> None:
    """The handler leaves it for later, for the nodes that are held alive."""
    runner = ServerRunner()
    current = run(first_map(4), AddMember(member(4)))
    runner.fake.cluster = told_cluster(current, node_id(4))
    container = runner.commands.find(b"meridian")
    assert container is not None
    spec = runner.commands.find_subcommand(container, b"plan")
    assert spec is not None
    outcome = spec.handler(runner, [b"MERIDIAN", b"PLAN"])
    assert isinstance(outcome, Later)
    reply = trio.run(outcome.work)
    assert isinstance(reply, bytes)
    document = json.loads(reply.split(b"\r\n")[1])
    assert document["loads"][-1]["holds_after"] == 0
