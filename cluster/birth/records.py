"""What the birth core must not forget, and the journal's records of it.

| kind | payload |
|---|---|
| CLAIMS | version u8 = 1, config epoch u64, then (first u16, last u16) per range of slots |
| GENESIS_ACCEPTED, GENESIS_HELD | the genesis in the bytes of `cluster.map.codec` |
| GENESIS_DROPPED, CLUSTER_ADOPTED, CLUSTER_LEFT | the 16 bytes of the cluster id |

Integers are big endian. Records add up in order: `Durable.apply` is used for what is written now
and for what is read at a start, so both lead to the same state by construction. What is applied is
in the journal or on its way there; `outbox` holds back whatever would tell of it.

Invariants: a genesis is accepted or held, never both; whoever is in a cluster has accepted
nothing and claims nothing; a genesis that was dropped is neither accepted nor held again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from cluster.errors import ClusterError
from cluster.identity import ClusterId, NodeId, id_from_bytes, id_to_bytes
from cluster.journal.records import Record, RecordKind
from cluster.map.codec import decode_genesis, encode_genesis
from cluster.map.values import Claim, Genesis
from cluster.slots import SLOT_COUNT, SlotSet

_CLAIMS_VERSION = 1
_CLAIMS_HEAD = struct.Struct(">BQ")
_CLAIMS_RANGE = struct.Struct(">HH")


class ClaimsRecordError(ClusterError):
    """A record of claims is of another version, or damaged."""

    def __str__(self) -> str:
        return "a record of claims in the cluster's journal cannot be read"


def claims_record(claim: Claim) -> Record:
    """Return the record of what this node claims."""
    ranges = b"".join(_CLAIMS_RANGE.pack(*pair) for pair in claim.slots.ranges)
    head = _CLAIMS_HEAD.pack(_CLAIMS_VERSION, claim.config_epoch)
    return Record(RecordKind.CLAIMS, head + ranges)


def genesis_record(kind: RecordKind, genesis: Genesis) -> Record:
    """Return a record of GENESIS_ACCEPTED or GENESIS_HELD."""
    assert kind in (RecordKind.GENESIS_ACCEPTED, RecordKind.GENESIS_HELD), kind
    return Record(kind, encode_genesis(genesis))


def cluster_record(kind: RecordKind, cluster: ClusterId) -> Record:
    """Return a record of GENESIS_DROPPED, CLUSTER_ADOPTED or CLUSTER_LEFT."""
    return Record(kind, id_to_bytes(cluster))


class Durable:
    """What the records say, taken together."""

    def __init__(self, own: NodeId, dropped_max: int) -> None:
        self._own = own
        self._dropped_max = dropped_max
        self.claim = Claim(own, SlotSet())
        self.accepted: Genesis | None = None
        self.held: Genesis | None = None
        self.cluster: ClusterId | None = None
        #: Geneses that this node will never accept or hold (again), the newest last.
        self.dropped: dict[ClusterId, None] = {}

    def apply(self, records: Iterable[Record]) -> None:
        """Take records over, in order; those of other cores are skipped."""
        for record in records:
            match record.kind:
                case RecordKind.CLAIMS:
                    self.claim = _read_claims(self._own, record.payload)
                case RecordKind.GENESIS_ACCEPTED:
                    self.accepted = decode_genesis(record.payload)
                case RecordKind.GENESIS_HELD:
                    self.held, self.accepted = decode_genesis(record.payload), None
                case RecordKind.GENESIS_DROPPED:
                    self._drop(_cluster(record))
                case RecordKind.CLUSTER_ADOPTED:
                    self._adopt(_cluster(record))
                case RecordKind.CLUSTER_LEFT:
                    self._drop(_cluster(record))
                    self.cluster, self.claim = None, Claim(self._own, SlotSet())
                case _:
                    pass
        self.check_invariants()

    def compacted(self) -> list[Record]:
        """Return records that say the same."""
        dropped = [cluster_record(RecordKind.GENESIS_DROPPED, c) for c in self.dropped]
        records = dropped
        if self.claim.slots.ranges or self.claim.config_epoch:
            records.append(claims_record(self.claim))
        if self.accepted is not None:
            records.append(genesis_record(RecordKind.GENESIS_ACCEPTED, self.accepted))
        if self.held is not None:
            records.append(genesis_record(RecordKind.GENESIS_HELD, self.held))
        if self.cluster is not None:
            records.append(cluster_record(RecordKind.CLUSTER_ADOPTED, self.cluster))
        return records

    def check_invariants(self) -> None:
        """Assert what always holds."""
        assert self.accepted is None or self.held is None
        for genesis in (self.accepted, self.held):
            assert genesis is None or genesis.identifier not in self.dropped, genesis.identifier
        if self.cluster is not None:
            assert self.accepted is None
            assert self.held is None or self.held.identifier == self.cluster
            assert not self.claim.slots.ranges

    def _drop(self, cluster: ClusterId) -> None:
        self.dropped.pop(cluster, None)
        self.dropped[cluster] = None
        while len(self.dropped) > self._dropped_max:
            del self.dropped[next(iter(self.dropped))]
        if self.accepted is not None and self.accepted.identifier == cluster:
            self.accepted = None
        if self.held is not None and self.held.identifier == cluster:
            self.held = None

    def _adopt(self, cluster: ClusterId) -> None:
        self.cluster, self.accepted = cluster, None
        self.claim = Claim(self._own, SlotSet())
        if self.held is not None and self.held.identifier != cluster:
            self.held = None


def _cluster(record: Record) -> ClusterId:
    return ClusterId(id_from_bytes(record.payload))


def _read_claims(own: NodeId, payload: bytes) -> Claim:
    head, ranges = payload[: _CLAIMS_HEAD.size], payload[_CLAIMS_HEAD.size :]
    if len(head) < _CLAIMS_HEAD.size or len(ranges) % _CLAIMS_RANGE.size:
        raise ClaimsRecordError
    version, config_epoch = _CLAIMS_HEAD.unpack(head)
    pairs = list(_CLAIMS_RANGE.iter_unpack(ranges))
    if version != _CLAIMS_VERSION or not all(a <= b < SLOT_COUNT for a, b in pairs):
        raise ClaimsRecordError
    slots = SlotSet.of(slot for first, last in pairs for slot in range(first, last + 1))
    return Claim(own, slots, config_epoch)
