"""The rumours a node still has to pass on, and how often it has.

There is at most one rumour per subject (a node id): a newer claim about a node makes the older
one pointless, so it takes its place and starts anew. Each is sent `multiplier * ceil(log10(N+1))`
times, which reaches everybody with overwhelming probability whatever N is (SWIM, section 4.1).
Packets are filled with the rumours sent least often first, and the newest of those first, so that
a flood of old news does not hold up a refutation.
"""

from __future__ import annotations

import math
from collections import Counter

from attrs import frozen

from cluster.identity import NodeId
from cluster.membership.messages import Claim


def retransmit_limit(node_count: int, multiplier: int) -> int:
    """Return how often a rumour is sent by each node that knows it, in a cluster of that size."""
    return multiplier * math.ceil(math.log10(node_count + 1))


@frozen
class _Rumour:
    claim: Claim
    size_bytes: int


class Broadcasts:
    """Rumours in tiers by how often they were sent; inside a tier in order of arrival."""

    def __init__(self) -> None:
        self._tiers: list[dict[NodeId, _Rumour]] = []
        self._tier_of: dict[NodeId, int] = {}
        self._sizes: dict[int, int] = {}  # how many rumours have which size

    def __len__(self) -> int:
        return len(self._tier_of)

    def __contains__(self, subject: object) -> bool:
        return subject in self._tier_of

    def queue(self, claim: Claim, size_bytes: int) -> None:
        """Add a rumour; an older one about the same node is dropped."""
        self.drop(claim.node)
        self._sizes[size_bytes] = self._sizes.get(size_bytes, 0) + 1
        self._place(claim.node, _Rumour(claim, size_bytes), 0)

    def drop(self, subject: NodeId) -> None:
        """Stop telling about this node."""
        tier = self._tier_of.pop(subject, None)
        if tier is not None:
            self._forget_size(self._tiers[tier].pop(subject).size_bytes)

    def get(self, subject: NodeId) -> Claim | None:
        """Return the rumour about a node."""
        tier = self._tier_of.get(subject)
        return None if tier is None else self._tiers[tier][subject].claim

    def take(self, room_bytes: int, limit: int) -> tuple[list[Claim], int]:
        """Return rumours that fit together, and their size; each counts as sent once more.

        A rumour that was sent `limit` times is forgotten. Cost: about linear in what is looked at;
        nothing more is, once the smallest would not fit.
        """
        taken: list[tuple[NodeId, int, _Rumour]] = []
        room, least = room_bytes, min(self._sizes, default=0)
        for tier, rumours in enumerate(self._tiers):
            if room < least:
                break
            for subject, rumour in reversed(rumours.items()):
                if rumour.size_bytes <= room:
                    room -= rumour.size_bytes
                    taken.append((subject, tier, rumour))
                    if room < least:
                        break
        for subject, tier, rumour in reversed(taken):
            del self._tiers[tier][subject]
            if tier + 1 < limit:
                self._place(subject, rumour, tier + 1)
            else:
                del self._tier_of[subject]
                self._forget_size(rumour.size_bytes)
        return [rumour.claim for _, _, rumour in taken], room_bytes - room

    def check_invariants(self) -> None:
        """Assert that tiers and index agree."""
        found = {subject: tier for tier, rumours in enumerate(self._tiers) for subject in rumours}
        assert found == self._tier_of
        assert sum(map(len, self._tiers)) == len(self._tier_of)
        sizes = Counter(r.size_bytes for rumours in self._tiers for r in rumours.values())
        assert sizes == self._sizes

    def _forget_size(self, size_bytes: int) -> None:
        self._sizes[size_bytes] -= 1
        if not self._sizes[size_bytes]:
            del self._sizes[size_bytes]

    def _place(self, subject: NodeId, rumour: _Rumour, tier: int) -> None:
        while len(self._tiers) <= tier:
            self._tiers.append({})
        self._tiers[tier][subject] = rumour
        self._tier_of[subject] = tier
