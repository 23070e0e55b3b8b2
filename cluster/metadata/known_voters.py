"""Whom to turn to with a proposal: the leader, as far as anybody said who that is.

Members of the log know its voters. All others learn of them with each map and with each answer to
a proposal, which name the voters, the leader first. That may be out of date, so it is only where
asking begins: after them come all members that could be voters, those that are alive first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cluster.identity import ID_BYTES, NodeId, id_from_bytes, id_to_bytes
from cluster.map.values import ClusterMap
from cluster.membership.facts import Role
from cluster.raft import Configuration

#: Voters that are believed from one message.
VOTERS_MAX = 16


class KnownVoters:
    """The voters as this node was told of them, the leader first where it is known."""

    def __init__(self) -> None:
        self.leader: NodeId | None = None
        self.voters: tuple[NodeId, ...] = ()

    def learn(self, packed: Sequence[bytes]) -> None:
        """Take over what a message says, the leader first; nothing is learnt from nothing."""
        nodes = [
            NodeId(id_from_bytes(node)) for node in packed[:VOTERS_MAX] if len(node) == ID_BYTES
        ]
        if nodes:
            self.leader, self.voters = nodes[0], tuple(nodes)

    def learn_leader(self, packed: bytes) -> None:
        """Take over who leads, if the message says so."""
        if len(packed) == ID_BYTES:
            self.leader = NodeId(id_from_bytes(packed))

    def learn_group(self, configuration: Configuration, leader: NodeId | None) -> None:
        """Take over what this node knows as a member of the log."""
        self.leader = leader
        self.voters = tuple(NodeId(node) for node in sorted(configuration.voters))

    def packed(self) -> list[bytes]:
        """Return the voters for a message; nothing when no leader is known."""
        leader = self.leader
        if leader is None:
            return []
        others = [node for node in self.voters if node != leader]
        return [id_to_bytes(node) for node in (leader, *others)]

    def candidates(self, held: ClusterMap | None, alive: Collection[NodeId]) -> list[NodeId]:
        """Return whom to ask, in order, each node once."""
        told = [self.leader] if self.leader is not None else []
        told += self.voters
        could = sorted(
            (
                member.node
                for member in (held.members.values() if held else ())
                if Role.REBALANCER in member.roles
            ),
            key=lambda node: (node not in alive, node),
        )
        return list(dict.fromkeys([*told, *could]))

    def clear(self) -> None:
        """Forget everything."""
        self.leader, self.voters = None, ()
