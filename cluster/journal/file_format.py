"""Constants of the journal's bytes. These values are on disk; see docs/formats/cluster-journal.md.

file   := header record*
header := magic 8 | format u32 | number u64 | owner 16 | complete u64 | crc u32
record := crc u32 | length u32 | position u32 | durable u32 | kind u8 | payload | padding to 4

`owner` is the id of the node whose records these are. Every checksum of a record begins with that
of the whole header, so a record never passes for one of another file. What tells damage from a
torn end: `complete` is how long the file was when it got its name, all of it on disk by then;
`durable` is how much was certainly on disk when the record was written; `position` is the record's
own place, by which it is found again behind damage.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from attrs import frozen

from cluster.identity import NodeId, id_from_bytes, id_to_bytes
from cluster.journal.records import Record
from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError

MAGIC = b"MERIDJNL"
FORMAT = 1
HEADER = struct.Struct(">8sIQ16sQI")
HEADER_BYTES = HEADER.size  # 48
RECORD = struct.Struct(">IIII")
RECORD_BYTES = RECORD.size  # 16
ALIGNMENT = 4
FILE_BYTES_MAX = (1 << 32) - 1

_RECORD_TAIL = struct.Struct(">IIIB")
_PADDING = (b"", b"\x00", b"\x00\x00", b"\x00\x00\x00")
_CHECKED_HEADER_BYTES = HEADER_BYTES - 4
_NAME = re.compile(r"journal_([0-9]{10})\.log")
_TEMPORARY_NAME = re.compile(r"journal_[0-9]{10}\.log\.tmp")


def file_name(number: int) -> str:
    """Return the name of the journal of this number."""
    return f"journal_{number:010}.log"


def temporary_name(number: int) -> str:
    """Return the name under which that journal is written until it is complete."""
    return file_name(number) + ".tmp"


def file_number(name: str) -> int | None:
    """Return the number of a journal, None if the name is not one of a complete journal."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def is_temporary(name: str) -> bool:
    """Say whether the name is that of a journal which was never completed."""
    return _TEMPORARY_NAME.fullmatch(name) is not None


@frozen
class FileHeader:
    """The first bytes of a file.

    Attributes:
        number: as in the file's name.
        owner: id of the node whose records these are.
        complete_bytes: length of the file when it got that name.
    """

    number: int
    owner: NodeId
    complete_bytes: int

    def encode(self) -> bytes:
        """Return the 48 bytes."""
        owner = id_to_bytes(self.owner)
        head = HEADER.pack(MAGIC, FORMAT, self.number, owner, self.complete_bytes, 0)
        head = head[:_CHECKED_HEADER_BYTES]
        return head + checksum(head).to_bytes(4, "big")

    def seed(self) -> int:
        """Return the value that every record's checksum in this file starts from."""
        return checksum(self.encode())


def decode_header(data: bytes, name: str) -> FileHeader:
    """Return a file's header.

    Raises:
        CorruptionError: no header, or a damaged one.
        FormatVersionError: written by a newer version.
    """
    head = data[:HEADER_BYTES]
    if len(head) < HEADER_BYTES or head[:8] != MAGIC:
        raise CorruptionError(name, 0, "no header of a journal")
    _, version, number, owner, complete_bytes, crc = HEADER.unpack(head)
    if crc != checksum(head[:_CHECKED_HEADER_BYTES]):
        raise CorruptionError(name, 0, "the header's checksum does not match")
    if version != FORMAT:
        raise FormatVersionError(name, version, FORMAT)
    return FileHeader(number, NodeId(id_from_bytes(owner)), complete_bytes)


def encoded_bytes(records: Iterable[Record]) -> int:
    """Return how many bytes these records take in a file."""
    lengths = (1 + len(record.payload) for record in records)
    return sum(RECORD_BYTES + length + (-length & 3) for length in lengths)


def encode_records(records: Iterable[Record], position: int, *, durable: int, seed: int) -> bytes:
    """Return the bytes of records that will stand at `position` of a file.

    Args:
        records: in order.
        position: where the first one begins.
        durable: how much of the file is certainly on disk by now.
        seed: of the file, see `FileHeader.seed`.
    """
    assert position % ALIGNMENT == 0 and durable <= position, (position, durable)
    parts: list[bytes] = []
    for record in records:
        length = 1 + len(record.payload)
        head = _RECORD_TAIL.pack(length, position, durable, record.kind)
        body = head + record.payload + _PADDING[-length & 3]
        parts += (checksum(body, seed).to_bytes(4, "big"), body)
        position += 4 + len(body)
    assert position <= FILE_BYTES_MAX, position
    return b"".join(parts)
