"""Spreading: the planner asked about the members and partitions of a map.

`cluster.placement.planner` knows ring nodes and partition numbers. Here the map's own rules come
in, the same for a genesis and for later plans:

* a *pinned* partition keeps its leader; where that one is not at home, the partition has no
  replicas at home, nor in another datacenter whose first one would lead before it;
* a member that *replicates* another by hand is none of the planner's nodes: it has a place behind
  the planned ones wherever its master leads, and nowhere else.

Datacenters are planned one by one, so that a partition can be left out of one. What was planned
once is planned again, whatever else the maps differ in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from cluster.identity import NodeId
from cluster.map.values import MapMember, Placements, Replicas, leader_in, replicas_in
from cluster.placement.plan import Plan
from cluster.placement.planner import Request, make_plan
from cluster.ring import RingNode


@frozen
class Spread:
    """What to spread.

    Attributes:
        members: those that may hold data, weighted.
        followers: those that replicate one of the members by hand.
        old: where the partitions are now or are going to be; empty for a new one.
        pinned: which partitions must be led by whom; by members only.
    """

    members: Collection[MapMember]
    home_datacenter: str
    replicas: int
    old: Mapping[int, Placements]
    pinned: Mapping[int, NodeId]
    followers: Collection[MapMember] = ()


def ring_node(member: MapMember) -> RingNode:
    """Return what the planner knows of a member."""
    return RingNode(
        member.node, member.datacenter, member.rack, member.machine, weight=member.weight
    )


def spread_partitions(spread: Spread) -> dict[int, Placements]:
    """Return where each partition of `old` should be.

    With no members at all they are nowhere: every placement is empty.
    """
    datacenter_of = {member.node: member.datacenter for member in spread.members}
    assert all(node in datacenter_of for node in spread.pinned.values()), spread.pinned
    nodes = tuple(ring_node(member) for member in spread.members)
    lists: dict[int, dict[str, Replicas]] = {number: {} for number in spread.old}
    for datacenter in sorted(set(datacenter_of.values())):
        numbers = tuple(
            number
            for number in sorted(spread.old)
            if number not in spread.pinned
            or not would_lead(
                datacenter, datacenter_of[spread.pinned[number]], spread.home_datacenter
            )
        )
        plan = make_plan(
            Request(nodes, numbers, {datacenter: spread.replicas}, spread.pinned),
            Plan({n: {datacenter: replicas_in(spread.old[n], datacenter)} for n in numbers}),
        )
        for number in numbers:
            lists[number][datacenter] = plan.replicas(number, datacenter)
    return {number: _with_followers(spread, lists[number]) for number in sorted(lists)}


def would_lead(datacenter: str, pinned_datacenter: str, home_datacenter: str) -> bool:
    """Whether replicas there would lead before those of the pinned leader's datacenter."""
    if datacenter == pinned_datacenter or pinned_datacenter == home_datacenter:
        return False
    return datacenter == home_datacenter or datacenter < pinned_datacenter


def _with_followers(spread: Spread, lists: dict[str, Replicas]) -> Placements:
    placements = tuple(sorted(lists.items()))
    return with_followers(
        placements,
        leader_in(placements, spread.home_datacenter),
        home_datacenter=spread.home_datacenter,
        followers=spread.followers,
    )


def with_followers(
    placements: Placements,
    leader: NodeId | None,
    *,
    home_datacenter: str,
    followers: Collection[MapMember],
) -> Placements:
    """Return the placements with a place for each follower of the leader, behind the others.

    One that would become the leader by that, as the only one at home, gets none.
    """
    lists = dict(placements)
    for member in sorted(followers, key=lambda member: member.node):
        if member.replicates != leader or any(member.node in held for held in lists.values()):
            continue
        grown = lists | {member.datacenter: (*lists.get(member.datacenter, ()), member.node)}
        ordered = tuple(sorted(grown.items()))
        if leader_in(ordered, home_datacenter) == leader:
            lists = grown
    return tuple(sorted(lists.items()))
