"""Condensed segments: what is left of a log segment when each key has its last record only.

    file  := piece*
    piece := length u32 | crc32c u32 | list of keys, list of their records (marshal, version 2)

Written by the server beside the segment and read by one worker of the same build, so it carries
no version; see storage/condensing.py. `marshal`, because a record costs 0.1 us to write and read
in C and 1.5 us as an effect of a batch. All keys of a piece have the same first byte.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Iterator
from typing import Final

from storage.codec import checksum
from storage.errors import CorruptionError
from storage.files import Mapped

_HEAD: Final = struct.Struct(">II")
#: Later versions look each object up to write it once, which finds nothing here.
_MARSHAL_VERSION: Final = 2


def encode_piece(keys: list[bytes], records: list[bytes]) -> bytes:
    """Return the bytes of a piece."""
    body = marshal.dumps((keys, records), _MARSHAL_VERSION)
    return _HEAD.pack(len(body), checksum(body)) + body


def read_pieces(
    data: Mapped, name: str, size: int
) -> Iterator[tuple[int, list[bytes], list[bytes]]]:
    """Yield (its bytes, keys, records) of each piece of a file that was `size` bytes long.

    Raises:
        CorruptionError: the file is not what was written.
    """
    if len(data) != size:
        raise CorruptionError(name, None, f"{len(data)} bytes where {size} were written")
    position = 0
    while position < size:
        if position + _HEAD.size > size:
            raise CorruptionError(name, position, "it ends inside the head of a piece")
        length, crc = _HEAD.unpack_from(data, position)
        start = position + _HEAD.size
        body = bytes(data[start : start + length])
        if len(body) != length or checksum(body) != crc:
            raise CorruptionError(name, position, "the checksum of a piece does not match")
        position = start + length
        keys, records = marshal.loads(body)  # our own bytes, and their checksum is right
        yield _HEAD.size + length, keys, records
