"""Maps to test with: members by number, first maps, and commands drawn for a map at random.

Drawn commands are mostly ones that fit, so that sequences of them go somewhere, and now and then
ones that do not: unknown nodes, numbers that are taken, steps that are over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from cluster.identity import ClusterId, Endpoint, NodeId, id_from_bytes
from cluster.map import commands
from cluster.map.commands import MapCommand, PlannedChange, SplitPair
from cluster.map.genesis import genesis_map
from cluster.map.state_machine import apply_command
from cluster.map.values import (
    Claim,
    ClusterMap,
    CommandResult,
    Genesis,
    MapMember,
    MemberState,
    Placements,
    TransitionStep,
)
from cluster.membership.facts import ALL_ROLES, Role
from cluster.slots import SLOT_COUNT, SlotSet


def node_id(number: int) -> NodeId:
    """The id of node `number`; ids are in order of numbers."""
    return NodeId(id_from_bytes(number.to_bytes(16, "big")))


CLUSTER = ClusterId(id_from_bytes(b"\xc1" * 16))
OTHER_CLUSTER = ClusterId(id_from_bytes(b"\xc2" * 16))


def member(
    number: int,
    datacenter: str = "dc1",
    *,
    rack: str = "",
    weight: float = 1.0,
    roles: Role = ALL_ROLES,
) -> MapMember:
    """Member `number`."""
    return MapMember(
        node_id(number),
        Endpoint("127.0.0.1", 17401 + number),
        7401,
        datacenter,
        rack,
        capacity_weight=weight,
        roles=roles,
    )


def genesis_of(members: Sequence[MapMember], *claims: Claim) -> Genesis:
    """A genesis of these members, the first three of them voters."""
    nodes = tuple(m.node for m in members)
    return Genesis(CLUSTER, nodes[0], nodes[:3], tuple(members), claims)


def first_map(count: int, *claims: Claim) -> ClusterMap:
    """The first map of `count` members of one datacenter."""
    return genesis_map(genesis_of([member(i) for i in range(count)], *claims))


def run(current: ClusterMap, *given: MapCommand) -> ClusterMap:
    """Apply commands, all of which must be applied."""
    for command in given:
        current, result = apply(current, command)
        assert result.is_applied, (command, result.text)
        current.check_invariants()
    return current


def apply(current: ClusterMap, command: MapCommand) -> tuple[ClusterMap, CommandResult]:
    """Apply a command under an id that was not seen before."""
    return apply_command(current, max(current.applied_ids, default=0) + 1, command)


def refusal(current: ClusterMap, command: MapCommand) -> str:
    """The text with which a command is rejected; the map stays as it is."""
    after, result = apply(current, command)
    assert not result.is_applied, command
    assert current.published() == after.published()
    assert current.epoch == result.epoch
    return result.text


def some_map(rng: Random) -> ClusterMap:
    """A first map of one to six members in up to three datacenters, with or without claims."""
    members = [
        member(
            number,
            rng.choice(("dc1", "dc1", "dc2", "dc3")),
            rack=rng.choice("abc"),
            weight=rng.choice((0.5, 1.0, 2.0)),
            roles=rng.choice((ALL_ROLES, ALL_ROLES, ALL_ROLES, Role.COORDINATOR)),
        )
        for number in range(rng.randint(1, 6))
    ]
    claims = [
        Claim(m.node, some_slots(rng, 3000), rng.randrange(3))
        for m in members
        if rng.random() < 0.5
    ]
    return genesis_map(genesis_of(members, *(claims if rng.random() < 0.5 else ())))


def some_slots(rng: Random, length_max: int = 40) -> SlotSet:
    """A range of slots, rarely none."""
    if rng.random() < 0.03:
        return SlotSet()
    first = rng.randrange(SLOT_COUNT)
    return SlotSet.span(first, min(SLOT_COUNT - 1, first + rng.randrange(length_max)))


def some_placements(rng: Random, current: ClusterMap) -> Placements:
    """Where a partition might go; mostly a sound placement."""
    count = min(len(current.members), rng.randint(1, 4))
    chosen = rng.sample(sorted(current.members), count)
    lists: dict[str, tuple[NodeId, ...]] = {}
    for node in chosen:
        datacenter = current.members[node].datacenter
        lists[datacenter] = (*lists.get(datacenter, ()), node)
    if rng.random() < 0.05:
        lists["dc9"] = (chosen[0],)
    return tuple(sorted(lists.items()))


def some_command(rng: Random, current: ClusterMap) -> MapCommand:
    """A command for a map; see above."""
    draw = _Draw(rng, current)
    return rng.choice(draw.makers())()


class _Draw:
    """Draws arguments for one map."""

    def __init__(self, rng: Random, current: ClusterMap) -> None:
        self.rng = rng
        self.map = current

    def node(self) -> NodeId:
        """Draw a node, mostly a member."""
        if self.rng.random() < 0.05:
            return node_id(self.rng.randrange(20))
        return self.rng.choice(sorted(self.map.members))

    def number(self, *, is_moving: bool = False) -> int:
        """Draw a partition, mostly one that exists."""
        known = [
            number
            for number, partition in sorted(self.map.partitions.items())
            if (partition.transition is not None) == is_moving
        ]
        if not known or self.rng.random() < 0.05:
            return self.rng.randrange(SLOT_COUNT + 10)
        return self.rng.choice(known)

    def fresh(self) -> MapMember:
        """Draw a member that is, or may become one."""
        return member(
            self.rng.randrange(12),
            self.rng.choice(("dc1", "dc2")),
            weight=self.rng.choice((0.001, 1.0, 3.5)),
        )

    def begin(self) -> MapCommand:
        """Draw moves."""
        changes = tuple(
            PlannedChange(self.number(), some_placements(self.rng, self.map))
            for _ in range(self.rng.randint(1, 3))
        )
        behind = self.rng.random() < 0.05
        return commands.BeginTransitions(changes, self.map.epoch - behind)

    def advance(self) -> MapCommand:
        """Draw a step."""
        number = self.number(is_moving=True)
        partition = self.map.partitions.get(number)
        step = self.rng.choice(tuple(TransitionStep))
        if partition is not None and partition.transition is not None and self.rng.random() < 0.9:
            step = partition.transition.step
        move = commands.AdvanceTransition(number, step)
        if self.rng.random() < 0.3:
            other = commands.AdvanceTransition(self.number(is_moving=True), step)
            return commands.AdvanceTransitions((move, other))
        return move

    def split(self) -> MapCommand:
        """Draw a split."""
        free = [n for n in range(SLOT_COUNT) if n not in self.map.partitions][:2]
        pairs = [SplitPair(self.number(), number) for number in free]
        return commands.SplitPartitions(tuple(pairs[: self.rng.randint(0, 2)]))

    def set_state(self) -> MapCommand:
        """Draw a state."""
        state = self.rng.choice((MemberState.ACTIVE, *MemberState))
        return commands.SetMemberState(self.node(), state)

    def rare(self) -> MapCommand:
        """Draw what ends or nearly ends a cluster, mostly to be taken back."""
        if self.map.is_frozen and self.rng.random() < 0.6:
            return commands.Unfreeze()
        into = self.rng.choice((CLUSTER, OTHER_CLUSTER))
        return self.rng.choice(
            (commands.Freeze(), commands.Unfreeze(), commands.Dissolve(into, self.map.epoch))
        )

    def makers(self) -> list[Callable[[], MapCommand]]:
        """Return one maker per command, those that lead somewhere more than once."""
        rng = self.rng
        if self.map.is_frozen:
            return [self.rare]
        return [
            *[self.begin] * 2,
            *[self.advance] * 6,
            lambda: commands.AddMember(self.fresh()),
            lambda: commands.UpdateMember(self.fresh()),
            self.set_state,
            lambda: commands.SetWeight(self.node(), rng.choice((0.0, 0.5, 2.0))),
            lambda: commands.RemoveMember(self.node()),
            lambda: commands.ReplaceMember(self.node(), self.node()),
            lambda: commands.AssignSlots(self.node(), some_slots(rng)),
            lambda: commands.UnassignSlots(some_slots(rng)),
            lambda: commands.Fence((self.number(), self.number())),
            lambda: commands.MoveSlots(some_slots(rng, 400), self.node()),
            lambda: commands.SetReplicates(self.node(), rng.choice((None, self.node()))),
            lambda: commands.SetConfigEpoch(self.node(), rng.randrange(5)),
            lambda: commands.BumpEpoch(self.node()),
            lambda: commands.AbortTransition(self.number(is_moving=True)),
            self.split,
            lambda: commands.Unpin(some_slots(rng)),
            lambda: commands.SetSetting(rng.choice(("a", "b", "")), rng.choice(("", "1"))),
            lambda: commands.SetFeature(rng.choice(("x", "a b")), rng.random() < 0.5),
            self.rare,
        ]
