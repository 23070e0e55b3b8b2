"""The planner: where the replicas of all partitions should be, given where they are.

It starts from the old plan and changes as little as it can, in four steps per datacenter:

1. keep: replicas whose node is still there and whose machine and rack are not overfull;
2. fill: missing replicas go to the first node on the ring from the partition's place that has
   room in its machine and rack and has not reached its share (consistent hashing with bounded
   loads: Mirrokni, Thorup, Zadimoghaddam, SODA 2018);
3. level: nodes more than 5 % off their share give or take replicas (`leveling`), so the bound of
   1.1 holds with whole replicas, and weights are met within 10 %;
4. lead: the first of the list is the one to lead; leads are levelled the same way, which moves no
   data.

Bounded load alone holds the upper side only: with 128 virtual nodes a node's natural share varies
by 9 %, and the light ones would stay light. Rejected: planning from nothing each time (a ring with
bounds moves replicas that need not move when bounds change), and random search (the answer would
depend on how long it ran).

What is promised is held by property tests: never two replicas on a machine when that can be
avoided, racks likewise; loads within bounds where caps allow; a node added to n takes about
1/(n+1) and nothing moves between the others unless a path needs it; an unchanged input changes
nothing; the order of the input does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from attrs import field, frozen

from cluster.identity import NodeId
from cluster.placement.domains import Domains
from cluster.placement.leveling import Bounds, level
from cluster.placement.plan import Plan, Replicas
from cluster.ring import Ring, RingNode, place_of

LOAD_MAX = Fraction(11, 10)


@frozen
class Request:
    """What to plan for.

    Attributes:
        nodes: nodes that may hold data; one that is drained or dead for good is left out.
        partitions: numbers of all partitions.
        replicas: copies per datacenter; a datacenter without nodes is left out, and one with
            fewer nodes gets as many copies as it has nodes.
        pinned: partitions whose leader was chosen by hand; a node that is not there is ignored.
    """

    nodes: tuple[RingNode, ...]
    partitions: tuple[int, ...]
    replicas: Mapping[str, int]
    pinned: Mapping[int, NodeId] = field(factory=dict)


def make_plan(request: Request, old: Plan | None = None) -> Plan:
    """Return the plan that follows from the old one with the fewest copies made."""
    old = old or Plan()
    partitions = sorted(set(request.partitions))
    placements: dict[int, dict[str, Replicas]] = {number: {} for number in partitions}
    for datacenter, replicas in sorted(request.replicas.items()):
        nodes = sorted(
            (n for n in request.nodes if n.datacenter == datacenter), key=lambda n: n.node
        )
        if not nodes or replicas < 1:
            continue
        layout = _Layout(nodes, partitions, replicas, request.pinned)
        layout.keep({number: old.replicas(number, datacenter) for number in partitions})
        layout.fill()
        level(layout, layout.bounds)
        leads = _Leads(layout)
        level(leads, leads.bounds)
        for number in partitions:
            placements[number][datacenter] = layout.replicas_of(number)
    return Plan(placements)


class _Layout:
    """The replicas of one datacenter while they are planned."""

    def __init__(
        self,
        nodes: Sequence[RingNode],
        partitions: Sequence[int],
        replicas: int,
        pinned: Mapping[int, NodeId],
    ) -> None:
        self.domains = Domains(nodes, replicas)
        self.held: dict[int, list[NodeId]] = {number: [] for number in partitions}
        self.of_node: dict[NodeId, set[int]] = {node.node: set() for node in nodes}
        self.pinned = {p: node for p, node in pinned.items() if node in self.of_node}
        self.shares = self.domains.shares(len(partitions))
        self.bounds = {node: Bounds.around(share) for node, share in self.shares.items()}
        self._ring = Ring(nodes)
        self._changes: dict[int, int] = dict.fromkeys(partitions, 0)
        self._salts = {node.node: place_of(node.node) for node in nodes}

    def keep(self, old: Mapping[int, Iterable[NodeId]]) -> None:
        """Take over what may stay; a pinned leader comes first."""
        for number, replicas in old.items():
            wanted = [*filter(None, [self.pinned.get(number)]), *replicas]
            for node in wanted:
                if len(self.held[number]) == self.domains.replicas:
                    break
                if node in self.of_node and self.domains.has_room(self.held[number], node):
                    self._give(number, node)

    def fill(self) -> None:
        """Find nodes for missing replicas."""
        for number, held in self.held.items():
            while len(held) < self.domains.replicas:
                self._give(number, self._best_for(number))

    def replicas_of(self, number: int) -> Replicas:
        """Return the ordered replicas of a partition."""
        return tuple(self.held[number])

    def count(self, node: NodeId) -> int:
        """Return how many replicas a node holds."""
        return len(self.of_node[node])

    def item(self, giver: NodeId, taker: NodeId) -> int | None:
        """Return a partition that the giver holds and the taker may hold in its place.

        One that was not changed yet by this plan is preferred: a partition makes one move at a
        time.
        """
        salt = self._salts[taker]
        best: tuple[int, int, int] | None = None
        for number in self.of_node[giver]:
            if self.pinned.get(number) == giver:
                continue
            rank = (self._changes[number], (number * 0x9E3779B97F4A7C15 ^ salt) % 2**64, number)
            if best is not None and rank >= best:
                continue
            rest = [node for node in self.held[number] if node != giver]
            if self.domains.has_room(rest, taker):
                best = rank
        return None if best is None else best[2]

    def hand_over(self, item: int, giver: NodeId, taker: NodeId) -> None:
        """Replace the giver by the taker, at the same place of the list."""
        held = self.held[item]
        held[held.index(giver)] = taker
        self.of_node[giver].remove(item)
        self.of_node[taker].add(item)
        self._changes[item] += 1

    def _give(self, number: int, node: NodeId) -> None:
        self.held[number].append(node)
        self.of_node[node].add(number)

    def _best_for(self, number: int) -> NodeId:
        held = self.held[number]
        possible = []
        for node in self._ring.walk(f"partition:{number}"):
            if self.domains.has_room(held, node):
                if self.count(node) < math.ceil(self.shares[node]):
                    return node
                possible.append(node)
        # All that have room are full: the one least over its share, levelled afterwards.
        return min(possible, key=lambda node: (self.count(node) / self.shares[node], node))


class _Leads:
    """Who leads: a partition is handed from its first replica to another one of its replicas."""

    def __init__(self, layout: _Layout) -> None:
        self._layout = layout
        self._led: dict[NodeId, set[int]] = {node: set() for node in layout.of_node}
        for number, held in layout.held.items():
            self._led[held[0]].add(number)
        shares = layout.domains.lead_shares(len(layout.held))
        self.bounds = {node: Bounds.around(share) for node, share in shares.items()}

    def count(self, node: NodeId) -> int:
        """Return how many partitions a node leads."""
        return len(self._led[node])

    def item(self, giver: NodeId, taker: NodeId) -> int | None:
        """Return a partition led by the giver that the taker holds too."""
        shared = self._led[giver] & self._layout.of_node[taker]
        return min((n for n in shared if n not in self._layout.pinned), default=None)

    def hand_over(self, item: int, giver: NodeId, taker: NodeId) -> None:
        """Let the taker lead; the giver takes its place in the list."""
        held = self._layout.held[item]
        place = held.index(taker)
        held[0], held[place] = taker, giver
        self._led[giver].remove(item)
        self._led[taker].add(item)
