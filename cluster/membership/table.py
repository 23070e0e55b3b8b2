"""The members a node knows, in the orders in which they are needed.

Three views are kept in step: by id; the order in which members are probed (SWIM, section 4.3: a
shuffled ring, new members put in at a random place, shuffled again at each turn, so that the time
until a failed member is probed is bounded); and checksums by bucket, with which two nodes find out
where their tables differ without sending them. A bucket is chosen by the first byte of the id,
which is random. For the checksum a suspected member counts as alive: suspicions are short-lived
and travel as rumours, and would make equal tables look different.

The node itself is a member of its own table, and always alive in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from random import Random

from attrs import define

from cluster.identity import Boot, ClusterId, Endpoint, NodeId, Precedence
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import Alive, MemberStatus, Removed, SyncEntry
from cluster.membership.suspicion import Suspicion

BUCKETS = 32


@define(eq=False)
class Member:
    """What is held about one node. `changed_at` is in core time."""

    node: NodeId
    endpoint: Endpoint
    boot: Boot
    incarnation: int
    cluster: ClusterId | None
    facts: NodeFacts
    status: MemberStatus
    changed_at: float
    suspicion: Suspicion | None = None

    @property
    def precedence(self) -> Precedence:
        """The age of what is held."""
        return Precedence(self.boot.generation, self.incarnation)

    @property
    def claim(self) -> Alive:
        """What the node last said about itself."""
        return Alive(
            self.node, self.endpoint, self.boot, self.incarnation, self.cluster, self.facts
        )

    def view(self, paused_s: float) -> MemberView:
        """Return a frozen copy on the caller's clock."""
        return MemberView(
            self.node,
            self.endpoint,
            self.boot,
            self.incarnation,
            self.cluster,
            self.facts,
            self.status,
            self.changed_at + paused_s,
        )

    def digest(self) -> int:
        """Return a checksum of everything that must agree between tables."""
        status = MemberStatus.ALIVE if self.status.is_live else self.status
        key = f"{self.node}/{status:d}/{self.boot.generation}/{self.incarnation}"
        return row_hash(key)


def row_hash(text: str) -> int:
    """Return 32 bits of BLAKE2b.

    Not a CRC: that is linear, so two rows that differ in the same way would cancel each other.
    """
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


def bucket_of(node: NodeId) -> int:
    """Return the bucket of an id."""
    return int(node[:2], 16) % BUCKETS


class MemberTable:
    """All members, and the ids that were removed."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._members: dict[NodeId, Member] = {}
        self._ring: list[Member] = []
        self._next = 0
        self._removed: dict[NodeId, float] = {}
        self._live_count = 0

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def __contains__(self, node: object) -> bool:
        return node in self._members

    @property
    def live_count(self) -> int:
        """How many members are alive or suspected, the node itself included."""
        return self._live_count

    def get(self, node: NodeId) -> Member | None:
        """Return the member of that id."""
        return self._members.get(node)

    def insert(self, member: Member) -> None:
        """Add a member at a random place of the probe order."""
        assert member.node not in self._members, member.node
        self._members[member.node] = member
        self._live_count += member.status.is_live
        place = self._rng.randrange(len(self._ring) + 1)
        self._ring.append(member)
        self._ring[place], self._ring[-1] = self._ring[-1], self._ring[place]

    def forget(self, node: NodeId) -> None:
        """Take a member out."""
        member = self._members.pop(node)
        self._live_count -= member.status.is_live
        self._ring.remove(member)

    def set_status(self, member: Member, status: MemberStatus, now: float) -> None:
        """Change what a member is held to be."""
        assert self._members.get(member.node) is member, member.node
        self._live_count += status.is_live - member.status.is_live
        member.status = status
        member.changed_at = now
        if status is not MemberStatus.SUSPECTED:
            member.suspicion = None

    def next_to_probe(self, own: NodeId) -> Member | None:
        """Return the next live member in the probe order, None when there is nobody else."""
        for _ in range(len(self._ring) + 1):
            if self._next >= len(self._ring):
                self._rng.shuffle(self._ring)
                self._next = 0
            member = self._ring[self._next]
            self._next += 1
            if member.status.is_live and member.node != own:
                return member
        return None

    def pick(self, count: int, wanted: Callable[[Member], bool]) -> list[Member]:
        """Return up to `count` different random members for which `wanted` holds.

        Tries a few times per member wanted, as it is called with nearly all members eligible, and
        looks at all only when that was not enough.
        """
        size = len(self._ring)
        found: dict[NodeId, Member] = {}
        for _ in range(min(3 * count, size)):
            member = self._ring[int(self._rng.random() * size)]
            if member.node not in found and wanted(member):
                found[member.node] = member
                if len(found) == count:
                    return list(found.values())
        rest = [m for m in self._ring if m.node not in found and wanted(m)]
        missing = min(count - len(found), len(rest))
        return [*found.values(), *self._rng.sample(rest, missing)]

    def quarantine(self, node: NodeId, until: float) -> None:
        """Refuse an id until then; a longer quarantine stays."""
        self._removed[node] = max(until, self._removed.get(node, until))

    def is_quarantined(self, node: NodeId, now: float) -> bool:
        """Whether the id is refused; a quarantine that is over is forgotten here."""
        until = self._removed.get(node)
        if until is None:
            return False
        if until <= now:
            del self._removed[node]
            return False
        return True

    def removed(self, now: float) -> tuple[Removed, ...]:
        """Return the ids in quarantine with the whole seconds that remain, at least 1."""
        nodes = sorted(node for node in list(self._removed) if self.is_quarantined(node, now))
        return tuple(Removed(n, max(1, round(self._removed[n] - now))) for n in nodes)

    def digests(self, now: float) -> tuple[int, ...]:
        """Return a checksum per bucket, and one of the removed ids at the end."""
        sums = [0] * (BUCKETS + 1)
        for member in self._members.values():
            sums[bucket_of(member.node)] += member.digest()
        for removed in self.removed(now):
            sums[BUCKETS] += row_hash(removed.node)
        return tuple(total & 0xFFFFFFFF for total in sums)

    def entries(self, buckets: Iterable[int], now: float) -> tuple[SyncEntry, ...]:
        """Return the rows of these buckets."""
        wanted = set(buckets)
        return tuple(
            SyncEntry(member.claim, member.status, max(0, int(now - member.changed_at)))
            for member in self._members.values()
            if bucket_of(member.node) in wanted
        )

    def forgettable(self, before: float) -> list[NodeId]:
        """Return the dead and left members whose status is older than `before`."""
        return [
            member.node
            for member in self._members.values()
            if not member.status.is_live and member.changed_at < before
        ]

    def check_invariants(self) -> None:
        """Assert that the views agree."""
        assert len(self._ring) == len(self._members)
        assert {member.node for member in self._ring} == self._members.keys()
        assert self._live_count == sum(m.status.is_live for m in self._members.values())
        for member in self._members.values():
            is_suspected = member.status is MemberStatus.SUSPECTED
            assert (member.suspicion is not None) == is_suspected, member
