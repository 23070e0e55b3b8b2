"""Exchange of tables: joining, repair of what gossip missed, and meeting again after a split.

    asker    SyncDigest   checksums of my buckets         (a join sends none: everything differs)
    asked    SyncStates   my rows of buckets that differ, and which of yours I want
    asker    SyncStates   those rows

Two equal tables cost 200 bytes, whatever their size; memberlist sends both tables whole each time,
which at 500 nodes is more than all the rest of the traffic. The pause between exchanges still
grows with log2(N) above 32 nodes, as there.

Dead nodes are asked too, one per pause: when a partition outlives the time in which rumours reach
the dead, that is how the two halves find each other. A node that sees nobody alive asks its seeds,
but not where a removed node was.
"""

from __future__ import annotations

import math

from cluster.identity import Endpoint, NodeId
from cluster.membership.claims import Claims
from cluster.membership.events import JoinFailed
from cluster.membership.local_node import LocalNode
from cluster.membership.messages import MemberStatus, SyncDigest, SyncStates
from cluster.membership.table import BUCKETS, Member

_ALL_BUCKETS = tuple(range(BUCKETS))


def sync_pause_s(node_count: int, *, interval_s: float, scale_nodes: int) -> float:
    """Return the pause between two exchanges of a node, in a cluster of so many nodes."""
    if node_count <= scale_nodes:
        return interval_s
    return interval_s * (math.ceil(math.log2(node_count) - math.log2(scale_nodes)) + 1)


class Exchange:
    """The exchanges of one node."""

    def __init__(self, local: LocalNode, claims: Claims, now: float) -> None:
        self._local = local
        self._claims = claims
        self._seeds: dict[Endpoint, None] = {}
        self._joins: dict[Endpoint, int] = {}
        random = local.rng.random
        local.timers.at(now + random() * local.options.sync_interval_s, self._begin)
        local.timers.at(now + random() * local.options.reconnect_interval_s, self._reconnect)

    def join(self, endpoints: tuple[Endpoint, ...], now: float) -> None:
        """Make contact with these endpoints, and remember them for when nobody else is there."""
        for endpoint in endpoints:
            self._local.unwanted.discard(endpoint)
            if endpoint != self._local.member.endpoint:
                self._seeds[endpoint] = None
                self._start_join(endpoint, now)

    def with_everybody(self, now: float) -> None:
        """Begin an exchange with every live member."""
        digest = SyncDigest(self._local.table.digests(now))
        for member in self._local.table:
            if member.status.is_live and member is not self._local.member:
                self._local.send_stream(member.endpoint, digest)

    def digest(self, asked: SyncDigest, source: Endpoint, now: float) -> None:
        """Answer with the rows that differ."""
        table = self._local.table
        own = table.digests(now)
        if len(asked.digests) == len(own):
            buckets = tuple(b for b in _ALL_BUCKETS if own[b] != asked.digests[b])
            is_removed_equal = own[BUCKETS] == asked.digests[BUCKETS]
        else:
            buckets, is_removed_equal = _ALL_BUCKETS, False
        removed = () if is_removed_equal else table.removed(now)
        rows = SyncStates(table.entries(buckets, now), removed, buckets)
        self._local.send_stream(source, rows)

    def states(self, told: SyncStates, sender: NodeId, source: Endpoint, now: float) -> None:
        """Take rows, and send those that the other wants."""
        self._joins.pop(source, None)
        table = self._local.table
        if told.wanted:
            wanted = [bucket for bucket in told.wanted if bucket < BUCKETS]
            rows = SyncStates(table.entries(wanted, now), table.removed(now))
            self._local.send_stream(source, rows)
        for removed in told.removed:
            self._claims.removed(removed.node, removed.remaining_s, now)
        incarnation = self._local.member.incarnation
        for entry in told.entries:
            self._claims.merge(entry, sender, now)
        if self._local.member.incarnation != incarnation:
            # The other held this node for dead, so rumours may not reach it: after a partition
            # this answer is the first bridge between the halves.
            self._local.send_stream(source, self._local.member.claim)
        self._local.count("syncs")

    def _begin(self, now: float) -> None:
        local, options = self._local, self._local.options
        pause = sync_pause_s(
            local.table.live_count,
            interval_s=options.sync_interval_s,
            scale_nodes=options.sync_scale_nodes,
        )
        local.timers.at(now + pause, self._begin)
        if local.is_leaving:
            return
        for member in local.table.pick(1, self._is_other_live):
            local.send_stream(member.endpoint, SyncDigest(local.table.digests(now)))

    def _reconnect(self, now: float) -> None:
        local, options = self._local, self._local.options
        local.timers.at(now + options.reconnect_interval_s, self._reconnect)
        if local.is_leaving:
            return
        for node in local.table.forgettable(now - options.dead_retention_s):
            member = local.table.get(node)
            assert member is not None, node
            self._claims.forget(member, is_removed=False)
        for member in local.table.pick(1, lambda m: m.status is MemberStatus.DEAD):
            local.send_stream(member.endpoint, SyncDigest(local.table.digests(now)))
        if local.table.live_count == 1:
            for endpoint in self._seeds:
                if endpoint not in local.unwanted:
                    self._start_join(endpoint, now)

    def _start_join(self, endpoint: Endpoint, now: float) -> None:
        if endpoint not in self._joins:
            self._joins[endpoint] = 0
            self._try_join(endpoint, now)

    def _try_join(self, endpoint: Endpoint, now: float) -> None:
        options = self._local.options
        attempts = self._joins.get(endpoint)
        if attempts is None:
            return  # answered
        if attempts == options.join_attempts_max:
            del self._joins[endpoint]
            self._local.outputs.append(JoinFailed(endpoint))
            return
        self._joins[endpoint] = attempts + 1
        self._local.send_stream(endpoint, SyncDigest(()))
        # The doubling is spread by half, so that nodes started together do not ask in step.
        pause = options.join_retry_s * 2**attempts * (0.75 + self._local.rng.random() / 2)
        self._local.timers.at(now + pause, lambda at: self._try_join(endpoint, at))

    def _is_other_live(self, member: Member) -> bool:
        return member.status.is_live and member is not self._local.member
