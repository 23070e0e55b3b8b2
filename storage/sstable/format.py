"""Constants of a table file's bytes. These values are on disk; see docs/formats/sstable.md.

table   := data block* | filter | ranges | index | properties | footer
block   := payload | compression u8 | crc32c u32          (crc over payload and compression)
footer  := section * 4 | format u32 | crc32c u32 | magic 8
section := offset u64 | length u64 | crc32c u32
"""

from __future__ import annotations

import struct

from attrs import frozen

from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError
from storage.files import Mapped

FORMAT = 1
MAGIC = b"MERIDSST"

COMPRESSION_NONE = 0
COMPRESSION_ZSTD = 1

BLOCK_TRAILER = struct.Struct(">BI")
BLOCK_TRAILER_BYTES = BLOCK_TRAILER.size  # 5

_SECTION = struct.Struct(">QQI")
_TAIL = struct.Struct(">II8s")
_SECTIONS = 4
FOOTER_BYTES = _SECTIONS * _SECTION.size + _TAIL.size  # 96


@frozen
class Section:
    """Where one part of the file lies, and its checksum."""

    offset: int
    length: int
    crc: int

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.offset + self.length


@frozen
class Footer:
    """The last bytes of a table: where everything else is. `filter` may have length 0."""

    filter: Section
    ranges: Section
    index: Section
    properties: Section

    def encode(self) -> bytes:
        """Return the 96 bytes."""
        sections = (self.filter, self.ranges, self.index, self.properties)
        head = b"".join(_SECTION.pack(part.offset, part.length, part.crc) for part in sections)
        head += FORMAT.to_bytes(4, "big")
        return head + checksum(head).to_bytes(4, "big") + MAGIC


def decode_footer(data: Mapped, name: str) -> Footer:
    """Read the footer of a whole table file and check that the sections tile the file.

    Raises:
        CorruptionError: there is no intact footer.
        FormatVersionError: written by a newer version.
    """
    start = len(data) - FOOTER_BYTES
    if start < 0:
        raise CorruptionError(name, None, f"{len(data)} bytes are too few for a table")
    raw = bytes(data[start:])
    version, crc, magic = _TAIL.unpack_from(raw, FOOTER_BYTES - _TAIL.size)
    if magic != MAGIC:
        raise CorruptionError(name, start, "the footer's magic does not match")
    if crc != checksum(raw[: FOOTER_BYTES - 12]):
        raise CorruptionError(name, start, "the footer's checksum does not match")
    if version != FORMAT:
        raise FormatVersionError(name, version, FORMAT)
    parts = [Section(*_SECTION.unpack_from(raw, index * _SECTION.size)) for index in range(4)]
    ends = [part.end for part in parts]
    if [part.offset for part in parts[1:]] + [start] != ends:
        raise CorruptionError(name, start, "the sections do not follow one another")
    return Footer(*parts)


def read_section(data: Mapped, section: Section, name: str) -> bytes:
    """Return a section's bytes.

    Raises:
        CorruptionError: the checksum does not match.
    """
    raw = bytes(data[section.offset : section.end])
    if len(raw) != section.length or checksum(raw) != section.crc:
        raise CorruptionError(name, section.offset, "a section's checksum does not match")
    return raw
