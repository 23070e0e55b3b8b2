"""Composing a genesis: who belongs to it, who votes, and what was claimed.

The voters run the metadata log from the first moment, so they are as many as the log wants later:
3 nodes with the rebalancer role, 5 where there are 7 of them or more, and the proposer alone where
there are fewer than 3 (two voters would be two single points of failure). The proposer is one of
them. The others are taken from machines and racks that have no voter yet, as far as that goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.identity import ClusterId, NodeId
from cluster.map.values import Claim, Genesis, MapMember
from cluster.membership.events import MemberView
from cluster.membership.facts import Role

_FEW_VOTERS = 3
_MANY_VOTERS = 5
_MANY_NODES = 7


def voters_wanted(eligible: int) -> int:
    """Return how many voters a cluster with so many eligible nodes should have."""
    if eligible >= _MANY_NODES:
        return _MANY_VOTERS
    return _FEW_VOTERS if eligible >= _FEW_VOTERS else 1


def choose_voters(proposer: MemberView, members: Sequence[MemberView]) -> tuple[NodeId, ...]:
    """Return the voters among the members, the proposer first."""
    eligible = sorted(
        (m for m in members if Role.REBALANCER in m.facts.roles and m.node != proposer.node),
        key=lambda member: member.node,
    )
    chosen = [proposer]
    while len(chosen) < voters_wanted(len(eligible) + 1):
        others = [member for member in eligible if member not in chosen]
        chosen.append(min(others, key=lambda member: _nearness(member, chosen)))
    return tuple(member.node for member in chosen)


def compose_genesis(
    identifier: ClusterId,
    proposer: MemberView,
    *,
    others: Sequence[MemberView],
    claims: Mapping[NodeId, Claim],
    replicas: int,
) -> Genesis:
    """Return the genesis of these members; empty claims are left out."""
    members = sorted((proposer, *others), key=lambda member: member.node)
    return Genesis(
        identifier,
        proposer.node,
        choose_voters(proposer, members),
        tuple(_founder(member) for member in members),
        claims=tuple(
            claims[member.node]
            for member in members
            if member.node in claims and not _is_empty(claims[member.node])
        ),
        replicas=replicas,
    )


def claim_in(genesis: Genesis, node: NodeId) -> Claim | None:
    """Return what the genesis takes for the claim of a node; None: nothing."""
    return next((claim for claim in genesis.claims if claim.node == node), None)


def is_claim_shown(genesis: Genesis, claim: Claim) -> bool:
    """Whether the genesis shows this claim as it is."""
    shown = claim_in(genesis, claim.node)
    return _is_empty(claim) if shown is None else shown == claim


def _is_empty(claim: Claim) -> bool:
    return not claim.slots.ranges and claim.config_epoch == 0


def _nearness(member: MemberView, chosen: Sequence[MemberView]) -> tuple[int, int, NodeId]:
    """How many voters are on the same machine and in the same rack; then the id decides."""
    facts = member.facts
    rack = (facts.datacenter, facts.rack)
    in_rack = [v for v in chosen if (v.facts.datacenter, v.facts.rack) == rack]
    # Nodes that do not name their machine are taken to have one each.
    on_machine = [v for v in in_rack if facts.machine and v.facts.machine == facts.machine]
    return len(on_machine), len(in_rack), member.node


def _founder(member: MemberView) -> MapMember:
    facts = member.facts
    return MapMember(
        member.node,
        member.endpoint,
        client_port=facts.client_port,
        datacenter=facts.datacenter,
        rack=facts.rack,
        machine=facts.machine,
        capacity_weight=facts.capacity_weight,
        roles=facts.roles,
    )
