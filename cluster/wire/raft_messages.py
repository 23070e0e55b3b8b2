"""Messages of a Raft group as bytes: what `RaftMessage.message` holds.

    message := version u8 | msgpack array [kind, source, target, fields...]

Kinds are numbers, ids are 16 bytes, entries and configurations are those of `raft_entries`. Equal
messages have equal bytes. Fields may be added at the end with a default; an unknown version is
refused. The data of a snapshot travels beside these bytes. docs/protocols/metadata-log.md
describes them, and golden bytes in the test hold them.

Numbers are checked when they are read. An `AssertionError` of the core stays a sign of a mistake
of ours, whatever a stranger sends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Union, cast

import msgspec

from cluster.identity import id_from_bytes, id_to_bytes
from cluster.raft import messages as raft
from cluster.raft.entries import Snapshot
from cluster.wire.messages import WireError
from cluster.wire.raft_entries import (
    Number,
    PackedId,
    WireConfiguration,
    WireEntry,
    pack_configuration,
    pack_entries,
    unpack_configuration,
    unpack_entries,
)

VERSION = 1


class _VoteRequest(msgspec.Struct, frozen=True, array_like=True, tag=1):
    source: PackedId
    target: PackedId
    term: Number
    last_index: Number
    last_term: Number
    is_pre: bool
    is_transfer: bool


class _VoteReply(msgspec.Struct, frozen=True, array_like=True, tag=2):
    source: PackedId
    target: PackedId
    term: Number
    is_granted: bool
    is_pre: bool


class _AppendRequest(msgspec.Struct, frozen=True, array_like=True, tag=3):
    source: PackedId
    target: PackedId
    term: Number
    previous_index: Number
    previous_term: Number
    entries: list[WireEntry]
    commit: Number
    round: Number


class _AppendReply(msgspec.Struct, frozen=True, array_like=True, tag=4):
    source: PackedId
    target: PackedId
    term: Number
    index: Number
    round: Number
    is_rejected: bool
    hint_index: Number
    hint_term: Number


class _Heartbeat(msgspec.Struct, frozen=True, array_like=True, tag=5):
    source: PackedId
    target: PackedId
    term: Number
    commit: Number
    round: Number
    is_hibernating: bool


class _HeartbeatReply(msgspec.Struct, frozen=True, array_like=True, tag=6):
    source: PackedId
    target: PackedId
    term: Number
    round: Number


class _SnapshotRequest(msgspec.Struct, frozen=True, array_like=True, tag=7):
    source: PackedId
    target: PackedId
    term: Number
    index: Number
    index_term: Number
    configuration: WireConfiguration
    round: Number


class _TimeoutNow(msgspec.Struct, frozen=True, array_like=True, tag=8):
    source: PackedId
    target: PackedId
    term: Number


class _ForwardedProposal(msgspec.Struct, frozen=True, array_like=True, tag=9):
    source: PackedId
    target: PackedId
    data: bytes


class _ReadRequest(msgspec.Struct, frozen=True, array_like=True, tag=10):
    source: PackedId
    target: PackedId
    token: Number


class _ReadReply(msgspec.Struct, frozen=True, array_like=True, tag=11):
    source: PackedId
    target: PackedId
    token: Number
    index: Number


_Wire = Union[
    _VoteRequest,
    _VoteReply,
    _AppendRequest,
    _AppendReply,
    _Heartbeat,
    _HeartbeatReply,
    _SnapshotRequest,
    _TimeoutNow,
    _ForwardedProposal,
    _ReadRequest,
    _ReadReply,
]

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[_Wire] = msgspec.msgpack.Decoder(_Wire)

#: Kinds whose fields are the same on both sides but for the ids.
_PLAIN: dict[type, type] = {
    raft.VoteRequest: _VoteRequest,
    raft.VoteReply: _VoteReply,
    raft.AppendReply: _AppendReply,
    raft.Heartbeat: _Heartbeat,
    raft.HeartbeatReply: _HeartbeatReply,
    raft.TimeoutNow: _TimeoutNow,
    raft.ForwardedProposal: _ForwardedProposal,
    raft.ReadRequest: _ReadRequest,
    raft.ReadReply: _ReadReply,
}
_PLAIN_BACK = {wire: kind for kind, wire in _PLAIN.items()}
_FIELDS = {wire: cast("type[msgspec.Struct]", wire).__struct_fields__[2:] for wire in _PLAIN_BACK}


def encode_raft_message(message: raft.Message) -> bytes:
    """Return the bytes of a message; its nodes must be named by UUIDs."""
    return bytes((VERSION,)) + _ENCODER.encode(_pack(message))


def decode_raft_message(data: bytes) -> raft.Message:
    """Return the message in `data`.

    Raises:
        WireError: these bytes are no message that this version knows, or one that nobody sends.
    """
    if data[:1] != bytes((VERSION,)):
        raise WireError("raft version")
    try:
        wire = _DECODER.decode(memoryview(data)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise WireError("raft message") from failure
    return _unpack(wire)


def _pack(message: raft.Message) -> msgspec.Struct:
    source, target = id_to_bytes(message.source), id_to_bytes(message.target)
    if isinstance(message, raft.AppendRequest):
        return _AppendRequest(
            source,
            target,
            message.term,
            message.previous_index,
            message.previous_term,
            pack_entries(message.entries),
            message.commit,
            message.round,
        )
    if isinstance(message, raft.SnapshotRequest):
        snapshot = message.snapshot
        return _SnapshotRequest(
            source,
            target,
            message.term,
            snapshot.index,
            snapshot.term,
            pack_configuration(snapshot.configuration),
            message.round,
        )
    wire = _PLAIN[type(message)]
    values = (getattr(message, name) for name in _FIELDS[wire])
    packed: msgspec.Struct = wire(source, target, *values)
    return packed


def _unpack(wire: _Wire) -> raft.Message:
    source, target = id_from_bytes(wire.source), id_from_bytes(wire.target)
    if isinstance(wire, _AppendRequest):
        entries = unpack_entries(wire.entries, wire.previous_index + 1)
        is_rising = not entries or wire.previous_term <= entries[0].term
        if not is_rising or (entries and entries[-1].term > wire.term):
            raise WireError("raft entries")
        return raft.AppendRequest(
            source=source,
            target=target,
            term=wire.term,
            previous_index=wire.previous_index,
            previous_term=wire.previous_term,
            entries=entries,
            commit=wire.commit,
            round=wire.round,
        )
    if isinstance(wire, _SnapshotRequest):
        if wire.index_term > wire.term:
            raise WireError("raft snapshot")
        configuration = unpack_configuration(wire.configuration)
        return raft.SnapshotRequest(
            source=source,
            target=target,
            term=wire.term,
            snapshot=Snapshot(wire.index, wire.index_term, configuration),
            round=wire.round,
        )
    kind = cast("Callable[..., raft.Message]", _PLAIN_BACK[type(wire)])
    values = {name: getattr(wire, name) for name in _FIELDS[type(wire)]}
    return kind(source=source, target=target, **values)
