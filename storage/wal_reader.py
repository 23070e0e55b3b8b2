"""Read one segment of the write-ahead log, and judge where it ends.

Records are read from the start until one does not check, or until `limit_offset`, where a later
segment takes over. What follows the last good record is one of three things:

* zeros: the reserved, never written rest. The segment ended cleanly.
* bytes of writes that were never made durable: a torn tail, to be forgotten.
* damage to bytes that *were* durable: corruption, which must not pass silently.

The last two look alike at the place of the damage. What tells them apart is what later records
say: each carries how many bytes before it were not yet durable when it was written. So any good
record behind the damage that knew the damaged place to be durable is a witness of corruption.
`durable_offset` after a damaged end is the highest such knowledge found in the segment.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

from storage.codec import checksum
from storage.errors import CorruptionError
from storage.wal_format import (
    ALIGNMENT,
    HEADER_BYTES,
    RECORD,
    RECORD_BYTES,
    UNSYNCED_MAX,
    SegmentHeader,
    decode_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.files import Mapped


class SegmentReader:
    """Iterates the payloads (batches) of one segment.

    Attributes:
        header: the segment's header.
        end_position: byte position after the last good record, valid after iteration.
        end_offset: the same place as an offset in the whole log.
        durable_offset: highest offset that a good record knew to be durable.
        damage: why reading stopped before zeros or the limit; None if it did not.
    """

    def __init__(self, data: Mapped, name: str, limit_offset: int | None = None) -> None:
        """Read the header.

        Args:
            data: the whole file, as `FileSystem.map` gives it.
            name: file name, for error messages.
            limit_offset: stop at this offset of the log; None reads to the end.

        Raises:
            CorruptionError: the header is missing or damaged.
        """
        header = decode_header(bytes(data[:HEADER_BYTES]), name)
        if header is None:
            raise CorruptionError(name, 0, "the segment was never started")
        self.header: SegmentHeader = header
        self.name = name
        self.end_position = HEADER_BYTES
        self.durable_offset = 0
        self.damage: str | None = None
        self._data = data
        self._seed = header.seed()
        # The file position at which `limit_offset` lies; possibly before the first record.
        total = len(data)
        if limit_offset is not None:
            total = min(total, self._position_of(limit_offset))
        self._stop = total

    @property
    def end_offset(self) -> int:
        """The offset in the whole log after the last good record read."""
        return self.header.base_offset + self.end_position - HEADER_BYTES

    def _position_of(self, offset: int) -> int:
        return offset - self.header.base_offset + HEADER_BYTES

    def payloads(self) -> Iterator[bytes]:
        """Yield the payload of each good record in order; then the attributes are set."""
        position = self.end_position
        while position < self._stop:
            length = self._check(position)
            if length == 0:
                return
            payload_start = position + RECORD_BYTES
            payload = bytes(self._data[payload_start : payload_start + length])
            position = payload_start + length + (-length % ALIGNMENT)
            self.end_position = position
            yield payload

    def _check(self, position: int) -> int:
        """Return the payload length of a good record, 0 at the end; sets `damage`."""
        head = bytes(self._data[position : position + RECORD_BYTES])
        if not head.strip(b"\x00"):
            # Zeros to the end of the file or until the next 4 KB of it: nothing was written
            # here. Bytes further on would be pages of a torn record whose first page was lost.
            if self._rest_is_zero(position):
                return 0
            self.damage = "zeros where a record should begin, but bytes follow"
            return 0
        length = self._valid_length(position)
        if length is None:
            self.damage = "the record's checksum, length or position does not match"
            return 0
        return length

    def _valid_length(self, position: int) -> int | None:
        data = self._data
        if position + RECORD_BYTES > self._stop:
            return None
        crc, length, stored_position, unsynced = RECORD.unpack_from(data, position)
        end = position + RECORD_BYTES + length
        if stored_position != position or length == 0 or end > self._stop:
            return None
        if crc != checksum(bytes(data[position + 4 : end]), self._seed):
            return None
        if unsynced != UNSYNCED_MAX:
            start_offset = self.header.base_offset + position - HEADER_BYTES
            self.durable_offset = max(self.durable_offset, start_offset - unsynced)
        return int(length)

    def _rest_is_zero(self, position: int) -> bool:
        step = 1 << 20
        for start in range(position, self._stop, step):
            chunk = bytes(self._data[start : min(start + step, self._stop)])
            if chunk.strip(b"\x00"):
                return False
        return True

    def witness(self) -> int:
        """Look behind a damaged end for good records; return the highest durable offset known.

        Cost: about a second per 64 MB; paid only when there is damage.
        """
        assert self.damage is not None
        for position in self._candidates():
            self._valid_length(position)
        return self.durable_offset

    def _candidates(self) -> Iterator[int]:
        """Yield places behind the end whose third word is their own position, as a record's is."""
        start = self.end_position
        length = (self._stop - start) // ALIGNMENT * ALIGNMENT
        words = array("I", bytes(self._data[start : start + length]))
        if sys.byteorder == "little":
            words.byteswap()
        expected = start - 2 * ALIGNMENT
        for index, word in enumerate(words):
            if word == expected + index * ALIGNMENT and word >= start:
                yield word
