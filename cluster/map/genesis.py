"""Genesis: the first map of a cluster, made of its founding members and what they claim.

Every voter makes the same map of the same genesis, so nothing here depends on anything else.
Without claims the planner spreads all slots over the members that store data: 128 partitions at
first, more where a member would lead fewer than 16.

With claims (CLUSTER ADDSLOTS on unformed nodes, as redis-cli --cluster create sends them) each
claimed slot goes to its claimant: the higher config epoch wins, of equal ones the lower node id.
A claimant's slots are cut into pinned partitions, in all at least as many as without claims where
there are as many slots; the planner adds replicas. What nobody claimed stays nobody's.

The home datacenter is that with the most members that store data, of equal ones the first by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from cluster.identity import NodeId
from cluster.map.spreading import Spread, spread_partitions
from cluster.map.values import REPLICAS_MAX, ClusterMap, Genesis, MapMember, MapPartition
from cluster.placement.partitions import first_partitions, partitions_wanted
from cluster.slots import SLOT_COUNT, SlotSet

FIRST_EPOCH = 1


def flaw_of_genesis(genesis: Genesis) -> str | None:
    """Return why no cluster can be made of this genesis; None when one can."""
    nodes = [member.node for member in genesis.members]
    claimants = [claim.node for claim in genesis.claims]
    if not nodes or len(nodes) != len(set(nodes)):
        return "its members are not a set of nodes"
    if genesis.proposer not in nodes:
        return "its proposer is no member"
    if not genesis.voters or len(set(genesis.voters)) != len(genesis.voters):
        return "its voters are not a set of nodes"
    if not set(genesis.voters) <= set(nodes):
        return "a voter is no member"
    if len(set(claimants)) != len(claimants) or not set(claimants) <= set(nodes):
        return "its claims are not one per member"
    if not 1 <= genesis.replicas <= REPLICAS_MAX:
        return f"replicas are not 1 to {REPLICAS_MAX}"
    return None


def genesis_map(genesis: Genesis) -> ClusterMap:
    """Return the map of epoch 1; the genesis must be without a flaw."""
    assert flaw_of_genesis(genesis) is None, genesis
    epochs = {claim.node: claim.config_epoch for claim in genesis.claims}
    members = {member.node: _founder(member, epochs) for member in genesis.members}
    home = home_datacenter(tuple(members.values()))
    owned = claimed_slots(genesis)
    storing = sum(member.is_storage for member in members.values())
    wanted = partitions_wanted(storing) if storing else 0
    pieces: list[tuple[SlotSet, NodeId | None]]
    if owned:
        pieces = list(_cut(owned, wanted))
    else:
        pieces = [(p.slots, None) for p in first_partitions(wanted)] if wanted else []
    spread = Spread(
        members=[member for member in members.values() if member.is_storage],
        home_datacenter=home,
        replicas=genesis.replicas,
        old=dict.fromkeys(range(len(pieces)), ()),
        pinned={n: owner for n, (_, owner) in enumerate(pieces) if owner is not None},
    )
    placements = spread_partitions(spread)
    first = ClusterMap(
        genesis.identifier,
        FIRST_EPOCH,
        home,
        replicas=genesis.replicas,
        members=members,
        partitions={
            number: MapPartition(
                number, slots, placements[number], FIRST_EPOCH, is_pinned=owner is not None
            )
            for number, (slots, owner) in enumerate(pieces)
        },
        settings=dict(genesis.settings),
    )
    first.check_invariants()
    return first


def home_datacenter(members: tuple[MapMember, ...]) -> str:
    """Return where partitions are led: most members that store data, then the first by name."""
    counts = Counter({member.datacenter: 0 for member in members})
    counts.update(member.datacenter for member in members if member.is_storage)
    return min(counts, key=lambda name: (-counts[name], name))


def claimed_slots(genesis: Genesis) -> dict[NodeId, SlotSet]:
    """Return which member gets which of the claimed slots; members that get none are left out.

    The claim of a member that stores no data does not count.
    """
    storing = {member.node for member in genesis.members if member.is_storage}
    owner: list[NodeId | None] = [None] * SLOT_COUNT
    # The strongest claim is laid down last.
    for claim in sorted(genesis.claims, key=lambda c: (-c.config_epoch, c.node), reverse=True):
        if claim.node in storing:
            for first, last in claim.slots.ranges:
                owner[first : last + 1] = [claim.node] * (last - first + 1)
    slots: dict[NodeId, list[int]] = {}
    for slot, node in enumerate(owner):
        if node is not None:
            slots.setdefault(node, []).append(slot)
    return {node: SlotSet.of(slots[node]) for node in sorted(slots)}


def _founder(member: MapMember, epochs: dict[NodeId, int]) -> MapMember:
    """Return a member as the first map has it: active, with the config epoch that it claimed."""
    fresh = MapMember(
        member.node, member.endpoint, config_epoch=epochs.get(member.node, member.config_epoch)
    )
    return fresh.with_facts_of(member)


def _cut(owned: dict[NodeId, SlotSet], wanted: int) -> Iterator[tuple[SlotSet, NodeId]]:
    """Cut what each member owns into pieces, as equal as can be, in order of nodes and slots."""
    total = sum(len(slots) for slots in owned.values())
    for node, slots in owned.items():
        ordered = list(slots)
        count = min(len(ordered), -(-wanted * len(ordered) // total))
        bounds = [piece * len(ordered) // count for piece in range(count + 1)]
        for start, end in pairwise(bounds):
            yield SlotSet.of(ordered[start:end]), node
