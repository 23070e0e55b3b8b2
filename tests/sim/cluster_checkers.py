"""What must hold in every history of a cluster, whatever went wrong; each promise is one class.

A checker is told what happened and raises `Violation` at once, so that the trace ends where the
promise was broken. `at_end` asks what must hold after everything has healed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from attrs import frozen

from cluster.identity import ClusterId, NodeId, id_from_bytes
from cluster.journal.records import Record
from cluster.map.codec import map_digest
from cluster.map.values import ClusterMap
from cluster.map.views import SlotView
from cluster.raft import Entry
from cluster.wire.raft_entries import WireEntry, unpack_entries


class Violation(AssertionError):
    """A promise was broken."""


@frozen
class Seen:
    """What one live node shows at the end."""

    node: NodeId
    map: ClusterMap | None
    members: Mapping[NodeId, str]
    is_removed: bool


class OneMapPerEpoch:
    """Never two maps with the same epoch of the same cluster."""

    def __init__(self) -> None:
        self._digests: dict[tuple[ClusterId, int], bytes] = {}

    def map_changed(self, node: NodeId, cluster_map: ClusterMap) -> None:
        """A node routes by this map from now on."""
        key = (cluster_map.cluster, cluster_map.epoch)
        digest = map_digest(cluster_map)
        if key not in self._digests:
            cluster_map.check_invariants()
        if self._digests.setdefault(key, digest) != digest:
            raise Violation(f"{node} holds another map of epoch {cluster_map.epoch}")

    @property
    def epochs(self) -> int:
        """How many maps there were."""
        return len(self._digests)


class MapsNeverGoBack:
    """A node's map only grows, over restarts too, unless it left the cluster."""

    def __init__(self) -> None:
        self._held: dict[NodeId, tuple[ClusterId, int]] = {}

    def map_changed(self, node: NodeId, cluster_map: ClusterMap | None) -> None:
        """A node routes by this map, or by none."""
        if cluster_map is None:
            self._held.pop(node, None)
            return
        held = self._held.get(node)
        now = (cluster_map.cluster, cluster_map.epoch)
        if held is not None and held[0] == now[0] and now[1] < held[1]:
            raise Violation(f"{node} went back from epoch {held[1]} to {now[1]}")
        self._held[node] = now


class OneLeaderPerTerm:
    """Never two leaders of the metadata log in one term (Raft, Election Safety)."""

    def __init__(self) -> None:
        self._leaders: dict[tuple[ClusterId, int], NodeId] = {}

    def leads(self, node: NodeId, cluster: ClusterId, term: int) -> None:
        """A node takes itself for the leader."""
        leader = self._leaders.setdefault((cluster, term), node)
        if leader != node:
            raise Violation(f"{leader} and {node} both lead in term {term}")

    @property
    def terms(self) -> int:
        """How many leaders there were."""
        return len(self._leaders)


class LogsMatch:
    """Entries with one index and term are equal, and so are those before them (Log Matching)."""

    def __init__(self) -> None:
        self._entries: dict[tuple[ClusterId, int, int], tuple[bytes, int | None]] = {}
        self._terms: dict[tuple[NodeId, ClusterId], dict[int, int]] = {}

    def saved(self, node: NodeId, cluster: ClusterId, entries: Sequence[Entry]) -> None:
        """A voter or learner wrote entries; they replace those of its log from the first on."""
        terms = self._terms.setdefault((node, cluster), {})
        for index in [index for index in terms if index >= entries[0].index]:
            del terms[index]
        for entry in entries:
            before = terms.get(entry.index - 1)
            key = (cluster, entry.index, entry.term)
            data, first_before = self._entries.setdefault(key, (entry.data, before))
            if data != entry.data:
                raise Violation(f"{node} has another entry {entry.index} of term {entry.term}")
            if before is not None and first_before is None:
                self._entries[key] = (data, before)
            elif before is not None and before != first_before:
                raise Violation(f"{node} has another entry before {entry.index}")
            terms[entry.index] = entry.term

    @property
    def entries(self) -> int:
        """How many different entries were written."""
        return len(self._entries)


class NoOrphans:
    """A node that holds keys in a slot leads it by every map that it gets."""

    def map_changed(self, node: NodeId, keys: Mapping[int, int], view: SlotView) -> None:
        """A node routes by this map from now on, and holds these keys by slot."""
        for slot, count in keys.items():
            if count and view.leaders[slot] != node:
                leader = view.leaders[slot]
                raise Violation(f"{node} holds {count} keys in slot {slot}, led by {leader}")


def read_entries(record: Record) -> tuple[ClusterId, tuple[Entry, ...]]:
    """Return what a record of entries holds (cluster.metadata.records)."""
    body = msgspec.msgpack.decode(record.payload[1:])
    entries = msgspec.convert(body[3], list[WireEntry])
    return ClusterId(id_from_bytes(body[1])), unpack_entries(entries, body[2])


class EverybodyAgrees:
    """After healing all live nodes are in one cluster, hold its newest map, and see each other."""

    def at_end(self, seen: Iterable[Seen]) -> None:
        """All live nodes at the end of the peace."""
        members = [one for one in seen if not one.is_removed]
        unformed = [one.node for one in members if one.map is None]
        if unformed:
            raise Violation(f"without a map: {unformed}")
        maps = {(one.map.cluster, one.map.epoch) for one in members if one.map is not None}
        if len(maps) > 1:
            shown = {
                one.node[:4]: (one.map.cluster[:4], one.map.epoch) for one in members if one.map
            }
            raise Violation(f"different maps: {shown}")
        for one in members:
            for other in members:
                status = one.members.get(other.node)
                if status != "alive":
                    raise Violation(f"{one.node} holds {other.node} for {status}")
