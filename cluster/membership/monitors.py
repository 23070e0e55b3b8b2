"""Who sends heartbeats to whom: replica peers first, then neighbours on a ring.

A SWIM pair meets only every N seconds, too seldom for an accrual detector. So each node sends
heartbeats to a few: all nodes it shares partitions with, as they route by phi, and, up to a
minimum, the next ones on a ring of ids, so that every node is watched by somebody. The list is
computed from the membership alone, so sender and receiver agree without a word.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable

from cluster.identity import NodeId

MONITORS_MIN = 9
MONITORS_MAX = 16


def heartbeat_targets(
    own: NodeId, members: Iterable[NodeId], replica_peers: Collection[NodeId] = ()
) -> tuple[NodeId, ...]:
    """Return whom `own` sends heartbeats to: at most 16 members, at least 9 if there are."""
    return _chosen(own, sorted(set(members) - {own}), replica_peers, is_forward=True)


def heartbeat_sources(
    own: NodeId, members: Iterable[NodeId], replica_peers: Collection[NodeId] = ()
) -> tuple[NodeId, ...]:
    """Return whose heartbeats `own` expects: the other end of everybody's targets.

    Without replica peers exact. With them a neighbour may have filled its list with peers of its
    own, so a source counts as expected only from its first heartbeat on.
    """
    return _chosen(own, sorted(set(members) - {own}), replica_peers, is_forward=False)


def _chosen(
    own: NodeId, others: list[NodeId], replica_peers: Collection[NodeId], *, is_forward: bool
) -> tuple[NodeId, ...]:
    known = set(others)
    place = bisect_right(others, own)
    ring = others[place:] + others[:place]
    if not is_forward:
        ring.reverse()
    # Peers in ring order too: when there are too many, different nodes choose different ones.
    chosen = [node for node in ring if node in replica_peers and node in known][:MONITORS_MAX]
    taken = set(chosen)
    for node in ring:
        if len(chosen) >= MONITORS_MIN:
            break
        if node not in taken:
            chosen.append(node)
    return tuple(chosen)
