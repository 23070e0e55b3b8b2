"""Documents about the cluster, made from a map and a membership that a test tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from cluster.control.heartbeats import PhiReading
from cluster.map.commands import AssignSlots, BeginTransitions, PlannedChange, UnassignSlots
from cluster.map.values import Claim
from cluster.membership.messages import MemberStatus
from cluster.membership.phi import Level
from cluster.slots import SLOT_COUNT, SlotSet
from meridian_resp.commands.meridian_documents import (
    map_document,
    node_documents,
    phi_documents,
    ring_document,
    status_document,
)
from tests.cluster.map.maps import CLUSTER, first_map, member, node_id, run
from tests.harness.told_cluster import ToldCluster, told_cluster, view_of


def read(document: object) -> Any:
    """A document after a trip through JSON."""
    return json.loads(json.dumps(document))


def test_an_unformed_node_says_that_it_serves_nothing() -> None:
    """Its claims are shown, and there is no map to speak of."""
    port = ToldCluster(claim=Claim(node_id(0), SlotSet.span(0, 99), 3))
    document = read(status_document(port))
    assert document["is_formed"] is False
    assert document["claims"] == {"node": node_id(0), "slots": "0-99", "config_epoch": 3}
    (trouble,) = document["troubles"]
    assert "belongs to no cluster" in trouble
    assert "epoch" not in document


def test_a_cluster_that_is_well_has_no_troubles() -> None:
    """All numbers are there, and every slot is somebody's."""
    document = read(status_document(told_cluster(first_map(3))))
    assert document["troubles"] == []
    assert document["cluster"] == CLUSTER
    assert (document["epoch"], document["map_members"], document["partitions"]) == (1, 3, 128)
    assert (document["slots_owned"], document["slots_unowned"]) == (SLOT_COUNT, 0)
    assert document["members"] == {"alive": 3, "suspected": 0, "dead": 0, "left": 0}
    assert document["metadata"]["term"] == 3


def test_troubles_name_nodes_and_what_they_mean() -> None:
    """A dead leader, a member never seen, slots of nobody, a frozen cluster."""
    current = run(first_map(3), UnassignSlots(SlotSet.span(0, 4)))
    port = told_cluster(attrs.evolve(current, is_frozen=True), node_id(1))
    port.views = [view for view in port.views if view.node != node_id(2)]
    troubles = read(status_document(port))["troubles"]
    leads = [len(current.partitions_led_by(node_id(number))) for number in range(3)]
    assert "the cluster is frozen" in troubles[0]
    assert troubles[1] == "5 slots belong to nobody"
    assert troubles[2] == (
        f"{node_id(1)} is dead; the {leads[1]} partitions that it leads are not served"
    )
    assert troubles[3].startswith(f"{node_id(2)} is in the map but has not been seen; the")
    port.views = [view_of(current.members[node_id(2)], MemberStatus.LEFT)]
    assert f"{node_id(2)} has left" in read(status_document(port))["troubles"][-1]


def test_nodes_join_what_membership_and_the_map_know() -> None:
    """A member of both, one that is only in the map, and one that is not in the map yet."""
    current = first_map(2)
    port = told_cluster(current)
    port.views = [port.views[0], view_of(member(9))]
    port.readings = {node_id(0): PhiReading(0.25, Level.ALIVE, 1.0)}
    both, only_map, only_seen = read(node_documents(port))
    assert (both["node"], both["is_self"], both["status"]) == (node_id(0), True, "alive")
    assert (both["phi"], both["phi_level"]) == (0.25, "alive")
    assert both["state"] == "active"
    assert both["version"] == "1.2.3"
    assert both["roles"] == ["coordinator", "storage", "rebalancer"]
    assert both["leads"] + only_map["leads"] == 128
    assert both["slots"] + only_map["slots"] == SLOT_COUNT
    assert both["holds"] == only_map["holds"] == 128
    assert (only_map["status"], only_map["is_member"]) == ("unknown", True)
    assert only_map["endpoint"] == "127.0.0.1:17402"
    assert (only_seen["is_member"], only_seen["phi"]) == (False, None)
    assert "leads" not in only_seen


def test_the_ring_says_what_weights_ask_for() -> None:
    """A node of twice the weight should lead twice as much."""
    current = first_map(3)
    heavy = attrs.evolve(current.members[node_id(2)], capacity_weight=2.0)
    current = attrs.evolve(current, members={**current.members, heavy.node: heavy})
    document = read(ring_document(current))
    assert [row["share"] for row in document["nodes"]] == [0.25, 0.25, 0.5]
    assert [row["virtual_nodes"] for row in document["nodes"]] == [128, 128, 256]
    assert sum(row["leads_wanted"] for row in document["nodes"]) == 128
    most = max(row["leads"] / row["leads_wanted"] for row in document["nodes"])
    assert document["most_over_share"] == round(most, 4)


def test_the_map_is_shown_whole() -> None:
    """Slots as ranges, replicas by datacenter, moves with their step, and what is nobody's."""
    current = run(first_map(3), UnassignSlots(SlotSet.span(0, 9)))
    number = max(current.partitions)
    old = current.partitions[number].placements
    new = ((old[0][0], (*old[0][1][1:], old[0][1][0])),)
    current = run(current, BeginTransitions((PlannedChange(number, new),), current.epoch))
    document = read(map_document(current))
    assert document["unowned"] == "0-9"
    assert document["epoch"] == current.epoch
    moved = document["partitions"][-1]
    assert moved["partition"] == number
    assert moved["transition"]["step"] == "allow_both"
    assert moved["transition"]["old"] == moved["placements"] == {"dc1": list(old[0][1])}
    assert moved["transition"]["new"] == {"dc1": list(new[0][1])}
    assert moved["leader"] == old[0][1][0]
    slots = [SlotSet.parse(row["slots"]) for row in document["partitions"]]
    assert sum(map(len, slots)) == SLOT_COUNT - 10


def test_pinned_slots_are_marked() -> None:
    """Slots that were given by hand stay where they are until they are unpinned."""
    current = run(first_map(2), UnassignSlots(SlotSet.span(0, 9)))
    current = run(current, AssignSlots(node_id(1), SlotSet.span(0, 9)))
    document = read(map_document(current))
    (pinned,) = [row["slots"] for row in document["partitions"] if row["is_pinned"]]
    assert set(range(10)) <= set(SlotSet.parse(pinned))
    assert read(status_document(told_cluster(current)))["pinned_partitions"] == 1


def test_phi_of_all_that_are_watched() -> None:
    """In order of ids; infinity is null."""
    port = ToldCluster(
        readings={
            node_id(2): PhiReading(float("inf"), Level.DEAD, 99.12345),
            node_id(1): PhiReading(1.5, Level.SUSPECTED, 4.0),
        }
    )
    rows: list[Mapping[str, object]] = read(phi_documents(port))
    assert rows == [
        {"node": node_id(1), "phi": 1.5, "level": "suspected", "age_s": 4.0},
        {"node": node_id(2), "phi": None, "level": "dead", "age_s": 99.123},
    ]
