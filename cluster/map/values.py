"""The cluster map: the one agreed statement of who belongs to the cluster and who owns what.

The map is a value. The metadata log orders commands, `state_machine` makes the next map of a map
and a command, and every node that has the same epoch has the same map. All 16384 slots are either
in exactly one partition or nobody's. A partition has per datacenter an ordered list of replicas;
its *leader* is the first of the home datacenter, or, where that has none, of the first
datacenter by name that has some. The leader alone serves the partition.

A change of placement is a *transition*: ALLOW_BOTH -> WRITE_BOTH -> STREAM -> READ_NEW ->
CLEAN_UP -> done, each step a commit. Up to STREAM the old list holds (`placements` is `old`),
from READ_NEW on the new one. Until then there is a way back. Moving the lead needs an empty
partition as long as nothing copies keys: the old leader's keys are counted, and so that the count
stays what it was, the old leader refuses writes that add keys (TRYAGAIN) to these slots while the
step is STREAM and the leader is about to change. `is_write_held` tells the server so.

Invariants are in `ClusterMap.flaws`. A partition's `epoch` is that of the map in which
its slots, its lists or its step changed last; requests of an earlier epoch may be out of date.

`results` remembers the newest answers, so that a proposal that is sent twice is carried out once.
It belongs to the log's replicas alone: followers hold maps without it (`published`), and the
digest of a map does not cover it.

Rejected: ownership in gossip (two nodes could both be right), and one replica set for all
slots of a node (a node that leaves would give all of its load to one other).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from itertools import pairwise

import attrs
from attrs import field, frozen
from attrs.validators import ge, le, max_len

from cluster.identity import ClusterId, Endpoint, NodeId
from cluster.membership.facts import (
    ALL_ROLES,
    TEXT_CHARACTERS_MAX,
    WEIGHT_MAX,
    WEIGHT_STEPS,
    Role,
)
from cluster.slots import SLOT_COUNT, SlotSet

RESULTS_MAX = 256
REPLICAS_DEFAULT = 3
REPLICAS_MAX = 7
COUNTER_MAX = (1 << 63) - 1

Replicas = tuple[NodeId, ...]
#: (datacenter, replicas with the one to lead first), sorted by datacenter; no empty list.
Placements = tuple[tuple[str, Replicas], ...]


class MemberState(enum.IntEnum):
    """What the plan does with a member. The numbers are in the encoded map.

    DRAINING members are given nothing and are emptied; LEAVING ones are removed after that. So are
    LOST ones, of which an operator has said that their keys are gone: nobody waits for those.
    """

    ACTIVE = 0
    DRAINING = 1
    LEAVING = 2
    LOST = 3


class TransitionStep(enum.IntEnum):
    """How far a change of placement has come. The numbers are in the encoded map."""

    ALLOW_BOTH = 1
    WRITE_BOTH = 2
    STREAM = 3
    READ_NEW = 4
    CLEAN_UP = 5


def rounded_weight(weight: float) -> float:
    """Return a weight in whole thousandths, as it travels."""
    return round(weight * WEIGHT_STEPS) / WEIGHT_STEPS


def _rounded_or_none(weight: float | None) -> float | None:
    return None if weight is None else rounded_weight(weight)


@frozen
class MapMember:
    """A member of the cluster, with what the map needs to know of it.

    Attributes:
        endpoint: where it gossips; client_port: where it serves Redis clients, 0 for nowhere.
        datacenter, rack, machine, capacity_weight, roles: as the node itself says.
        state: what the plan does with it.
        config_epoch: Redis Cluster's; it decides between claims, and is shown to its clients.
        replicates: whose partitions it holds as a replica, by hand; the planner leaves it alone.
        chosen_weight: a weight that an operator set, which holds instead of the node's own.
    """

    node: NodeId
    endpoint: Endpoint
    client_port: int = field(default=7401, validator=[ge(0), le(65535)])
    datacenter: str = field(default="dc1", validator=max_len(TEXT_CHARACTERS_MAX))
    rack: str = field(default="", validator=max_len(TEXT_CHARACTERS_MAX))
    machine: str = field(default="", validator=max_len(TEXT_CHARACTERS_MAX))
    capacity_weight: float = field(
        default=1.0, converter=rounded_weight, validator=[ge(1 / WEIGHT_STEPS), le(WEIGHT_MAX)]
    )
    roles: Role = ALL_ROLES
    state: MemberState = MemberState.ACTIVE
    config_epoch: int = field(default=0, validator=[ge(0), le(COUNTER_MAX)])
    replicates: NodeId | None = None
    chosen_weight: float | None = field(
        default=None,
        converter=_rounded_or_none,
        validator=attrs.validators.optional([ge(1 / WEIGHT_STEPS), le(WEIGHT_MAX)]),
    )

    @property
    def weight(self) -> float:
        """How much of the data it should take: the operator's choice, else its own word."""
        return self.capacity_weight if self.chosen_weight is None else self.chosen_weight

    @property
    def is_storage(self) -> bool:
        """Whether it stores data at all."""
        return Role.STORAGE in self.roles

    def with_facts_of(self, other: MapMember) -> MapMember:
        """Return this member with the endpoint and the facts of another value of the same node.

        State, epoch, chosen weight and whom it replicates are the map's and stay.
        """
        assert self.node == other.node, (self.node, other.node)
        return attrs.evolve(
            self,
            endpoint=other.endpoint,
            client_port=other.client_port,
            datacenter=other.datacenter,
            rack=other.rack,
            machine=other.machine,
            capacity_weight=other.capacity_weight,
            roles=other.roles,
        )


def replicas_in(placements: Placements, datacenter: str) -> Replicas:
    """Return the replicas in one datacenter, the one to lead first."""
    for name, replicas in placements:
        if name == datacenter:
            return replicas
    return ()


def leader_in(placements: Placements, home_datacenter: str) -> NodeId | None:
    """Return who leads: the first at home, else the first anywhere, by name of datacenter."""
    at_home = replicas_in(placements, home_datacenter)
    if at_home:
        return at_home[0]
    return placements[0][1][0] if placements else None


def nodes_in(placements: Placements) -> Replicas:
    """Return all nodes of all datacenters."""
    return tuple(node for _, replicas in placements for node in replicas)


@frozen
class Transition:
    """A change of placement under way. `started_epoch` is the map in which it began."""

    step: TransitionStep
    old: Placements
    new: Placements
    started_epoch: int

    @property
    def is_abortable(self) -> bool:
        """Whether there is a way back: reads are still at the old place."""
        return self.step < TransitionStep.READ_NEW

    def is_leader_change(self, home_datacenter: str) -> bool:
        """Whether another node is to lead, so that keys would have to move."""
        return leader_in(self.old, home_datacenter) != leader_in(self.new, home_datacenter)


@frozen
class MapPartition:
    """A set of slots that replicates together."""

    number: int
    slots: SlotSet
    placements: Placements
    epoch: int
    is_pinned: bool = False
    transition: Transition | None = None

    def replicas(self, datacenter: str) -> Replicas:
        """Return the replicas in one datacenter, the one to lead first."""
        return replicas_in(self.placements, datacenter)

    def leader(self, home_datacenter: str) -> NodeId | None:
        """Return who serves it now."""
        return leader_in(self.placements, home_datacenter)

    @property
    def target(self) -> Placements:
        """Where it is going to be: the new placement of a transition, else the present one."""
        return self.placements if self.transition is None else self.transition.new

    def nodes(self) -> frozenset[NodeId]:
        """Return all nodes that hold a place in it, before or after its transition."""
        held = set(nodes_in(self.placements))
        if self.transition is not None:
            held.update(nodes_in(self.transition.old), nodes_in(self.transition.new))
        return frozenset(held)


@frozen
class CommandResult:
    """What became of a command: `text` for people, `epoch` of the map after it."""

    is_applied: bool
    text: str
    epoch: int


@frozen
class RememberedResult:
    """The answer to a command id, for the case that it comes again."""

    command_id: int
    result: CommandResult


@frozen
class ClusterMap:
    """The map of one epoch. Treat its mappings as frozen too: maps share them.

    Attributes:
        replicas: how many per datacenter a partition should have.
        settings: what holds for the whole cluster, by name; features: flags that are on.
        removed: ids that were members once and never will be again.
        results: answers to the newest commands, oldest first.
        is_frozen: writes are refused, since the cluster is about to dissolve.
        dissolved_into: the cluster whose part its members become; nothing changes after that.
    """

    cluster: ClusterId
    epoch: int
    home_datacenter: str
    replicas: int = REPLICAS_DEFAULT
    members: Mapping[NodeId, MapMember] = field(factory=dict)
    partitions: Mapping[int, MapPartition] = field(factory=dict)
    settings: Mapping[str, str] = field(factory=dict)
    features: frozenset[str] = frozenset()
    removed: frozenset[NodeId] = frozenset()
    results: tuple[RememberedResult, ...] = ()
    is_frozen: bool = False
    dissolved_into: ClusterId | None = None

    @property
    def applied_ids(self) -> tuple[int, ...]:
        """The ids of the commands whose results are remembered, oldest first."""
        return tuple(remembered.command_id for remembered in self.results)

    def leader_of(self, partition_number: int) -> NodeId | None:
        """Return who serves a partition; None when there is no such partition."""
        partition = self.partitions.get(partition_number)
        return None if partition is None else partition.leader(self.home_datacenter)

    def partitions_led_by(self, node: NodeId) -> tuple[MapPartition, ...]:
        """Return what a node serves, by number."""
        return tuple(
            partition
            for _, partition in sorted(self.partitions.items())
            if partition.leader(self.home_datacenter) == node
        )

    def partitions_with(self, node: NodeId) -> tuple[MapPartition, ...]:
        """Return where a node has a place, in the lists of a transition too, by number."""
        return tuple(
            partition
            for _, partition in sorted(self.partitions.items())
            if node in partition.nodes()
        )

    def published(self) -> ClusterMap:
        """Return the map as followers hold it, without remembered results."""
        return attrs.evolve(self, results=()) if self.results else self

    def check_invariants(self) -> None:
        """Assert what holds for every map that genesis and commands can make."""
        flaw = next(self.flaws(), None)
        assert flaw is None, flaw

    def flaws(self) -> Iterator[str]:
        """Yield what is wrong with the map: nothing, if genesis and commands made it."""
        if self.epoch < 1 or not self.members:
            yield "it has no epoch or no members"
        if not 1 <= self.replicas <= REPLICAS_MAX:
            yield f"replicas are not 1 to {REPLICAS_MAX}"
        if len(self.results) > RESULTS_MAX or len(set(self.applied_ids)) != len(self.results):
            yield "results are too many, or remembered twice"
        if self.dissolved_into is not None and not self.is_frozen:
            yield "it is dissolved and not frozen"
        yield from self._flaws_of_slots()
        for partition in self.partitions.values():
            yield from self._flaws_of_partition(partition)
        for node in self.members:
            yield from self._flaws_of_member(node)

    def _flaws_of_slots(self) -> Iterator[str]:
        # By ranges, not slot by slot: every map that comes from another node is looked at.
        ranges = sorted(
            (first, last, number)
            for number, partition in self.partitions.items()
            for first, last in partition.slots.ranges
        )
        for (_, last, _), (first, _, number) in pairwise(ranges):
            if first <= last:
                yield f"partition {number} has slots of another one"
        for number, partition in self.partitions.items():
            if not partition.slots.ranges:
                yield f"partition {number} has no slots"

    def _flaws_of_member(self, node: NodeId) -> Iterator[str]:
        master = self.members[node].replicates
        if node in self.removed:
            yield f"{node} was removed"
        if master is not None:
            if master not in self.members or self.members[master].replicates is not None:
                yield f"{node} follows {master}, who is no member or follows another one"
            if self.partitions_led_by(node):
                yield f"{node} follows {master} and leads"

    def _flaws_of_partition(self, partition: MapPartition) -> Iterator[str]:
        what = f"partition {partition.number}"
        if not 0 <= partition.number < SLOT_COUNT or not 1 <= partition.epoch <= self.epoch:
            yield f"{what} has a wrong number or epoch"
        for placements in _all_placements(partition):
            names = [name for name, _ in placements]
            nodes = nodes_in(placements)
            if not names or names != sorted(set(names)) or not all(r for _, r in placements):
                yield f"{what} has datacenters out of order, or empty ones"
            if len(nodes) != len(set(nodes)) or not all(node in self.members for node in nodes):
                yield f"{what} has a node twice, or one that is no member"
        transition = partition.transition
        if transition is not None:
            now = transition.old if transition.is_abortable else transition.new
            if transition.old == transition.new or partition.placements != now:
                yield f"{what} is not where its transition says"
            if transition.started_epoch > partition.epoch:
                yield f"{what} began to move after its epoch"


def _all_placements(partition: MapPartition) -> Iterator[Placements]:
    yield partition.placements
    if partition.transition is not None:
        yield partition.transition.old
        yield partition.transition.new


def is_write_held(partition: MapPartition, home_datacenter: str) -> bool:
    """Whether its leader must refuse writes that add keys (TRYAGAIN), since it hands over."""
    transition = partition.transition
    return (
        transition is not None
        and transition.step == TransitionStep.STREAM
        and transition.is_leader_change(home_datacenter)
    )


@frozen
class Claim:
    """What an unformed node was told to own; the higher config epoch wins a slot."""

    node: NodeId
    slots: SlotSet
    config_epoch: int = field(default=0, validator=[ge(0), le(COUNTER_MAX)])


@frozen
class Genesis:
    """A proposed cluster.

    Attributes:
        identifier: the id that the cluster will have.
        proposer: who proposes it; voters: who must accept, and then run the metadata log.
        members: all nodes of it; claims: at most one per member.
        replicas: how many per datacenter a partition should have.
    """

    identifier: ClusterId
    proposer: NodeId
    voters: tuple[NodeId, ...]
    members: tuple[MapMember, ...]
    claims: tuple[Claim, ...] = ()
    replicas: int = REPLICAS_DEFAULT
    settings: Mapping[str, str] = field(factory=dict)
