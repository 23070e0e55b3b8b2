from __future__ import annotations

from fractions import Fraction

from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import NodeId
from cluster.placement.leveling import Bounds, level


@define(eq=False)
class Piles:
    """Items that may only be handed along given edges."""

    held: dict[NodeId, set[int]]
    edges: set[tuple[NodeId, NodeId]]
    moves: int = 0

    def count(self, node: NodeId) -> int:
        return len(self.held[node])

    def item(self, giver: NodeId, taker: NodeId) -> int | None:
        return min(self.held[giver], default=None) if (giver, taker) in self.edges else None

    def hand_over(self, item: int, giver: NodeId, taker: NodeId) -> None:
        self.held[giver].remove(item)
        self.held[taker].add(item)
        self.moves += 1


A, B, C = NodeId("a"), NodeId("b"), NodeId("c")


def test_what_cannot_go_straight_goes_in_a_chain() -> None:
    """A may only give to B and B only to C: all end at their shares."""
    piles = Piles({A: set(range(20)), B: set(range(20, 30)), C: set()}, {(A, B), (B, C)})
    level(piles, dict.fromkeys((A, B, C), Bounds.around(Fraction(10))))
    assert all(9 <= piles.count(node) <= 11 for node in (A, B, C))


def test_within_bounds_nothing_moves() -> None:
    """Five percent off the share is near enough: moving data has a price."""
    piles = Piles({A: set(range(105)), B: set(range(105, 200))}, {(A, B), (B, A)})
    level(piles, dict.fromkeys((A, B), Bounds.around(Fraction(100))))
    assert piles.moves == 0


def test_without_a_way_it_ends() -> None:
    """Nodes out of bounds that nobody may relieve are left as they are."""
    piles = Piles({A: set(range(9)), B: set()}, set())
    level(piles, {A: Bounds.around(Fraction(1)), B: Bounds.around(Fraction(8))})
    assert piles.count(A) == 9


@given(st.lists(st.integers(0, 60), min_size=2, max_size=8))
def test_with_all_ways_open_everybody_ends_within_bounds(counts: list[int]) -> None:
    """On a complete graph levelling always succeeds, with no more moves than are needed."""
    nodes = [NodeId(f"n{i}") for i in range(len(counts))]
    held = {
        n: {i * 100 + k for k in range(c)}
        for i, (n, c) in enumerate(zip(nodes, counts, strict=True))
    }
    piles = Piles(held, {(a, b) for a in nodes for b in nodes if a != b})
    bounds = Bounds.around(Fraction(sum(counts), len(counts)))
    level(piles, dict.fromkeys(nodes, bounds))
    assert all(bounds.least <= piles.count(node) <= bounds.most for node in nodes)
    excess = sum(max(0, count - bounds.least) for count in counts)
    assert piles.moves <= excess
