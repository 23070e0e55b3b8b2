"""One block of sorted entries: bytes made for being taken apart by C code.

    payload := count u32 | bound u32 * (2 * count + 1) | key * count | record * count

Bounds are byte offsets within the payload: bound[i] to bound[i + 1] is key i, and bound[count + i]
to bound[count + i + 1] is record i; so the last key ends where the first record begins. Parsing is
one list comprehension of slices over the keys (0.07 us per key); records stay unsliced until
they are asked for. Lookup is `bisect` over the keys.

Rejected: prefix compression with restart points, as LevelDB has. Rebuilding a key in Python costs
more than the bytes are worth; zstd takes the repetition out where space matters.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise

import zstandard

from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError
from storage.files import Mapped
from storage.sstable.format import (
    BLOCK_TRAILER,
    BLOCK_TRAILER_BYTES,
    COMPRESSION_NONE,
    COMPRESSION_ZSTD,
)

_COUNT = struct.Struct(">I")
_LITTLE_ENDIAN = sys.byteorder == "little"
PAYLOAD_BYTES_MAX = (1 << 32) - 1
# What an entry costs beyond its content, and a block beyond its entries (CPython 3.11, 64 bits).
_ENTRY_BYTES = 2 * (33 + 8 + 7)
_BLOCK_BYTES = 400
_NO_BOUNDS = array("I")


class Block:
    """A parsed block.

    Point lookups slice single records out of the payload. The first scan slices all of them and
    drops the payload, so that a block which is scanned again costs nothing but a list slice.

    Attributes:
        keys: the keys in order (a tuple of bytes: not tracked by the garbage collector).
        memory_bytes: what holding this block costs at most, estimated.
    """

    __slots__ = ("_bounds", "_count", "_payload", "_records", "keys", "memory_bytes")

    def __init__(self, payload: bytes) -> None:
        """Take a payload apart.

        Raises:
            CorruptionError: the bounds do not fit the payload.
        """
        count = _COUNT.unpack_from(payload)[0] if len(payload) >= 4 else 0
        bounds = array("I")
        end = 8 + 8 * count
        if count == 0 or end > len(payload):
            raise CorruptionError("", None, "a block's count does not fit its length")
        bounds.frombytes(payload[4:end])
        if _LITTLE_ENDIAN:
            bounds.byteswap()
        if bounds[0] != end or bounds[-1] != len(payload):
            raise CorruptionError("", None, "a block's bounds do not fit its length")
        self._payload = payload
        self._bounds = bounds
        self._count = count
        self._records: tuple[bytes, ...] | None = None
        self.keys = tuple([payload[low:high] for low, high in pairwise(bounds[: count + 1])])
        key_bytes = bounds[count] - end
        self.memory_bytes = len(payload) + key_bytes + _ENTRY_BYTES * count + _BLOCK_BYTES

    def __len__(self) -> int:
        return self._count

    def get(self, key: bytes) -> bytes | None:
        """Return the record of a key, or None (0.5 us)."""
        keys = self.keys
        index = bisect_left(keys, key)
        if index < self._count and keys[index] == key:
            if self._records is not None:
                return self._records[index]
            bounds = self._bounds
            index += self._count
            return self._payload[bounds[index] : bounds[index + 1]]
        return None

    def records(self) -> tuple[bytes, ...]:
        """Return all records in order."""
        records = self._records
        if records is None:
            payload = self._payload
            bounds = self._bounds[self._count :]
            records = tuple([payload[low:high] for low, high in pairwise(bounds)])
            self._records = records
            self._payload, self._bounds = b"", _NO_BOUNDS
        return records


def encode_block(keys: Sequence[bytes], records: Sequence[bytes]) -> bytes:
    """Return the payload of a block.

    Raises:
        ValueError: more than 4 GB.
    """
    count = len(keys)
    assert count == len(records) > 0
    lengths = chain(map(len, keys), map(len, records))
    bounds = list(accumulate(lengths, initial=8 + 8 * count))
    if bounds[-1] > PAYLOAD_BYTES_MAX:
        raise ValueError(f"a block of {bounds[-1]} bytes is too large")
    packed = array("I", bounds)
    if _LITTLE_ENDIAN:
        packed.byteswap()
    return b"".join((_COUNT.pack(count), packed.tobytes(), *keys, *records))


class BlockCodec:
    """Adds and removes compression and checksum. Not to be shared between threads."""

    def __init__(self, compression_level: int = 0) -> None:
        self._compressor = (
            zstandard.ZstdCompressor(level=compression_level) if compression_level else None
        )
        self._decompressor = zstandard.ZstdDecompressor()

    def seal(self, payload: bytes) -> bytes:
        """Return the stored form of a payload; compressed only if that saves an eighth."""
        kind, stored = COMPRESSION_NONE, payload
        if self._compressor is not None:
            smaller = self._compressor.compress(payload)
            if len(smaller) < len(payload) - len(payload) // 8:
                kind, stored = COMPRESSION_ZSTD, smaller
        crc = checksum(bytes((kind,)), checksum(stored))
        return stored + BLOCK_TRAILER.pack(kind, crc)

    def open(self, data: Mapped, offset: int, length: int, name: str) -> bytes:
        """Check the stored block at `offset` of a file and return its payload.

        Raises:
            CorruptionError: the checksum does not match.
            FormatVersionError: a compression this build does not know.
        """
        end = offset + length - BLOCK_TRAILER_BYTES
        stored = bytes(data[offset:end])
        trailer = bytes(data[end : offset + length])
        if end < offset or len(trailer) != BLOCK_TRAILER_BYTES:
            raise CorruptionError(name, offset, "a block lies outside the file")
        kind, crc = BLOCK_TRAILER.unpack(trailer)
        if crc != checksum(trailer[:1], checksum(stored)):
            raise CorruptionError(name, offset, "a block's checksum does not match")
        if kind == COMPRESSION_NONE:
            return stored
        if kind != COMPRESSION_ZSTD:
            raise FormatVersionError(f"block compression in {name}", kind, COMPRESSION_ZSTD)
        try:
            return self._decompressor.decompress(stored)
        except zstandard.ZstdError as error:
            raise CorruptionError(name, offset, f"zstd: {error}") from error
