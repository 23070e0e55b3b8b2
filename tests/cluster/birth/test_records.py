from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.birth.records import (
    ClaimsRecordError,
    Durable,
    claims_record,
    cluster_record,
    genesis_record,
)
from cluster.identity import ClusterId
from cluster.journal.records import Record, RecordKind
from cluster.map.values import Claim
from cluster.slots import SlotSet
from tests.cluster.birth.lone_node import genesis_of
from tests.sim.birth_nodes import node_id

OWN = node_id(2)
GENESES = [genesis_of(1, 2, 3, seed=seed) for seed in range(3)]


def _state(durable: Durable) -> tuple[object, ...]:
    return (
        durable.claim,
        durable.accepted,
        durable.held,
        durable.cluster,
        list(durable.dropped),
    )


def _step(durable: Durable, choice: int) -> list[Record]:
    """One of the changes that the core makes, where it makes sense."""
    genesis = GENESES[choice % 3]
    identifier = genesis.identifier
    is_free = not any((durable.accepted, durable.held, durable.cluster))
    match choice // 3:
        case 0 if durable.cluster is None:
            slots = SlotSet.of(range(choice, 100 + choice))
            return [claims_record(Claim(OWN, slots, choice))]
        case 1 if is_free and identifier not in durable.dropped:
            return [genesis_record(RecordKind.GENESIS_ACCEPTED, genesis)]
        case 2 if durable.accepted is not None:
            return [genesis_record(RecordKind.GENESIS_HELD, durable.accepted)]
        case 3 if durable.accepted is not None:
            return [cluster_record(RecordKind.GENESIS_DROPPED, durable.accepted.identifier)]
        case 4 if durable.cluster is None and durable.held is not None:
            return [cluster_record(RecordKind.CLUSTER_ADOPTED, durable.held.identifier)]
        case 5 if durable.cluster is not None:
            return [cluster_record(RecordKind.CLUSTER_LEFT, durable.cluster)]
    return []


@given(st.lists(st.integers(0, 17), max_size=30))
def test_what_is_read_is_what_was_written(choices: list[int]) -> None:
    """After any changes a restart from the whole journal, or from a compacted one, is the same."""
    live, journal = Durable(OWN, 8), list[Record]()
    for choice in choices:
        records = _step(live, choice)
        live.apply(records)
        journal += records
        for stored in (journal, live.compacted()):
            again = Durable(OWN, 8)
            again.apply(stored)
            assert _state(again) == _state(live)


def test_records_of_others_are_skipped() -> None:
    """The journal holds what the metadata log saved, too."""
    durable = Durable(OWN, 8)
    durable.apply([Record(RecordKind.RAFT_ENTRIES, b"anything"), Record(RecordKind.MAP, b"")])
    assert durable.compacted() == []


def test_what_is_remembered_of_the_dropped_is_bounded() -> None:
    """The oldest is forgotten; dropping again makes one the newest."""
    durable = Durable(OWN, 2)
    ids = [genesis.identifier for genesis in GENESES]
    for identifier in (ids[0], ids[1], ids[0], ids[2]):
        durable.apply([cluster_record(RecordKind.GENESIS_DROPPED, identifier)])
    assert list(durable.dropped) == [ids[0], ids[2]]


def test_the_bytes_of_claims_are_these() -> None:
    """They are on disk: version, config epoch, ranges."""
    record = claims_record(Claim(OWN, SlotSet(((1, 2), (16383, 16383))), 258))
    assert record.payload.hex() == "010000000000000102000100023fff3fff"


@pytest.mark.parametrize("payload", [b"", b"\x02" + bytes(8), bytes(9), b"\x01" + bytes(9)])
def test_damaged_claims_are_refused(payload: bytes) -> None:
    """A later version, a torn head and half a range are not guessed at."""
    with pytest.raises(ClaimsRecordError, match="cannot be read"):
        Durable(OWN, 8).apply([Record(RecordKind.CLAIMS, payload)])


def test_a_genesis_is_never_taken_up_again() -> None:
    """Accepting what was dropped is a mistake of ours, and caught."""
    durable = Durable(OWN, 8)
    dropped = cluster_record(RecordKind.GENESIS_DROPPED, GENESES[0].identifier)
    durable.apply([dropped])
    with pytest.raises(AssertionError):
        durable.apply([genesis_record(RecordKind.GENESIS_ACCEPTED, GENESES[0])])
    assert ClusterId(GENESES[0].identifier) in durable.dropped
