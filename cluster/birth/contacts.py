"""Who is in contact: what the birth core needs of the membership table.

A node counts while membership holds it for alive or suspected. Nodes that come, go, move, change
their roles or their cluster disturb the quiet that a proposer waits for; suspicions do not.
"""

from __future__ import annotations

from collections.abc import Iterable

from cluster.identity import Endpoint, NodeId
from cluster.membership.events import MemberView
from cluster.membership.facts import Role


class Contacts:
    """The live nodes, and since when they are the same."""

    def __init__(self, own: NodeId, now: float) -> None:
        self._own = own
        self._live: dict[NodeId, MemberView] = {}
        self._picture: frozenset[object] = frozenset()
        self.changed_at = now

    def update(self, members: Iterable[MemberView], now: float) -> bool:
        """Take the table over; tell whether the quiet was disturbed."""
        self._live = {m.node: m for m in members if m.status.is_live}
        picture = frozenset(
            (m.node, m.endpoint, m.cluster, m.facts.roles) for m in self._live.values()
        )
        if picture == self._picture:
            return False
        self._picture, self.changed_at = picture, now
        return True

    def own(self) -> MemberView | None:
        """Return what is held about this node; None before the table was told."""
        return self._live.get(self._own)

    def get(self, node: NodeId) -> MemberView | None:
        """Return what is held about a live node."""
        return self._live.get(node)

    def is_live(self, node: NodeId) -> bool:
        """Whether the node counts now."""
        return node in self._live

    def endpoint_of(self, node: NodeId, default: Endpoint) -> Endpoint:
        """Where the node is now; what was known earlier when it does not count."""
        found = self._live.get(node)
        return default if found is None else found.endpoint

    def unformed(self) -> list[MemberView]:
        """Return the others that are in no cluster, by id."""
        found = (m for m in self._live.values() if m.cluster is None and m.node != self._own)
        return sorted(found, key=lambda member: member.node)

    def has_formed(self) -> bool:
        """Whether somebody else is in a cluster."""
        return any(m.cluster is not None and m.node != self._own for m in self._live.values())

    def candidates(self) -> list[NodeId]:
        """Return who may propose, the first one first: unformed, with the rebalancer role."""
        return sorted(
            m.node
            for m in self._live.values()
            if (m.cluster is None or m.node == self._own) and Role.REBALANCER in m.facts.roles
        )
