"""What a node knows of the metadata log, for people and programs."""

from __future__ import annotations

from attrs import frozen

from cluster.identity import NodeId
from cluster.metadata.group import MetadataGroup
from cluster.metadata.known_voters import KnownVoters


@frozen(kw_only=True)
class MetadataStatus:
    """The metadata log as one node sees it.

    `role` is that of Raft for a voter, "learner" for a member without a vote, and "map follower"
    for everybody else, who knows leader and voters from hearsay and no indexes (0).
    """

    role: str
    term: int = 0
    leader: NodeId | None = None
    voters: tuple[NodeId, ...] = ()
    learners: tuple[NodeId, ...] = ()
    commit: int = 0
    applied: int = 0
    first_index: int = 0
    last_index: int = 0


def status_of(group: MetadataGroup | None, known: KnownVoters) -> MetadataStatus:
    """Return what is known, first-hand or told by others."""
    if group is None:
        return MetadataStatus(role="map follower", leader=known.leader, voters=known.voters)
    status = group.status()
    configuration = status.configuration
    is_voter = configuration.is_voter(status.node)
    return MetadataStatus(
        role=status.role.value if is_voter else "learner",
        term=status.term,
        leader=NodeId(status.leader) if status.leader is not None else None,
        voters=_nodes(configuration.voters | configuration.outgoing),
        learners=_nodes(configuration.learners),
        commit=status.commit,
        applied=status.applied,
        first_index=status.first_index,
        last_index=status.last_index,
    )


def _nodes(nodes: frozenset[str]) -> tuple[NodeId, ...]:
    return tuple(NodeId(node) for node in sorted(nodes))
