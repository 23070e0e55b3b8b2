"""Constants of the write-ahead log's bytes. These values are on disk; see docs/formats/wal.md.

segment := header record* zeros
header  := magic 8 | format u32 | number u64 | base offset u64 | salt u64 | crc u32
record  := crc u32 | length u32 | position u32 | unsynced u32 | payload | padding to 4
"""

from __future__ import annotations

import struct

from attrs import frozen

from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError
from storage.format_version import WAL_NEWEST

MAGIC = b"MERIDWAL"
HEADER = struct.Struct(">8sIQQQI")
HEADER_BYTES = HEADER.size  # 40
RECORD = struct.Struct(">IIII")
RECORD_TAIL = struct.Struct(">III")
RECORD_BYTES = RECORD.size  # 16
ALIGNMENT = 4
UNSYNCED_MAX = (1 << 32) - 1  # "this much or more"
SEGMENT_BYTES_MAX = (1 << 32) - 1
PADDING = (b"", b"\x00", b"\x00\x00", b"\x00\x00\x00")

_CHECKED_HEADER_BYTES = HEADER_BYTES - 4
_SALT_AT = HEADER_BYTES - 12


@frozen
class SegmentHeader:
    """The first bytes of a segment.

    Attributes:
        number: the segment's number, as in its file name.
        base_offset: offset in the whole log at which this segment's first record stands. What
            an earlier segment holds at or beyond it is superseded by this segment.
        salt: random; goes into every checksum, so that bytes which a client stored as a value
            can never pass for a record.
    """

    number: int
    base_offset: int
    salt: int

    def encode(self) -> bytes:
        """Return the 40 bytes."""
        head = HEADER.pack(MAGIC, WAL_NEWEST, self.number, self.base_offset, self.salt, 0)
        head = head[:_CHECKED_HEADER_BYTES]
        crc: int = checksum(head)
        return head + crc.to_bytes(4, "big")

    def seed(self) -> int:
        """Return the value that every record's checksum in this segment starts from."""
        return checksum(self.encode())


def decode_header(data: bytes, name: str) -> SegmentHeader | None:
    """Read a segment's header; None if it was never written (all zeros, or nothing there).

    A header whose write failed half-way, before its last two fields, was never written either:
    no record of that segment was acknowledged.

    Raises:
        CorruptionError: no header, or a damaged one.
        FormatVersionError: written by a newer version.
    """
    head = data[:HEADER_BYTES]
    if not head.strip(b"\x00"):
        return None
    if len(head) < HEADER_BYTES or head[:8] != MAGIC:
        raise CorruptionError(name, 0, "no segment header")
    if not head[_SALT_AT:].strip(b"\x00"):
        return None
    _, version, number, base_offset, salt, crc = HEADER.unpack(head)
    if crc != checksum(head[:_CHECKED_HEADER_BYTES]):
        raise CorruptionError(name, 0, "the segment header's checksum does not match")
    if not 1 <= version <= WAL_NEWEST:
        raise FormatVersionError(name, version, WAL_NEWEST)
    return SegmentHeader(number, base_offset, salt)
