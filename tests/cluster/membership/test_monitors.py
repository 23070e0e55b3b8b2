from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import NodeId
from cluster.membership.monitors import (
    MONITORS_MAX,
    MONITORS_MIN,
    heartbeat_sources,
    heartbeat_targets,
)

NODES = [NodeId(f"n{i:02}") for i in range(40)]


@given(st.sets(st.sampled_from(NODES), min_size=1), st.sets(st.sampled_from(NODES)))
def test_lists_are_bounded_and_hold_replica_peers(
    members: set[NodeId], peers: set[NodeId]
) -> None:
    """At most 16, at least 9 if there are, never oneself or a stranger, replica peers first."""
    own = min(members)
    targets = heartbeat_targets(own, members, peers)
    assert len(targets) == len(set(targets)) <= MONITORS_MAX
    assert set(targets) <= members - {own}
    assert len(targets) >= min(MONITORS_MIN, len(members) - 1)
    known = (peers & members) - {own}
    assert set(targets[: len(known)]) <= known
    if len(known) <= MONITORS_MAX:
        assert known <= set(targets)


@given(st.sets(st.sampled_from(NODES), min_size=2))
def test_sources_are_the_other_end_of_targets(members: set[NodeId]) -> None:
    """Without replica peers both ends compute the same pairs, so everybody is watched."""
    pairs = {(node, t) for node in members for t in heartbeat_targets(node, members)}
    assert pairs == {(s, node) for node in members for s in heartbeat_sources(node, members)}
