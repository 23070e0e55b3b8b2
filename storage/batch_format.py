"""Bytes of a batch of effects: the only encoder and decoder of effects.

    batch  := header effect*
    header := format u8 = 1 | flags u8 = 0 | partition u16 | term u64 | sequence u64 | count u32
    effect := op u8 | key length u32 | value length u32 | key | value
    op     := 1 put (key = storage key, value = record)
            | 2 delete-range (key = start, value = version u64 | end)

The same bytes are the payload of a WAL record, a replica message, a consensus log entry, a
migration chunk and a backup record, so an effect holds absolute times only and nothing random.
Integers are big endian. These bytes are on disk and on the wire; see docs/formats/batch.md.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from attrs import frozen

from storage.errors import CorruptionError, FormatVersionError
from storage.records import WriteBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FORMAT = 1
OP_PUT = 1
OP_DELETE_RANGE = 2

HEADER = struct.Struct(">BBHQQI")
EFFECT = struct.Struct(">BII")
HEADER_BYTES = HEADER.size  # 24
EFFECT_BYTES = EFFECT.size  # 9

_pack_header = HEADER.pack
_pack_effect = EFFECT.pack


@frozen
class BatchHeader:
    """Where a batch stands in its partition's stream; all zero on a node by itself."""

    partition: int = 0
    term: int = 0
    sequence: int = 0
    count: int = 0


def encode_batch(
    batch: WriteBatch, *, partition: int = 0, term: int = 0, sequence: int = 0
) -> bytes:
    """Return the bytes of a batch (measured: 0.15 us per put of 100 bytes)."""
    return b"".join(encode_parts(batch, partition, term, sequence))


def encode_parts(
    batch: WriteBatch, partition: int = 0, term: int = 0, sequence: int = 0
) -> list[bytes]:
    """Return the pieces whose concatenation is the batch, for callers that join more to it."""
    pack = _pack_effect
    parts = [_pack_header(FORMAT, 0, partition, term, sequence, len(batch))]
    add = parts.append
    # A plain loop: 0.145 us per put of 100 bytes against 0.17 to 0.21 of comprehensions that
    # concatenate or flatten (2026-11-22).
    for key, record in batch.entries:
        add(pack(OP_PUT, len(key), len(record)))
        add(key)
        add(record)
    for start, end, version in batch.ranges:
        value = version.to_bytes(8, "big") + end
        parts += (pack(OP_DELETE_RANGE, len(start), len(value)), start, value)
    return parts


def decode_header(data: bytes | memoryview) -> BatchHeader:
    """Read the header of a batch.

    Raises:
        CorruptionError: too short.
        FormatVersionError: a format this build does not know.
    """
    if len(data) < HEADER_BYTES:
        raise CorruptionError("", 0, f"batch of {len(data)} bytes is shorter than its header")
    version, flags, partition, term, sequence, count = HEADER.unpack_from(data)
    if version != FORMAT or flags:
        raise FormatVersionError("batch", version, FORMAT)
    return BatchHeader(partition, term, sequence, count)


def iterate_effects(data: bytes | memoryview) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (op, key, value) of each effect in order.

    Raises:
        CorruptionError: an effect does not fit, or bytes are left over.
        FormatVersionError: a format or operation this build does not know.
    """
    header = decode_header(data)
    unpack = EFFECT.unpack_from
    offset, total = HEADER_BYTES, len(data)
    for _ in range(header.count):
        if offset + EFFECT_BYTES > total:
            raise CorruptionError("", offset, "batch ends inside an effect")
        op, key_length, value_length = unpack(data, offset)
        key_start = offset + EFFECT_BYTES
        value_start = key_start + key_length
        offset = value_start + value_length
        if offset > total:
            raise CorruptionError("", key_start, "batch ends inside an effect")
        if op not in (OP_PUT, OP_DELETE_RANGE):
            raise FormatVersionError("batch effect", op, OP_DELETE_RANGE)
        yield op, bytes(data[key_start:value_start]), bytes(data[value_start:offset])
    check_end(data, offset)


def take_effects(
    data: bytes,
    offset: int,
    count: int,
    shards: Sequence[dict[bytes, bytes]],
    ranges: list[tuple[bytes, bytes]],
) -> int:
    """Decode `count` effects from `offset` on as `iterate_effects` does; return the next offset.

    Puts go into the dict of their first key byte, later ones over earlier ones, and delete-ranges
    as (key, value) to `ranges`. It takes 0.35 us per put less than a loop over `iterate_effects`.

    Raises:
        CorruptionError: an effect does not fit.
        FormatVersionError: an operation this build does not know.
    """
    unpack = EFFECT.unpack_from
    total = len(data)
    for _ in range(count):
        start = offset + EFFECT_BYTES
        if start > total:
            raise CorruptionError("", offset, "batch ends inside an effect")
        op, key_length, value_length = unpack(data, offset)
        middle = start + key_length
        offset = middle + value_length
        if offset > total:
            raise CorruptionError("", start, "batch ends inside an effect")
        key = data[start:middle]
        if op == OP_PUT:
            shards[key[0]][key] = data[middle:offset]
        elif op == OP_DELETE_RANGE:
            ranges.append((key, data[middle:offset]))
        else:
            raise FormatVersionError("batch effect", op, OP_DELETE_RANGE)
    return offset


def check_end(data: bytes | memoryview, offset: int) -> None:
    """Check that the effects of a batch end where it ends.

    Raises:
        CorruptionError: bytes are left over.
    """
    if offset != len(data):
        raise CorruptionError("", offset, f"{len(data) - offset} bytes follow the last effect")


def decode_range(value: bytes) -> tuple[bytes, int]:
    """Return (end, version) of a delete-range effect's value.

    Raises:
        CorruptionError: shorter than a version.
    """
    if len(value) < 8:
        raise CorruptionError("", None, "delete-range has no version")
    return value[8:], int.from_bytes(value[:8], "big")


def decode_batch(data: bytes | memoryview) -> tuple[BatchHeader, WriteBatch]:
    """Return the header and the effects as a `WriteBatch`.

    Raises:
        CorruptionError, FormatVersionError: as `iterate_effects`.
    """
    batch = WriteBatch()
    entries = batch.entries
    for op, key, value in iterate_effects(data):
        if op == OP_PUT:
            entries.append((key, value))
        else:
            end, version = decode_range(value)
            batch.ranges.append((key, end, version))
    return decode_header(data), batch
