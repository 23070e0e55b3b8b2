"""The consistent-hash ring: where, going round from a point, replicas should stand.

Each node owns a number of virtual nodes proportional to its capacity weight (128 at weight 1);
their places are the first 64 bits of SHA-256 of `{node}:vn{i}`. A key's walk begins at its own
hash and meets the nodes in a random order in which heavy nodes come early more often. Adding a
node takes keys from all others and moves none between them.

The ring proposes; what a node owns is said by the cluster map. Its answers are bounded: a list
never holds a node twice and ends when there are no more nodes, whatever length was asked for.
Preference lists are computed once per arc (the stretch between two virtual nodes) and length.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from attrs import field, frozen
from attrs.validators import gt

from cluster.identity import NodeId

VNODES_PER_WEIGHT = 128


@frozen
class RingNode:
    """What the ring knows of a node: its weight, and the failure domains it shares with others.

    `machine` is meant within `rack`, `rack` within `datacenter`. An empty machine name stands
    for a machine of its own.
    """

    node: NodeId
    datacenter: str = "dc1"
    rack: str = ""
    machine: str = ""
    weight: float = field(default=1.0, validator=gt(0.0))

    @property
    def rack_key(self) -> tuple[str, str]:
        """Tell racks of all datacenters apart."""
        return self.datacenter, self.rack

    @property
    def machine_key(self) -> tuple[str, str, str]:
        """Tell machines of all racks apart."""
        return self.datacenter, self.rack, self.machine or f"node {self.node}"


def place_of(text: str) -> int:
    """Return the place of a text on the ring: 64 bits of SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def virtual_nodes(weight: float, per_weight: int = VNODES_PER_WEIGHT) -> int:
    """Return how many virtual nodes a node of this weight has; at least one."""
    return max(1, round(weight * per_weight))


class Ring:
    """An immutable ring. Building costs about 1 us per virtual node."""

    def __init__(
        self, nodes: Iterable[RingNode], *, vnodes_per_weight: int = VNODES_PER_WEIGHT
    ) -> None:
        self._nodes = {node.node: node for node in sorted(nodes, key=lambda n: n.node)}
        points = sorted(
            (place_of(f"{node.node}:vn{number}"), node.node)
            for node in self._nodes.values()
            for number in range(virtual_nodes(node.weight, vnodes_per_weight))
        )
        self._places = [place for place, _ in points]
        self._owners = [owner for _, owner in points]
        self._lists: dict[tuple[int, int], tuple[NodeId, ...]] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def node_of(self, key: str) -> NodeId:
        """Return the first node for a key.

        Raises:
            LookupError: the ring is empty.
        """
        return next(self.walk(key))

    def walk(self, key: str) -> Iterator[NodeId]:
        """Yield every node once, in the order in which the ring is met from a key's place.

        Raises:
            LookupError: the ring is empty.
        """
        if not self._owners:
            raise LookupError("the ring has no nodes")
        return self._walk_from(self._arc_of(key))

    def preference_list(self, key: str, count: int) -> tuple[NodeId, ...]:
        """Return up to `count` nodes for the replicas of a key, the first one first.

        Going round, a node is taken when its datacenter is new; then, going round again for
        what is missing, when its rack is; then its machine; then any. So two replicas share a
        machine only when there are fewer machines than replicas.
        """
        assert count >= 0, count
        if not self._owners:
            return ()
        arc = self._arc_of(key)
        found = self._lists.get((arc, count))
        if found is None:
            found = self._lists[arc, count] = self._spread(arc, count)
        return found

    def check_invariants(self) -> None:
        """Assert that places are in order and every node has its share of them."""
        assert self._places == sorted(self._places)
        assert len(self._places) == len(self._owners)
        assert set(self._owners) == set(self._nodes)

    def _arc_of(self, key: str) -> int:
        return bisect_right(self._places, place_of(key)) % len(self._places)

    def _walk_from(self, arc: int) -> Iterator[NodeId]:
        seen: set[NodeId] = set()
        for step in range(len(self._owners)):
            owner = self._owners[(arc + step) % len(self._owners)]
            if owner not in seen:
                seen.add(owner)
                yield owner
                if len(seen) == len(self._nodes):
                    return

    def _spread(self, arc: int, count: int) -> tuple[NodeId, ...]:
        order = [self._nodes[node] for node in self._walk_from(arc)]
        chosen: dict[NodeId, RingNode] = {}
        domains = (
            lambda node: (node.datacenter,),
            lambda node: node.rack_key,
            lambda node: node.machine_key,
            lambda node: (node.node,),
        )
        for domain in domains:
            taken = {domain(node) for node in chosen.values()}
            for node in order:
                if len(chosen) >= count:
                    return tuple(chosen)
                if domain(node) not in taken:
                    taken.add(domain(node))
                    chosen[node.node] = node
        return tuple(chosen)
