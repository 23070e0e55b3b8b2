"""How many replicas of one partition a rack and a machine may hold, and each node's fair share.

Caps are the least that make room for all replicas: one per machine as soon as there are as many
machines as replicas, else two, and so on; the same for racks. They nest (nodes in machines in
racks), so what may be placed is a laminar matroid: any choice that keeps the caps can be completed
to a full one, and a greedy choice never runs into a dead end.

Shares are proportional to weight, as far as caps allow: a rack that may hold one replica of each
partition cannot take more than there are partitions, however heavy it is; what it cannot take is
shared by the others (water filling, from the widest domain down).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

from cluster.identity import NodeId
from cluster.ring import RingNode

_Domain = TypeVar("_Domain", bound=Hashable)


class Domains:
    """The racks and machines of one datacenter, seen from `replicas` copies per partition."""

    def __init__(self, nodes: Sequence[RingNode], replicas: int) -> None:
        self.nodes = {node.node: node for node in nodes}
        self.replicas = min(replicas, len(nodes))
        per_machine = Counter(node.machine_key for node in nodes)
        self.machine_cap = least_cap(per_machine.values(), self.replicas)
        self._machine_room = {
            machine: min(count, self.machine_cap) for machine, count in per_machine.items()
        }
        per_rack: Counter[tuple[str, str]] = Counter()
        for (datacenter, rack, _), room in self._machine_room.items():
            per_rack[datacenter, rack] += room
        self.rack_cap = least_cap(per_rack.values(), self.replicas)
        self._rack_room = {rack: min(room, self.rack_cap) for rack, room in per_rack.items()}

    def has_room(self, held: Iterable[NodeId], candidate: NodeId) -> bool:
        """Whether a partition held by these nodes may be given to the candidate as well."""
        node = self.nodes[candidate]
        machine = rack = 0
        for other in held:
            if other == candidate:
                return False
            known = self.nodes[other]
            machine += known.machine_key == node.machine_key
            rack += known.rack_key == node.rack_key
        return machine < self.machine_cap and rack < self.rack_cap

    def shares(self, partitions: int) -> dict[NodeId, Fraction]:
        """Return how many replicas each node should hold, exactly; they sum up to all of them."""
        weights = self._weights()
        rack_of = {n.node: n.rack_key for n in self.nodes.values()}
        machine_of = {n.node: n.machine_key for n in self.nodes.values()}
        total = Fraction(partitions * self.replicas)
        racks = fill(
            total,
            summed(weights, rack_of),
            {r: v * partitions for r, v in self._rack_room.items()},
        )
        shares: dict[NodeId, Fraction] = {}
        for rack, of_rack in racks.items():
            inside = {n: w for n, w in weights.items() if rack_of[n] == rack}
            rooms = {machine_of[n]: self._machine_room[machine_of[n]] * partitions for n in inside}
            for machine, of_machine in fill(of_rack, summed(inside, machine_of), rooms).items():
                there = {n: w for n, w in inside.items() if machine_of[n] == machine}
                shares.update(fill(of_machine, there, dict.fromkeys(there, partitions)))
        return shares

    def lead_shares(self, partitions: int) -> dict[NodeId, Fraction]:
        """Return how many partitions each node should lead, exactly; they sum up to all of them.

        A node leads only what it holds, so this follows weight further than `shares` does: where
        every node holds everything, a heavy one still leads more.
        """
        return fill(Fraction(partitions), self._weights(), self.shares(partitions))

    def _weights(self) -> dict[NodeId, Fraction]:
        return {n.node: Fraction(n.weight).limit_denominator(1000) for n in self.nodes.values()}


def least_cap(sizes: Iterable[int], needed: int) -> int:
    """Return the least cap per domain with which domains of these sizes hold `needed`."""
    known = list(sizes)
    cap = 1
    while sum(min(size, cap) for size in known) < needed:
        cap += 1
        assert cap <= needed, (known, needed)
    return cap


def summed(
    weights: Mapping[NodeId, Fraction], domain_of: Mapping[NodeId, _Domain]
) -> dict[_Domain, Fraction]:
    """Return the weight of each domain."""
    sums: dict[_Domain, Fraction] = {}
    for node, weight in weights.items():
        sums[domain_of[node]] = sums.get(domain_of[node], Fraction(0)) + weight
    return sums


def fill(
    total: Fraction, weights: Mapping[_Domain, Fraction], rooms: Mapping[_Domain, int | Fraction]
) -> dict[_Domain, Fraction]:
    """Share `total` by weight; who would get more than its room gets its room, the others more."""
    assert total <= sum(rooms[key] for key in weights), (total, dict(rooms))
    shares: dict[_Domain, Fraction] = {}
    open_keys = dict(weights)
    while open_keys:
        weight = sum(open_keys.values(), Fraction(0))
        full = [key for key, w in open_keys.items() if total * w / weight >= rooms[key]]
        if not full:
            return shares | {key: total * w / weight for key, w in open_keys.items()}
        for key in full:
            shares[key] = Fraction(rooms[key])
            total -= rooms[key]
            del open_keys[key]
    return shares
