"""Read one file of the journal, and judge where it ends.

Records are read until one does not check. Nothing behind it: the file ended there. Otherwise two
things look alike at that place: bytes of a write that was never made durable (a torn end, to be
forgotten) and damage to bytes that *were* durable, which must not pass silently: a node that
forgets its vote votes twice. What tells them apart: the header says how much was on disk when the
file got its name, and each record how much was when it was written. So a sound record behind the
damage that knew the damaged place to be durable is a witness against the disk.

The last write cannot have a witness: damage to it later on passes for a torn end. (Opening a
journal writes a new file, so only what was written last in the last life is meant.)
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

from attrs import frozen

from cluster.journal.file_format import (
    ALIGNMENT,
    HEADER_BYTES,
    RECORD,
    RECORD_BYTES,
    FileHeader,
    decode_header,
)
from cluster.journal.records import Record, RecordKind
from storage.codec import checksum
from storage.errors import CorruptionError


@frozen
class FileContent:
    """What a file of the journal holds.

    Attributes:
        header: its header.
        records: in order.
        end: position after the last sound record.
        torn_bytes: how many bytes stand behind it; they were never durable.
    """

    header: FileHeader
    records: tuple[Record, ...]
    end: int
    torn_bytes: int


def read_file(data: bytes, name: str) -> FileContent:
    """Return the content of a file.

    Args:
        data: the whole file.
        name: for error messages.

    Raises:
        CorruptionError: damage to durable bytes, or a kind of record that is not known.
        FormatVersionError: written by a newer version.
    """
    header = decode_header(data, name)
    reader = _Reader(data, header.seed())
    records: list[Record] = []
    position = HEADER_BYTES
    while position < len(data) and (end := reader.end_of(position)) is not None:
        records.append(_record(data, position, name))
        position = end
    durable = header.complete_bytes
    if position < len(data):
        durable = max(durable, reader.durable_behind(position))
    if position < durable:
        raise CorruptionError(name, position, "a record that was durable does not check any more")
    return FileContent(header, tuple(records), position, len(data) - position)


def _record(data: bytes, position: int, name: str) -> Record:
    _, length, _, _ = RECORD.unpack_from(data, position)
    start = position + RECORD_BYTES
    try:
        kind = RecordKind(data[start])
    except ValueError:
        text = f"a record of the unknown kind {data[start]}; was it written by a newer version?"
        raise CorruptionError(name, position, text) from None
    return Record(kind, data[start + 1 : start + length])


class _Reader:
    """Checks records at given places."""

    def __init__(self, data: bytes, seed: int) -> None:
        self._data = data
        self._seed = seed

    def end_of(self, position: int) -> int | None:
        """Return where the sound record at this place ends; None if there is none."""
        data = self._data
        if position + RECORD_BYTES > len(data):
            return None
        crc, length, stored_position, durable = RECORD.unpack_from(data, position)
        end = position + RECORD_BYTES + length + (-length % ALIGNMENT)
        if stored_position != position or length == 0 or end > len(data) or durable > position:
            return None
        return end if crc == checksum(data[position + 4 : end], self._seed) else None

    def durable_behind(self, start: int) -> int:
        """Return the most that a sound record from `start` on knew to be durable, else 0."""
        known = 0
        for position in self._candidates(start):
            if self.end_of(position) is not None:
                known = max(known, RECORD.unpack_from(self._data, position)[3])
        return known

    def _candidates(self, start: int) -> Iterator[int]:
        """Yield places whose third word is their own position, as a record's is."""
        length = (len(self._data) - start) // ALIGNMENT * ALIGNMENT
        words = array("I", self._data[start : start + length])
        if sys.byteorder == "little":
            words.byteswap()
        expected = start - 2 * ALIGNMENT
        for index, word in enumerate(words):
            if word == expected + index * ALIGNMENT and word >= start:
                yield word
