"""What commands about members do to the map.

Each function returns the changed map with the epoch it had, or the very same map when there is
nothing to change; `state_machine` counts the epoch. A member's id is used once: who was removed
comes back under a new one, so an old claim can never be about the new one.
"""

from __future__ import annotations

import attrs

from cluster.identity import NodeId
from cluster.map.commands import (
    AddMember,
    BumpEpoch,
    RemoveMember,
    ReplaceMember,
    SetConfigEpoch,
    SetMemberState,
    SetReplicates,
    SetWeight,
    UpdateMember,
)
from cluster.map.rejection import known_member, require, require_still, taking_member
from cluster.map.values import (
    COUNTER_MAX,
    ClusterMap,
    MapMember,
    MapPartition,
    MemberState,
    Placements,
    Transition,
    TransitionStep,
    leader_in,
)

MEMBERS_MAX = 1000


def with_member(current: ClusterMap, member: MapMember) -> ClusterMap:
    """Return the map with one member put in or exchanged; the same map if it was so."""
    if current.members.get(member.node) == member:
        return current
    return attrs.evolve(current, members={**current.members, member.node: member})


def with_partitions(current: ClusterMap, *changed: MapPartition) -> ClusterMap:
    """Return the map with partitions put in or exchanged."""
    if not changed:
        return current
    partitions = dict(current.partitions) | {p.number: p for p in changed}
    return attrs.evolve(current, partitions=partitions)


def add_member(current: ClusterMap, command: AddMember) -> ClusterMap:
    """Take a node in, active and following nobody."""
    given = command.member
    require(
        given.node not in current.removed,
        f"{given.node} was removed and cannot come back under this id (CLUSTER RESET HARD)",
    )
    if given.node in current.members:
        return current
    require(len(current.members) < MEMBERS_MAX, f"there are {MEMBERS_MAX} members already")
    fresh = MapMember(given.node, given.endpoint, config_epoch=given.config_epoch)
    return with_member(current, fresh.with_facts_of(given))


def update_member(current: ClusterMap, command: UpdateMember) -> ClusterMap:
    """Take over a member's endpoint and facts.

    A member that moves to another datacenter keeps its places until the next plan.
    """
    member = known_member(current, command.member.node)
    return with_member(current, member.with_facts_of(command.member))


def set_member_state(current: ClusterMap, command: SetMemberState) -> ClusterMap:
    """Change what the plan does with a member."""
    member = known_member(current, command.node)
    return with_member(current, attrs.evolve(member, state=command.state))


def set_weight(current: ClusterMap, command: SetWeight) -> ClusterMap:
    """Set a member's weight by hand, or leave it to the member again."""
    member = known_member(current, command.node)
    return with_member(current, attrs.evolve(member, chosen_weight=command.weight or None))


def remove_member(current: ClusterMap, command: RemoveMember) -> ClusterMap:
    """Remove a member that has no place in any partition."""
    known_member(current, command.node)
    held = current.partitions_with(command.node)
    require(not held, f"{command.node} still has places in {len(held)} partitions")
    require(len(current.members) > 1, "the last member cannot be removed")
    members = {
        node: attrs.evolve(member, replicates=None)
        if member.replicates == command.node
        else member
        for node, member in current.members.items()
        if node != command.node
    }
    return attrs.evolve(current, members=members, removed=current.removed | {command.node})


def replace_member(current: ClusterMap, command: ReplaceMember) -> ClusterMap:
    """Begin to move all places of `old` to `new`, who takes over its followers too."""
    old, new = known_member(current, command.old), taking_member(current, command.new)
    require(old.node != new.node, "a member cannot take its own places")
    require(
        old.datacenter == new.datacenter,
        f"{old.node} is in datacenter {old.datacenter}, {new.node} in {new.datacenter}",
    )
    moved = []
    for partition in current.partitions_with(old.node):
        require_still(partition)
        moved.append(begun(current, partition, _replaced(partition.placements, old, new)))
    members = dict(current.members)
    for node, member in current.members.items():
        if member.replicates == old.node:
            members[node] = attrs.evolve(member, replicates=new.node)
    state = MemberState.LOST if old.state is MemberState.LOST else MemberState.LEAVING
    members[old.node] = attrs.evolve(old, state=state, replicates=None)
    members[new.node] = attrs.evolve(new, replicates=None)
    if members == current.members and not moved:
        return current
    return with_partitions(attrs.evolve(current, members=members), *moved)


def begun(current: ClusterMap, partition: MapPartition, new: Placements) -> MapPartition:
    """Return a partition at the first step towards a new placement."""
    assert partition.transition is None and partition.placements != new, partition
    epoch = current.epoch + 1
    transition = Transition(TransitionStep.ALLOW_BOTH, partition.placements, new, epoch)
    return attrs.evolve(partition, transition=transition, epoch=epoch)


def set_config_epoch(current: ClusterMap, command: SetConfigEpoch) -> ClusterMap:
    """Set a member's config epoch, which no other may have."""
    member = known_member(current, command.node)
    taken = {m.config_epoch for n, m in current.members.items() if n != command.node}
    require(
        command.config_epoch == 0 or command.config_epoch not in taken,
        f"another member has config epoch {command.config_epoch}",
    )
    return with_member(current, attrs.evolve(member, config_epoch=command.config_epoch))


def bump_epoch(current: ClusterMap, command: BumpEpoch) -> ClusterMap:
    """Give a member the greatest config epoch, unless it has it alone."""
    member = known_member(current, command.node)
    greatest = max(
        (m.config_epoch for n, m in current.members.items() if n != command.node), default=0
    )
    if member.config_epoch > greatest:
        return current
    require(greatest < COUNTER_MAX, "there is no greater config epoch")
    return with_member(current, attrs.evolve(member, config_epoch=greatest + 1))


def set_replicates(current: ClusterMap, command: SetReplicates) -> ClusterMap:
    """Let a member follow another one: a place in all it leads, and none by an earlier master."""
    node, member = command.node, known_member(current, command.node)
    if command.master == member.replicates:
        return current
    if command.master is not None:
        master = known_member(current, command.master)
        taking_member(current, node)
        require(command.master != node, "a member cannot follow itself")
        require(master.replicates is None, f"{command.master} follows another member itself")
        require(
            all(other.replicates != node for other in current.members.values()),
            f"other members follow {node}",
        )
        require(not _leads(current, node), f"{node} leads partitions")
    changed = []
    for partition in current.partitions.values():
        leader = partition.leader(current.home_datacenter)
        placements = partition.placements
        if member.replicates is not None and leader == member.replicates:
            placements = _without(placements, node)
        if command.master is not None and leader == command.master:
            placements = _appended(current, placements, member)
        if placements != partition.placements:
            require_still(partition)
            changed.append(attrs.evolve(partition, placements=placements, epoch=current.epoch + 1))
    moved = with_partitions(current, *changed)
    return with_member(moved, attrs.evolve(member, replicates=command.master))


def _leads(current: ClusterMap, node: NodeId) -> bool:
    """Whether a member leads a partition, or is about to."""
    return any(
        node in (partition.leader(home), leader_in(partition.target, home))
        for home in (current.home_datacenter,)
        for partition in current.partitions.values()
    )


def _replaced(placements: Placements, old: MapMember, new: MapMember) -> Placements:
    """Put `new` in the place of `old`; places that `new` had are given up."""
    return tuple(
        (datacenter, tuple(new.node if node == old.node else node for node in replicas))
        for datacenter, replicas in _without(placements, new.node)
    )


def _without(placements: Placements, gone: NodeId) -> Placements:
    lists = (
        (datacenter, tuple(node for node in replicas if node != gone))
        for datacenter, replicas in placements
    )
    return tuple((datacenter, replicas) for datacenter, replicas in lists if replicas)


def _appended(current: ClusterMap, placements: Placements, member: MapMember) -> Placements:
    """Give a member the last place in its datacenter's list, where that does not make it lead."""
    if any(member.node in replicas for _, replicas in placements):
        return placements
    lists = dict(placements)
    lists[member.datacenter] = (*lists.get(member.datacenter, ()), member.node)
    grown = tuple(sorted(lists.items()))
    require(
        leader_in(grown, current.home_datacenter) != member.node,
        f"{member.node} would lead, as the only one in datacenter {member.datacenter}",
    )
    return grown
