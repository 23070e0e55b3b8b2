"""Levelling: bring every node's count between its bounds by moving single items along short paths.

Seen as a flow problem: an edge from a to b is an item that a may hand to b. From a node outside
its bounds a breadth-first search finds the nearest node that can take or give one, so a direct
move is preferred, and when restrictions forbid it, a chain of hand-overs does the same. Everything
is in order of ids and counts, so the same input gives the same output.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from fractions import Fraction
from typing import Protocol

from attrs import frozen

from cluster.identity import NodeId

SLACK = Fraction(1, 20)


@frozen
class Bounds:
    """Between which counts a node is left alone: 5 % around its share, or the whole next to it."""

    share: Fraction
    least: int
    most: int

    @staticmethod
    def around(share: Fraction) -> Bounds:
        """Return the bounds of a share."""
        least = min(math.floor(share), math.ceil(share * (1 - SLACK)))
        most = max(math.ceil(share), math.floor(share * (1 + SLACK)))
        return Bounds(share, least, most)


class Holdings(Protocol):
    """Who holds how many items, and which hand-overs are allowed."""

    def count(self, node: NodeId) -> int:
        """Return how many items a node holds."""

    def item(self, giver: NodeId, taker: NodeId) -> int | None:
        """Return the best item the giver may hand to the taker, None when there is none."""

    def hand_over(self, item: int, giver: NodeId, taker: NodeId) -> None:
        """Move an item."""


def level(holdings: Holdings, bounds: Mapping[NodeId, Bounds]) -> None:
    """Move items until every node is within its bounds, or no path leads there."""
    for node in sorted(bounds):
        while holdings.count(node) > bounds[node].most and _shift(
            holdings, bounds, node, is_giver=True
        ):
            pass
    for node in sorted(bounds):
        while holdings.count(node) < bounds[node].least and _shift(
            holdings, bounds, node, is_giver=False
        ):
            pass


def _shift(
    holdings: Holdings, bounds: Mapping[NodeId, Bounds], start: NodeId, *, is_giver: bool
) -> bool:
    """Move one item from `start`, or to it, along the shortest path; False when there is none.

    The other end is a node on the far side of its share that stays within its bounds; only when
    there is none, one that merely stays within its bounds.
    """

    def surplus(node: NodeId) -> Fraction:
        return holdings.count(node) - bounds[node].share

    def is_end(node: NodeId, *, is_strict: bool) -> bool:
        bound, share = bounds[node], bounds[node].share
        if is_giver:
            most = share if is_strict else Fraction(bound.most)
            return holdings.count(node) + 1 <= max(most, Fraction(bound.least))
        least = share if is_strict else Fraction(bound.least)
        return holdings.count(node) - 1 >= min(least, Fraction(bound.most))

    # Those farthest on the other side first, so that the counts come together.
    order = sorted(bounds, key=lambda node: (surplus(node) * (1 if is_giver else -1), node))
    for is_strict in (True, False):
        parents: dict[NodeId, NodeId] = {}
        queue = deque([start])
        while queue:
            near = queue.popleft()
            for far in order:
                if far == start or far in parents:
                    continue
                giver, taker = (near, far) if is_giver else (far, near)
                if holdings.item(giver, taker) is None:
                    continue
                parents[far] = near
                if is_end(far, is_strict=is_strict):
                    return _walk_back(holdings, parents, start, far, is_giver=is_giver)
                queue.append(far)
    return False


def _walk_back(
    holdings: Holdings,
    parents: Mapping[NodeId, NodeId],
    start: NodeId,
    end: NodeId,
    *,
    is_giver: bool,
) -> bool:
    """Hand items over along a path, from its far end; whether the whole path could be gone.

    A hand-over may use up the item that a later one needed; then the path ends early, one node
    within it is off by one, and a later search deals with that node.
    """
    far = end
    while far != start:
        near = parents[far]
        giver, taker = (near, far) if is_giver else (far, near)
        item = holdings.item(giver, taker)
        if item is None:
            return False
        holdings.hand_over(item, giver, taker)
        far = near
    return True
