"""From requests to commands, and inquiries among leaders."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest

from cluster.control import requests as r
from cluster.control.asking import Counted, Inquiries, Inquiry, Wanted, leaders_of, wanted_by
from cluster.identity import ClusterId, Endpoint, NodeId, new_id
from cluster.map import commands as c
from cluster.map.genesis import genesis_map
from cluster.map.values import Claim, ClusterMap, Genesis, MapMember, MemberState
from cluster.map.views import SlotView
from cluster.slots import SlotSet

OWN, OTHER, THIRD = sorted(NodeId(new_id(Random(seed))) for seed in range(3))
LOW, HIGH = SlotSet.span(0, 99), SlotSet.span(100, 199)


@pytest.fixture(scope="module")
def cluster_map() -> ClusterMap:
    """Three members, of which two claimed a hundred slots each."""
    members = tuple(MapMember(node, Endpoint("h", 7400)) for node in (OWN, OTHER, THIRD))
    claims = (Claim(OWN, LOW, 1), Claim(OTHER, HIGH, 2))
    return genesis_map(Genesis(ClusterId(new_id(Random(9))), OWN, (OWN,), members, claims=claims))


def asked(request: r.Request, cluster_map: ClusterMap) -> Wanted | r.Answer:
    """What becomes of a request on the first node."""
    return wanted_by(request, OWN, cluster_map, SlotView(cluster_map))


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        (r.AddSlots(SlotSet.span(300, 301)), c.AssignSlots(OWN, SlotSet.span(300, 301))),
        (r.BumpEpoch(), c.BumpEpoch(OWN)),
        (r.Replicate(OTHER), c.SetReplicates(OWN, OTHER)),
        (r.Forget(THIRD), c.RemoveMember(THIRD)),
        (r.Drain(THIRD), c.SetMemberState(THIRD, MemberState.DRAINING)),
        (r.Activate(THIRD), c.SetMemberState(THIRD, MemberState.ACTIVE)),
        (r.Decommission(THIRD), c.SetMemberState(THIRD, MemberState.LEAVING)),
        (r.WriteOff(THIRD), c.SetMemberState(THIRD, MemberState.LOST)),
        (r.Replace(OTHER, THIRD), c.ReplaceMember(OTHER, THIRD)),
        (r.SetWeight(OTHER, 2.0), c.SetWeight(OTHER, 2.0)),
        (r.SetSetting("a", "b"), c.SetSetting("a", "b")),
        (r.SetFeature("a", True), c.SetFeature("a", True)),
        (r.Unpin(LOW), c.Unpin(LOW)),
        (r.AbortTransition(3), c.AbortTransition(3)),
    ],
)
def test_requests_that_take_nothing_away_need_no_question(
    request_: r.Request, command: c.MapCommand, cluster_map: ClusterMap
) -> None:
    """Each has its command, and no slots whose keys would have to be counted."""
    assert asked(request_, cluster_map) == Wanted(command)


def test_requests_that_take_slots_name_those_that_somebody_loses(cluster_map: ClusterMap) -> None:
    """Slots that the target leads already are not taken from anybody."""
    both = SlotSet.span(0, 199)
    moved = asked(r.MoveSlots(both, OTHER), cluster_map)
    assert moved == Wanted(c.MoveSlots(both, OTHER), taken=LOW)
    assert asked(r.MoveSlots(HIGH, OTHER), cluster_map) == r.Done()
    assert asked(r.DelSlots(HIGH), cluster_map) == Wanted(c.UnassignSlots(HIGH), taken=HIGH)
    assert asked(r.FlushSlots(), cluster_map) == Wanted(c.UnassignSlots(LOW), taken=LOW)


def test_a_member_is_told_what_makes_no_sense(cluster_map: ClusterMap) -> None:
    """An unknown target, and a config epoch for a node that knows others, as Redis says it."""
    unknown = NodeId(new_id(Random(77)))
    refused = asked(r.MoveSlots(LOW, unknown), cluster_map)
    assert refused == r.RequestRefused(f"ERR Unknown node {unknown}")
    epoch = asked(r.SetConfigEpoch(3), cluster_map)
    assert isinstance(epoch, r.RequestRefused) and "does not know any other" in epoch.text


def test_leaders_are_found_by_slot(cluster_map: ClusterMap) -> None:
    """Slots of nobody concern nobody."""
    found = leaders_of(SlotSet.span(50, 250), SlotView(cluster_map))
    assert found == {OWN: SlotSet.span(50, 99), OTHER: HIGH}


def test_an_inquiry_ends_with_the_last_answer_of_the_right_node() -> None:
    """Answers of others, and second answers, do not count."""
    ended: list[Mapping[NodeId, Counted] | None] = []
    inquiries = Inquiries()
    inquiry = Inquiry(waiting={1: OWN, 2: OTHER}, expires_at=9.0, on_end=ended.append)
    inquiries.add(inquiry)
    inquiries.answered(1, THIRD, Counted(5, 1))
    inquiries.answered(1, OWN, Counted(5, 1))
    inquiries.answered(1, OWN, Counted(6, 1))
    assert not ended and inquiries.deadline() == 9.0
    inquiries.answered(2, OTHER, Counted(0, 2))
    assert ended == [{OWN: Counted(5, 1), OTHER: Counted(0, 2)}] and inquiries.deadline() is None


def test_an_inquiry_that_runs_out_has_no_result() -> None:
    """What was answered in part may be the smaller part."""
    ended: list[Mapping[NodeId, Counted] | None] = []
    inquiries = Inquiries()
    inquiries.add(Inquiry(waiting={1: OWN, 2: OTHER}, expires_at=9.0, on_end=ended.append))
    inquiries.answered(1, OWN, Counted(0, 1))
    inquiries.on_deadline(8.9)
    assert not ended
    inquiries.on_deadline(9.0)
    inquiries.answered(2, OTHER, Counted(0, 2))
    assert ended == [None]
