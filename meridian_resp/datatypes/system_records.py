"""Records that the keyspace keeps about itself under system storage keys.

These bytes are on disk; see docs/formats/keys-and-records.md, "System records".
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from meridian_resp.datatypes.values import Kind
from storage.errors import CorruptionError
from storage.keys import system_key
from storage.records import Record, decode_record, encode_record

COUNTS_KEY: Final = system_key("counts")
KEYSPACES_KEY: Final = system_key("keyspaces")
CLOCK_KEY: Final = system_key("clock")

_count = struct.Struct(">IQQ")
_number = struct.Struct(">Q")
_id = struct.Struct(">I")


def encode_counts(version: int, counts: Mapping[int, tuple[int, int]]) -> bytes:
    """Keys, and keys with an expiry, per keyspace id: `(id u32, keys u64, expiring u64)*`."""
    payload = b"".join([_count.pack(number, *both) for number, both in counts.items()])
    return encode_record(Record(version, payload, Kind.SYSTEM))


def decode_counts(record: bytes) -> dict[int, tuple[int, int]]:
    """Inverse of `encode_counts`. Raises CorruptionError."""
    items = _count.iter_unpack(_payload(record, _count.size))
    return {number: (keys, expiring) for number, keys, expiring in items}


def encode_keyspaces(version: int, ids: Sequence[int], next_id: int) -> bytes:
    """`next id u32`, then the keyspace id (u32) of each database index in order."""
    payload = b"".join([_id.pack(number) for number in (next_id, *ids)])
    return encode_record(Record(version, payload, Kind.SYSTEM))


def decode_keyspaces(record: bytes) -> tuple[list[int], int]:
    """Keyspace ids by database index, and the next id to give. Raises CorruptionError."""
    numbers = [number for (number,) in _id.iter_unpack(_payload(record, _id.size))]
    if not numbers:
        raise CorruptionError("", None, "the record of keyspace ids is empty")
    return numbers[1:], numbers[0]


def encode_number(version: int, number: int) -> bytes:
    """One u64."""
    return encode_record(Record(version, _number.pack(number), Kind.SYSTEM))


def decode_number(record: bytes) -> int:
    """Inverse of `encode_number`. Raises CorruptionError."""
    payload = _payload(record, _number.size)
    if len(payload) != _number.size:
        raise CorruptionError("", None, f"a system number has {len(payload)} bytes, expected 8")
    number: int = _number.unpack(payload)[0]
    return number


def _payload(record: bytes, size: int) -> bytes:
    decoded = decode_record(record)
    if decoded.type != Kind.SYSTEM or len(decoded.payload) % size:
        raise CorruptionError(
            "", None, f"a system record of {len(record)} bytes has another shape"
        )
    return decoded.payload
