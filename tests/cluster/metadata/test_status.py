"""What a node shows of the metadata log."""

from __future__ import annotations

from cluster.metadata.known_voters import KnownVoters
from cluster.metadata.status import status_of
from cluster.raft import Configuration
from tests.cluster.metadata.lone_log import log_of, quiet_world
from tests.sim.metadata_world import node_id

N1, N2 = node_id(1), node_id(2)


def test_a_node_that_does_not_vote_shows_what_it_was_told() -> None:
    """Leader and voters from hearsay, and no indexes."""
    known = KnownVoters()
    known.learn_group(Configuration.of(N1), N1)
    status = status_of(None, known)
    assert (status.role, status.leader, status.voters) == ("map follower", N1, (N1,))
    assert status.last_index == 0


def test_a_voter_shows_its_role_and_its_log() -> None:
    """As the core of Raft knows it."""
    world = quiet_world(nodes=1)
    world.run_for(1.0)
    status = log_of(world.nodes[N1]).status
    assert (status.role, status.leader, status.voters) == ("leader", N1, (N1,))
    assert status.applied == status.commit == status.last_index == 2
    assert (status.term, status.first_index, status.learners) == (2, 2, ())
