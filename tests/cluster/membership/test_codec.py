from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import Boot, ClusterId, Endpoint, NodeId, Precedence, new_id
from cluster.membership.codec import (
    MAGIC,
    PREFIX_BYTES,
    VERSION,
    PacketError,
    decode_packet,
    encode_message,
    encode_packet,
    header_bytes,
    size_of,
)
from cluster.membership.facts import ALL_ROLES, NodeFacts, Role
from cluster.membership.messages import (
    Ack,
    Alive,
    Dead,
    Heartbeat,
    IndirectPing,
    Left,
    MemberStatus,
    Nack,
    Packet,
    Ping,
    Removed,
    Suspect,
    SyncDigest,
    SyncEntry,
    SyncStates,
)
from storage.codec import U32, checksum

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "protocols" / "gossip.md"
Item = TypeVar("Item")
numbers = st.integers(0, 2**40)
ids = st.integers(0, 2**64).map(lambda seed: NodeId(new_id(Random(seed))))
texts = st.text(max_size=20)
endpoints = st.builds(Endpoint, texts.filter(bool), st.integers(1, 65535))
precedences = st.builds(Precedence, numbers, numbers)
facts = st.builds(
    NodeFacts,
    datacenter=texts,
    rack=texts,
    machine=texts,
    capacity_weight=st.floats(0.001, 1000.0),
    roles=st.sampled_from([Role.NONE, Role.STORAGE, ALL_ROLES]),
    client_port=st.integers(0, 65535),
    software_version=texts,
    protocol_min=st.integers(0, 255),
    protocol_max=st.integers(0, 255),
)
alives = st.builds(
    Alive,
    ids,
    endpoints,
    st.builds(Boot, numbers, st.integers(0, 2**64 - 1)),
    numbers,
    st.none() | ids.map(ClusterId),
    facts,
)
removals = st.builds(Removed, ids, numbers)


def tuples_of(items: st.SearchStrategy[Item]) -> st.SearchStrategy[tuple[Item, ...]]:
    """Up to four items."""
    return st.lists(items, max_size=4).map(tuple)


messages = st.one_of(
    st.builds(Heartbeat),
    st.builds(Ping, numbers, ids),
    st.builds(IndirectPing, numbers, ids, endpoints),
    st.builds(Ack, numbers),
    st.builds(Nack, numbers),
    alives,
    st.builds(Suspect, ids, precedences, ids),
    st.builds(Dead, ids, precedences, ids),
    st.builds(Left, ids, precedences),
    removals,
    st.builds(SyncDigest, tuples_of(st.integers(0, 2**32 - 1))),
    st.builds(
        SyncStates,
        tuples_of(st.builds(SyncEntry, alives, st.sampled_from(MemberStatus), numbers)),
        tuples_of(removals),
        tuples_of(numbers),
    ),
)
packets = st.builds(Packet, st.none() | ids.map(ClusterId), ids, numbers, tuples_of(messages))


def with_checksum(body: bytes) -> bytes:
    """A packet around any bytes."""
    return MAGIC + bytes((VERSION,)) + U32.pack(checksum(body)) + body


@given(packets)
def test_packets_survive_their_bytes(packet: Packet) -> None:
    """What is decoded is what was encoded, and sizes are known without encoding."""
    encoded = encode_packet(packet)
    assert decode_packet(encoded) == packet
    sizes = header_bytes(packet.map_epoch, len(packet.messages)) + sum(
        map(size_of, packet.messages)
    )
    assert len(encoded) == sizes


@given(packets, st.data())
def test_damage_is_noticed(packet: Packet, data: st.DataObject) -> None:
    """A flipped bit or a cut end is never taken for a packet."""
    encoded = bytearray(encode_packet(packet))
    place = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(PacketError):
        decode_packet(bytes(encoded[:place]))
    encoded[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(PacketError):
        decode_packet(bytes(encoded))


@given(st.binary(max_size=300), st.booleans())
def test_garbage_is_refused_and_nothing_else(garbage: bytes, is_checksummed: bool) -> None:
    """Any bytes, with a right checksum too, are decoded or refused by PacketError."""
    try:
        decode_packet(with_checksum(garbage) if is_checksummed else garbage)
    except PacketError as error:
        assert error.reason in str(error)


@given(packets, st.data())
def test_bodies_of_garbage_are_refused_and_nothing_else(
    packet: Packet, data: st.DataObject
) -> None:
    """A right header and a body with any byte changed: hostile senders know checksums too."""
    body = bytearray(encode_packet(packet)[PREFIX_BYTES:])
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_packet(with_checksum(bytes(body)))
    except PacketError as error:
        assert error.reason


def test_unknown_tags_and_longer_bodies_are_skipped() -> None:
    """A later version may say more: what is not known is left out, the rest is understood."""
    ping = encode_message(Ping(7, NodeId(new_id(Random(1)))))
    longer = bytes((ping[0], ping[1] + 2)) + ping[2:] + b"\xaa\xbb"
    head = bytes(16) + bytes(range(16)) + b"\x00"
    packet = decode_packet(with_checksum(head + b"\x03" + b"\xfa\x02ab" + longer + ping))
    assert [m.sequence for m in packet.messages if isinstance(m, Ping)] == [7, 7]
    assert len(packet.messages) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda b: b"XX" + b[2:], "magic"),
        (lambda b: b[:2] + b"\x02" + b[3:], "version"),
        (lambda b: b + b"\x00", "checksum"),
        (lambda b: with_checksum(b[PREFIX_BYTES:] + b"\x00"), "long"),
    ],
)
def test_refusals_are_told_apart(change: object, reason: str) -> None:
    """The reason is a word for a counter: a wrong version is another matter than garbage."""
    assert callable(change)
    encoded = encode_packet(Packet(None, NodeId(new_id(Random(1))), 0, (Ack(1),)))
    with pytest.raises(PacketError) as caught:
        decode_packet(change(encoded))
    assert caught.value.reason == reason


def test_numbers_that_leave_no_next_one_are_refused() -> None:
    """A hostile incarnation at the end of the range would make a refutation impossible."""
    node = NodeId(new_id(Random(1)))
    with pytest.raises(PacketError):
        decode_packet(
            encode_packet(Packet(None, node, 0, (Suspect(node, Precedence(1, 2**48), node),)))
        )


def test_a_quarantine_that_no_table_could_pass_on_is_refused() -> None:
    """It would be repeated by all who hear it, and fail in the exchange of tables."""
    node = NodeId(new_id(Random(1)))
    with pytest.raises(PacketError):
        decode_packet(encode_packet(Packet(None, node, 0, (Removed(node, 2**64 - 1),))))


def test_the_example_of_the_document_is_right() -> None:
    """The hex block of docs/protocols/gossip.md is the packet that is described there."""
    text = DOCUMENT.read_text(encoding="utf-8")
    (block,) = re.findall(r"^```hex\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert encode_packet(example()).hex(" ") == " ".join(block.split())
    assert decode_packet(bytes.fromhex(block)) == example()


def example() -> Packet:
    """A ping with the suspicion that the target should hear of."""
    target = NodeId("22222222-2222-4222-8222-222222222222")
    sender = NodeId("11111111-1111-4111-8111-111111111111")
    cluster = ClusterId("cccccccc-cccc-4ccc-8ccc-cccccccccccc")
    return Packet(
        cluster, sender, 300, (Ping(5, target), Suspect(target, Precedence(2, 1), sender))
    )
