"""Messages of Raft in bytes: every kind survives, golden bytes hold, nonsense is refused."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import id_from_bytes
from cluster.raft import Configuration, Entry, EntryKind, Snapshot, messages
from cluster.wire.messages import WireError
from cluster.wire.raft_messages import decode_raft_message, encode_raft_message

A, B = (id_from_bytes(bytes([number]) * 16) for number in (1, 2))
MEMBERS = Configuration.of(A, B)
ALL: list[messages.Message] = [
    messages.VoteRequest(source=A, target=B, term=5, last_index=9, last_term=4, is_pre=True),
    messages.VoteReply(source=A, target=B, term=5, is_granted=True, is_pre=True),
    messages.AppendRequest(
        source=A,
        target=B,
        term=5,
        previous_index=9,
        previous_term=4,
        entries=(
            Entry(10, 5, b"", EntryKind.EMPTY),
            Entry(11, 5, b"command"),
            Entry(12, 5, b"", EntryKind.CONFIGURATION, MEMBERS),
        ),
        commit=9,
        round=3,
    ),
    messages.AppendReply(
        source=A, target=B, term=5, index=9, round=3, is_rejected=True, hint_index=7, hint_term=2
    ),
    messages.Heartbeat(source=A, target=B, term=5, commit=9, round=3, is_hibernating=True),
    messages.HeartbeatReply(source=A, target=B, term=5, round=3),
    messages.SnapshotRequest(
        source=A, target=B, term=5, snapshot=Snapshot(9, 4, MEMBERS), round=3
    ),
    messages.TimeoutNow(source=A, target=B, term=5),
    messages.ForwardedProposal(source=A, target=B, data=b"command"),
    messages.ReadRequest(source=A, target=B, token=77),
    messages.ReadReply(source=A, target=B, token=77, index=9),
]
#: Bytes of version 1, as other nodes may send them for ever. Each is kind, ids and the fields.
IDS = "c410" + "01" * 16 + "c410" + "02" * 16
GOLDEN = [
    f"01 98 01 {IDS} 05 09 04 c3 c2",
    f"01 96 02 {IDS} 05 c3 c3",
    f"01 99 03 {IDS} 05 09 04 93 940501c400c0 940500c407636f6d6d616e64c0 "
    f"940502c400 95 92{IDS} 90 90 90 c2 09 03",
    f"01 99 04 {IDS} 05 09 03 c3 07 02",
    f"01 97 05 {IDS} 05 09 03 c3",
    f"01 95 06 {IDS} 05 03",
    f"01 98 07 {IDS} 05 09 04 95 92{IDS} 90 90 90 c2 03",
    f"01 94 08 {IDS} 05",
    f"01 94 09 {IDS} c407 636f6d6d616e64",
    f"01 94 0a {IDS} 4d",
    f"01 95 0b {IDS} 4d 09",
]


def test_every_kind_of_message_is_among_the_examples() -> None:
    """A kind added to the core needs a number and golden bytes."""
    assert {type(message) for message in ALL} == set(get_args(messages.Message))


@pytest.mark.parametrize(("message", "golden"), [*zip(ALL, GOLDEN, strict=True)])
def test_bytes_of_version_1_hold(message: messages.Message, golden: str) -> None:
    """What a node of this version sends and understands never changes."""
    assert encode_raft_message(message) == bytes.fromhex(golden)
    assert decode_raft_message(bytes.fromhex(golden)) == message


def test_fields_of_a_later_version_are_ignored() -> None:
    """A later program may add fields at the end."""
    body = msgspec.msgpack.decode(encode_raft_message(ALL[5])[1:])
    longer = b"\x01" + msgspec.msgpack.encode([*body, "new"])
    assert decode_raft_message(longer) == ALL[5]


def test_another_version_is_refused() -> None:
    """Bytes that mean something else are not guessed at."""
    with pytest.raises(WireError, match="version"):
        decode_raft_message(b"\x02" + encode_raft_message(ALL[0])[1:])


@pytest.mark.parametrize(
    "fields",
    [
        [3, b"a" * 16, b"b" * 16, 5, 9, 6, [[5, 0, b"", None]], 0, 0],
        [3, b"a" * 16, b"b" * 16, 5, 9, 4, [[6, 0, b"", None]], 0, 0],
        [7, b"a" * 16, b"b" * 16, 5, 9, 6, [[], [], [], [], False], 0],
        [8, b"a" * 15, b"b" * 16, 5],
        [8, b"a" * 16, b"b" * 16, -1],
        [8, b"a" * 16, b"b" * 16, 1 << 63],
    ],
    ids=[
        "the entry before is newer",
        "an entry newer than the leader",
        "a snapshot newer than the leader",
        "a short id",
        "a negative term",
        "a huge term",
    ],
)
def test_what_nobody_sends_is_refused(fields: list[object]) -> None:
    """The core asserts on such messages, so they must not reach it."""
    with pytest.raises(WireError):
        decode_raft_message(b"\x01" + msgspec.msgpack.encode(fields))


@given(st.binary(max_size=200))
def test_garbage_is_refused_by_name(data: bytes) -> None:
    """Bytes that are no message raise `WireError` and nothing else."""
    try:
        decode_raft_message(b"\x01" + data)
    except WireError as refusal:
        assert refusal.reason.startswith("raft")


def test_a_peer_could_stop_a_node_by_lists_in_lists() -> None:
    """A field more than this version knows, so deep that the library gives up."""
    head = b"\x01\x95\x08" + (b"\xc4\x10" + bytes(16)) * 2 + b"\x01"
    with pytest.raises(WireError):
        decode_raft_message(head + b"\x91" * 100_000 + b"\x01")
