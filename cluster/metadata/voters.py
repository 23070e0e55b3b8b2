"""Which members run the log: the next change of its members, looked for by the leader.

Wanted are 5 voters where 7 members could be one, 3 where 3 could, else 1. A member could be a
voter if it has the role and is neither draining nor leaving (`able_members`). The set that is
aimed at keeps the voters there are, this leader first, and is filled up with candidates that are
alive, on other machines and racks where possible. A voter that is dead for long, or is to go,
makes room only if somebody takes its place; one that was removed from the cluster always goes.

A candidate is a learner first, and votes when it has nearly all entries. All voters that come and
go together do so in one change (joint, if more than one), never while less than a majority of the
new set is alive. Voters that are alive become learners before they go, so that they hear of it; a
node that campaigns although it was removed while it was away is made a learner for the same
reason.

Everything is a function of the arguments.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Union

from attrs import field, frozen

from cluster.identity import NodeId
from cluster.map.values import ClusterMap, MemberState
from cluster.membership.facts import Role
from cluster.raft import ChangeMembership, RaftStatus, TransferLeadership
from cluster.raft.progress import ProgressState

#: Members that could be voters, and how many voters are wanted from there on.
_SIZES = ((7, 5), (3, 3), (0, 1))


class Condition(enum.Enum):
    """How a member is at the moment."""

    WELL = "well"
    """Alive, and known to have adopted this cluster."""
    SILENT = "silent"
    """Not alive, or not quite sure to be; not for long."""
    DEAD = "dead"
    """Not alive for so long that it is to be replaced."""


@frozen(kw_only=True)
class VoterView:
    """What the choice depends on; `conditions` has all members of the map."""

    node: NodeId
    status: RaftStatus
    map: ClusterMap
    conditions: Mapping[NodeId, Condition]
    strays: frozenset[NodeId] = frozenset()
    caught_up_entries: int = 10
    able: frozenset[NodeId] = field(init=False)
    """The members that may be voters, alive or not."""

    @able.default
    def _able(self) -> frozenset[NodeId]:
        return able_members(self.map)

    def is_well(self, node: NodeId) -> bool:
        """Whether a member is alive and of this cluster."""
        return self.conditions.get(node) is Condition.WELL

    def is_caught_up(self, node: NodeId) -> bool:
        """Whether a member of the log has nearly everything."""
        for progress in self.status.progress:
            if progress.node == node:
                is_near = progress.match + self.caught_up_entries >= self.status.last_index
                return is_near and progress.state is ProgressState.REPLICATE
        return False


def able_members(held: ClusterMap) -> frozenset[NodeId]:
    """Return who may be a voter: who has the role and stays.

    Where that is nobody, whoever has the role; then anybody. A log that only removed nodes run
    could never be changed again.
    """
    with_role = [m for m in held.members.values() if Role.REBALANCER in m.roles]
    staying = [member for member in with_role if member.state is MemberState.ACTIVE]
    return frozenset(m.node for m in staying or with_role or held.members.values())


VoterStep = Union[ChangeMembership, TransferLeadership]


def next_voter_step(view: VoterView) -> VoterStep | None:
    """Return the next change of the log's members; None when there is nothing to do now."""
    configuration = view.status.configuration
    if configuration.is_joint:
        return None
    voters = sorted(NodeId(node) for node in configuration.voters)
    if view.node not in view.able:
        target = _successor(view, voters)
        if target is not None:
            return TransferLeadership(target)
    wanted = wanted_voters(view)
    if set(wanted) != set(voters):
        return _towards(view, voters, wanted)
    return _learners_step(view)


def wanted_count(view: VoterView) -> int:
    """Return how many voters there should be."""
    return next(size for least, size in _SIZES if len(view.able) >= least)


def wanted_voters(view: VoterView) -> list[NodeId]:
    """Return the set of voters to aim at."""
    count = wanted_count(view)
    voters = sorted(NodeId(node) for node in view.status.configuration.voters)
    fit = [v for v in voters if v in view.able and view.conditions[v] is not Condition.DEAD]
    fit.sort(key=lambda node: (node != view.node, not view.is_well(node), node))
    kept = fit[:count]
    new = _candidates(view, kept, count - len(kept))
    if new and (len(kept) + len(new)) % 2 == 0 and not _weak(view, voters, fit):
        new.pop()  # an even number survives no more failures than one less
    chosen = [*kept, *new]
    return [*chosen, *_weak(view, voters, fit)[: count - len(chosen)]]


def _weak(view: VoterView, voters: Sequence[NodeId], fit: Sequence[NodeId]) -> list[NodeId]:
    """Return voters that go only when replaced: still members, but dead or on their way out."""
    weak = [node for node in voters if node in view.map.members and node not in fit]
    return sorted(weak, key=lambda node: (not view.is_well(node), node))


def _candidates(view: VoterView, kept: Sequence[NodeId], count: int) -> list[NodeId]:
    """Return up to `count` members to become voters, spread over machines and racks."""
    configuration = view.status.configuration
    members = view.map.members
    left = [
        node
        for node in sorted(view.able)
        if view.is_well(node) and not configuration.is_voter(node)
    ]
    chosen = [node for node in kept if node in members]
    found: list[NodeId] = []
    while left and len(found) < count:
        machines = {_machine(view, node) for node in chosen}
        racks = [_machine(view, node)[:2] for node in chosen]

        def rank(
            node: NodeId,
            machines: set[tuple[str, str, str]] = machines,
            racks: list[tuple[str, str]] = racks,
        ) -> tuple[bool, bool, bool, int, NodeId]:
            place = _machine(view, node)
            return (
                node not in configuration.learners,
                members[node].datacenter != view.map.home_datacenter,
                place in machines and bool(place[2]),
                racks.count(place[:2]),
                node,
            )

        best = min(left, key=rank)
        left.remove(best)
        found.append(best)
        chosen.append(best)
    return found


def _machine(view: VoterView, node: NodeId) -> tuple[str, str, str]:
    member = view.map.members[node]
    return member.datacenter, member.rack, member.machine


def _successor(view: VoterView, voters: Sequence[NodeId]) -> NodeId | None:
    """Return who should lead instead of this node."""
    ready = [
        node
        for node in voters
        if node != view.node
        and node in view.able
        and view.is_well(node)
        and view.is_caught_up(node)
    ]
    return ready[0] if ready else None


def _towards(
    view: VoterView, voters: Sequence[NodeId], wanted: Sequence[NodeId]
) -> ChangeMembership | None:
    configuration = view.status.configuration
    coming = sorted(set(wanted) - set(voters))
    missing = tuple(node for node in coming if node not in configuration.learners)
    if missing:
        return ChangeMembership(token=0, learners=missing)
    if not all(view.is_caught_up(node) for node in coming):
        return None
    alive = sum(node == view.node or view.is_well(node) for node in wanted)
    if 2 * alive <= len(wanted):
        return None
    going = sorted(set(voters) - set(wanted))
    heard = tuple(node for node in going if view.is_well(node))
    removed = tuple(node for node in going if node not in heard)
    return ChangeMembership(token=0, voters=tuple(coming), learners=heard, removed=removed)


def _learners_step(view: VoterView) -> ChangeMembership | None:
    """Let learners go that nobody needs; take those in that do not know that they went."""
    configuration = view.status.configuration
    done = tuple(
        node
        for node in sorted(NodeId(learner) for learner in configuration.learners)
        if view.is_caught_up(node) or not view.is_well(node)
    )
    if done:
        return ChangeMembership(token=0, removed=done)
    lost = tuple(
        node
        for node in sorted(view.strays)
        if view.is_well(node) and node not in configuration.members()
    )
    return ChangeMembership(token=0, learners=lost) if lost else None
