"""Append records to one segment of the write-ahead log.

One `append` is one write call. If it fails, nothing of it counts: the file position stays, and
the first bytes at it are zeroed, so that a record which did reach the file in full is not replayed
after a crash. If even that fails the writer is `broken`: no more appends here; the next segment's
base offset then tells readers to ignore what stands at the end of this one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from storage.codec import checksum
from storage.wal_format import (
    ALIGNMENT,
    HEADER_BYTES,
    PADDING,
    RECORD_BYTES,
    RECORD_TAIL,
    SEGMENT_BYTES_MAX,
    UNSYNCED_MAX,
    SegmentHeader,
)

if TYPE_CHECKING:
    from storage.files import File

_pack_tail = RECORD_TAIL.pack
_ZERO_HEADER = bytes(RECORD_BYTES)
#: Payloads from this length on are handed to the disk as they are: to copy a megabyte twice was a
#: seventh of what a SET of it costs (2026-11-30).
_PARTS_BYTES_MIN = 1 << 16


class SegmentWriter:
    """The open end of one segment.

    Attributes:
        broken: a failed append could not be undone in the file; rotate before the next one.
        appended_offset: offset in the whole log after the last record.
    """

    __slots__ = ("_seed", "_to_offset", "appended_offset", "broken", "file", "header")

    def __init__(self, file: File, header: SegmentHeader) -> None:
        """Continue a segment whose header is on disk and whose `file.position` is its end."""
        assert file.position >= HEADER_BYTES, file.position
        self.file = file
        self.header = header
        self.broken = False
        self._seed = header.seed()
        self._to_offset = header.base_offset - HEADER_BYTES
        self.appended_offset = file.position + self._to_offset

    @classmethod
    def start(cls, file: File, header: SegmentHeader) -> SegmentWriter:
        """Begin a segment in a reserved file by writing its header.

        Raises:
            OSError: the header could not be written; the file is no segment then.
        """
        file.write_at(0, header.encode())
        file.position = HEADER_BYTES
        return cls(file, header)

    @property
    def number(self) -> int:
        """The segment's number."""
        return self.header.number

    @property
    def position(self) -> int:
        """Bytes of the file that are in use."""
        return self.file.position

    def append(self, payload: bytes, durable_offset: int) -> int:
        """Write one record; return the log offset after it.

        Args:
            payload: at least one byte.
            durable_offset: what is known to be durable of the log.

        Raises:
            OSError: nothing was appended.
        """
        file = self.file
        position = file.position
        length = len(payload)
        unsynced = self.appended_offset - durable_offset
        if unsynced > UNSYNCED_MAX:
            unsynced = UNSYNCED_MAX
        tail = _pack_tail(length, position, unsynced)
        crc = checksum(payload, checksum(tail, self._seed)).to_bytes(4, "big")
        try:
            if length < _PARTS_BYTES_MIN:
                file.append(crc + tail + payload + PADDING[-length & 3])
            else:
                file.append_parts((crc + tail, payload, PADDING[-length & 3]))
        except OSError:
            self._undo()
            raise
        self.appended_offset = end = file.position + self._to_offset
        return end

    def has_room(self, length: int) -> bool:
        """Say whether a record of this payload length can be addressed in this segment."""
        needed = RECORD_BYTES + length + ALIGNMENT
        return self.file.position + needed <= SEGMENT_BYTES_MAX

    def _undo(self) -> None:
        self.broken = True
        with contextlib.suppress(OSError):
            self.file.write_at(self.file.position, _ZERO_HEADER)
            self.broken = False
