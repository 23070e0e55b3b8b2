"""Records: the value stored under a storage key, and the batch in which records are written.

    record := flags u8 | version u64 | [expiry u64] | [generation varint] | [vector] | payload
    vector := count varint | (actor varint | term varint | sequence varint) * count
    flags  := bits 0-3 type | 10 tombstone | 20 has expiry | 40 has generation | 80 has vector

`version` is a hybrid logical clock stamp: 48 bits of milliseconds since 1970, 16 bits counter.
`expiry` is absolute, in milliseconds since 1970. A plain string is exactly
`struct.pack(">BQ", 0, version) + value`: GET of it is `record[9:]`.

Of two records of a key, the one with the higher version is the newer. A delete-range
`[start, end)` with version v hides every record in it whose version is at most v.

These bytes are on disk and on the wire; see docs/formats/keys-and-records.md.
"""

from __future__ import annotations

import enum
import struct
from itertools import pairwise

from attrs import frozen

from storage.codec import decode_varint, encode_varint
from storage.errors import CorruptionError

TYPE_MASK = 0x0F
TOMBSTONE = 0x10
HAS_EXPIRY = 0x20
HAS_GENERATION = 0x40
HAS_VECTOR = 0x80
HEADER_BYTES = 9  # flags and version: where the payload of a plain record begins

_HEADER = struct.Struct(">BQ")
_HEADER_EXPIRY = struct.Struct(">BQQ")
_pack_header = _HEADER.pack
_pack_expiry = _HEADER_EXPIRY.pack


class RecordType(enum.IntEnum):
    """What a record belongs to. The numbers are on disk: never change or reuse one."""

    STRING = 0  # also every element of a collection
    LIST = 1
    SET = 2
    SORTED_SET = 3
    HASH = 4
    STREAM = 5
    SYSTEM = 15


@frozen
class VectorEntry:
    """One actor's place in a causal vector."""

    actor: int
    term: int
    sequence: int


@frozen
class Record:
    """A record taken apart. `expiry_ms` is None when the record never expires."""

    version: int
    payload: bytes = b""
    type: int = RecordType.STRING
    tombstone: bool = False
    expiry_ms: int | None = None
    generation: int = 0
    vector: tuple[VectorEntry, ...] = ()


class WriteBatch:
    """Effects that are logged and applied together or not at all.

    Hot path: handlers append to the lists directly, nothing is checked here.

    Attributes:
        entries: (storage key, record) in the order of writing; of several for one key the last
            wins.
        ranges: delete-ranges (start, end excluded, version). They hide records of this batch too
            if those have a version at most theirs; a write that follows a delete-range in the
            same batch must carry a higher version than it.
    """

    __slots__ = ("entries", "ranges")

    def __init__(self) -> None:
        self.entries: list[tuple[bytes, bytes]] = []
        self.ranges: list[tuple[bytes, bytes, int]] = []

    def put(self, key: bytes, record: bytes) -> None:
        """Add one record."""
        self.entries.append((key, record))

    def delete_range(self, start: bytes, end: bytes, version: int) -> None:
        """Add one delete-range, `end` excluded."""
        self.ranges.append((start, end, version))

    def clear(self) -> None:
        """Forget all effects; the lists stay the same objects."""
        self.entries.clear()
        self.ranges.clear()

    def __bool__(self) -> bool:
        return bool(self.entries or self.ranges)

    def __len__(self) -> int:
        return len(self.entries) + len(self.ranges)


def encode_string(version: int, value: bytes) -> bytes:
    """Return the record of a plain string or element without expiry and generation."""
    return _pack_header(0, version) + value


def encode_tombstone(version: int, generation: int = 0, type: int = 0) -> bytes:
    """Return the record that says the key is deleted."""
    if generation:
        header = _pack_header(type | TOMBSTONE | HAS_GENERATION, version)
        return header + encode_varint(generation)
    return _pack_header(type | TOMBSTONE, version)


def encode_record(record: Record) -> bytes:
    """Return the bytes of a record."""
    flags = record.type | (TOMBSTONE if record.tombstone else 0)
    tail = record.payload
    if record.vector:
        flags |= HAS_VECTOR
        tail = _encode_vector(record.vector) + tail
    if record.generation:
        flags |= HAS_GENERATION
        tail = encode_varint(record.generation) + tail
    if record.expiry_ms is not None:
        return _pack_expiry(flags | HAS_EXPIRY, record.version, record.expiry_ms) + tail
    return _pack_header(flags, record.version) + tail


def decode_record(data: bytes) -> Record:
    """Take a record apart.

    Raises:
        CorruptionError: the bytes are no record.
    """
    if len(data) < HEADER_BYTES:
        raise CorruptionError("", None, f"record of {len(data)} bytes is too short")
    flags, version = _HEADER.unpack_from(data)
    offset = HEADER_BYTES
    expiry_ms: int | None = None
    generation = 0
    vector: tuple[VectorEntry, ...] = ()
    if flags & HAS_EXPIRY:
        if len(data) < offset + 8:
            raise CorruptionError("", None, "record ends inside its expiry")
        expiry_ms = int.from_bytes(data[offset : offset + 8], "big")
        offset += 8
    if flags & HAS_GENERATION:
        generation, offset = decode_varint(data, offset)
    if flags & HAS_VECTOR:
        vector, offset = _decode_vector(data, offset)
    tombstone = bool(flags & TOMBSTONE)
    kind = flags & TYPE_MASK
    return Record(version, data[offset:], kind, tombstone, expiry_ms, generation, vector)


def version_of(record: bytes) -> int:
    """Return a record's version without taking the rest apart."""
    return int.from_bytes(record[1:9], "big")


def is_tombstone(record: bytes) -> bool:
    """Say whether the record marks a deletion."""
    return record[0] & TOMBSTONE != 0


def type_of(record: bytes) -> int:
    """Return the record's type (`RecordType`)."""
    return record[0] & TYPE_MASK


def expiry_of(record: bytes) -> int | None:
    """Return the absolute expiry in milliseconds, or None."""
    if record[0] & HAS_EXPIRY:
        return int.from_bytes(record[9:17], "big")
    return None


def generation_of(record: bytes) -> int:
    """Return the record's generation (0 if it carries none)."""
    flags = record[0]
    if not flags & HAS_GENERATION:
        return 0
    return decode_varint(record, 17 if flags & HAS_EXPIRY else 9)[0]


def _encode_vector(vector: tuple[VectorEntry, ...]) -> bytes:
    assert all(a.actor < b.actor for a, b in pairwise(vector)), vector
    parts = [encode_varint(len(vector))]
    for entry in vector:
        parts.append(encode_varint(entry.actor))
        parts.append(encode_varint(entry.term))
        parts.append(encode_varint(entry.sequence))
    return b"".join(parts)


def _decode_vector(data: bytes, offset: int) -> tuple[tuple[VectorEntry, ...], int]:
    count, offset = decode_varint(data, offset)
    if count > len(data):
        raise CorruptionError("", None, f"record claims a causal vector of {count} entries")
    entries = []
    for _ in range(count):
        actor, offset = decode_varint(data, offset)
        term, offset = decode_varint(data, offset)
        sequence, offset = decode_varint(data, offset)
        entries.append(VectorEntry(actor, term, sequence))
    return tuple(entries), offset
