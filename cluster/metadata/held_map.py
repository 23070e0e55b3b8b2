"""The newest map that this node holds, and what others are told of it.

A map comes here only when it is durable, from the log or from another node, so it is shown again
after a restart. Its epoch only grows. The commands that led to it are remembered where they are
known, so that a node that is a few epochs behind is sent those and not the whole map.
"""

from __future__ import annotations

from collections.abc import Sequence

from cluster.identity import id_to_bytes
from cluster.map.codec import encode_map
from cluster.map.deltas import Delta, DeltaLog, encode_delta
from cluster.map.values import ClusterMap
from cluster.metadata.group import Change
from cluster.wire.messages import MapReply, MapRequest


class HeldMap:
    """The map that this node shows, if any."""

    def __init__(self, recovered: ClusterMap | None, *, kept_changes: int) -> None:
        self.map = recovered
        self._kept_changes = kept_changes
        self._deltas = DeltaLog(commands_max=kept_changes)
        self._encoded: tuple[int, bytes] = (0, b"")

    @property
    def epoch(self) -> int:
        """The epoch of the map; 0 while there is none."""
        return self.map.epoch if self.map is not None else 0

    def advance(self, newer: ClusterMap, changes: Sequence[Change] = ()) -> bool:
        """Take over a map of the log, if it is newer; True when it is."""
        assert self.map is None or self.map.cluster == newer.cluster, newer.cluster
        if newer.epoch <= self.epoch:
            return False
        for change in changes:
            if change.before.epoch >= self.epoch:
                self._deltas.note(change.before, change.after, change.numbered)
        self.map = newer
        return True

    def follow(self, newer: ClusterMap, from_epoch: int, delta: Delta | None) -> bool:
        """Take over a map of another node, made of the one of `from_epoch` and a delta, if any."""
        if newer.epoch <= self.epoch:
            return False
        if delta is not None:
            self._deltas.note_followed(from_epoch, delta)
        self.map = newer
        return True

    def clear(self) -> None:
        """Hold no map any more."""
        self.map = None
        self._deltas = DeltaLog(commands_max=self._kept_changes)
        self._encoded = (0, b"")  # the next map may be another cluster's of the same epoch

    def reply_to(self, request: MapRequest, voters: list[bytes]) -> MapReply | None:
        """Return what leads the asker to this map; None when there is nothing to tell."""
        held = self.map
        if held is None or request.known_epoch >= held.epoch:
            return None
        cluster = id_to_bytes(held.cluster)
        if request.cluster not in (b"", cluster):
            return None
        whole = self._whole(held)
        if request.known_epoch:
            delta = self._deltas.delta_since(request.known_epoch, held)
            packed = encode_delta(delta) if delta is not None else b""
            if packed and len(packed) < len(whole):
                return MapReply(cluster, held.epoch, packed, b"", voters)
        return MapReply(cluster, held.epoch, b"", whole, voters)

    def _whole(self, held: ClusterMap) -> bytes:
        if self._encoded[0] != held.epoch:
            self._encoded = (held.epoch, encode_map(held))
        return self._encoded[1]
