"""Small encodings that every format of this package is made of.

Fixed integers are big endian, so that bytes sort like numbers. A varint is LEB128: seven bits per
byte, lowest first, high bit = one more byte follows; at most ten bytes (64 bits). A blob is a
varint length and that many bytes. Decoders take `(data, offset)` and return `(value, offset)`.

Bytes that do not parse raise `CorruptionError` without a file name; who knows the name adds it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from crc32c import crc32c as _crc32c

from storage.errors import CorruptionError

if TYPE_CHECKING:
    from collections.abc import Callable

U16 = struct.Struct(">H")
U32 = struct.Struct(">I")
U64 = struct.Struct(">Q")

U64_MAX = (1 << 64) - 1
_VARINT_BYTES_MAX = 10

checksum: Callable[..., int] = _crc32c  # crc32c(data, crc_so_far=0): in C, SSE 4.2, 16 GB/s


def encode_varint(value: int) -> bytes:
    """Return `value` (0 to 2**64-1) as LEB128."""
    assert 0 <= value <= U64_MAX, value
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data: bytes | memoryview, offset: int = 0) -> tuple[int, int]:
    """Return (value, offset after it).

    Raises:
        CorruptionError: the bytes end inside the number, or it exceeds 64 bits.
    """
    value = shift = 0
    for position in range(offset, min(offset + _VARINT_BYTES_MAX, len(data))):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > U64_MAX:
                raise CorruptionError("", offset, "varint exceeds 64 bits")
            return value, position + 1
        shift += 7
    raise CorruptionError("", offset, "varint does not end")


def encode_blob(value: bytes) -> bytes:
    """Return a varint length followed by `value`."""
    return encode_varint(len(value)) + value


def decode_blob(data: bytes | memoryview, offset: int = 0) -> tuple[bytes, int]:
    """Return (bytes, offset after them).

    Raises:
        CorruptionError: fewer bytes are there than the length says.
    """
    length, start = decode_varint(data, offset)
    end = start + length
    if end > len(data):
        raise CorruptionError("", offset, f"blob of {length} bytes ends after the data")
    return bytes(data[start:end]), end
