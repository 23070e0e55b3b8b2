"""A version edit: one atomic change of what the store consists of, and its bytes.

    edit  := format u8 = 1 | field*
    field := tag varint | blob
    tag   := 1 table added        level varint | table metadata
           | 2 table removed      level varint | file number varint
           | 3 segments obsolete  first varint | last varint
           | 4 next file number   varint
           | 5 named value        name blob | value
           | 6 compaction pointer level varint | storage key
           | 7 segments forgotten first varint | last varint

Order within an edit: removals happen before additions, so that a table can move between levels
in one edit; tables added to level 0 are named oldest first. A reader refuses tags it does not
know: an edit that is half understood is a lost table. Checksums are the log's (manifest/log.py).

These bytes are on disk; see docs/formats/manifest.md.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from attrs import Factory, frozen

from storage.codec import decode_blob, decode_varint, encode_blob, encode_varint
from storage.errors import CorruptionError, FormatVersionError
from storage.sstable.metadata import TableMetadata, decode_metadata, encode_metadata

FORMAT = 1


class Tag(enum.IntEnum):
    """Kinds of fields. The numbers are on disk: never change or reuse one."""

    ADDED = 1
    REMOVED = 2
    SEGMENTS_OBSOLETE = 3
    NEXT_FILE_NUMBER = 4
    VALUE = 5
    POINTER = 6
    SEGMENTS_FORGOTTEN = 7


@frozen
class AddedTable:
    """A table that joins a level."""

    level: int
    table: TableMetadata


@frozen
class RemovedTable:
    """A table that leaves a level (its file goes when no reader needs it any more)."""

    level: int
    number: int


@frozen
class CompactionPointer:
    """Where the next compaction of a level goes on: behind this key."""

    level: int
    key: bytes


@frozen
class VersionEdit:
    """One atomic change.

    Attributes:
        added: tables that join, for level 0 oldest first.
        removed: tables that leave.
        obsolete_segments: WAL segments whose content is in tables now: not to be replayed.
        forgotten_segments: obsolete segments whose files are durably gone: need no remembering.
        next_file_number: greater than every file number in use; None leaves it.
        values: named values that the engine stores; they replace those of the same name.
        pointers: compaction pointers that changed.
    """

    added: tuple[AddedTable, ...] = ()
    removed: tuple[RemovedTable, ...] = ()
    obsolete_segments: tuple[int, ...] = ()
    forgotten_segments: tuple[int, ...] = ()
    next_file_number: int | None = None
    values: Mapping[str, bytes] = Factory(dict)
    pointers: tuple[CompactionPointer, ...] = ()


def encode_edit(edit: VersionEdit) -> bytes:
    """Return the bytes of an edit."""
    parts = [bytes((FORMAT,))]
    for removed in edit.removed:
        numbers = encode_varint(removed.level) + encode_varint(removed.number)
        parts.append(_field(Tag.REMOVED, numbers))
    for added in edit.added:
        body = encode_varint(added.level) + encode_metadata(added.table)
        parts.append(_field(Tag.ADDED, body))
    for tag, segments in (
        (Tag.SEGMENTS_OBSOLETE, edit.obsolete_segments),
        (Tag.SEGMENTS_FORGOTTEN, edit.forgotten_segments),
    ):
        for first, last in runs(segments):
            parts.append(_field(tag, encode_varint(first) + encode_varint(last)))
    if edit.next_file_number is not None:
        parts.append(_field(Tag.NEXT_FILE_NUMBER, encode_varint(edit.next_file_number)))
    for name, value in edit.values.items():
        parts.append(_field(Tag.VALUE, encode_blob(name.encode()) + value))
    for pointer in edit.pointers:
        parts.append(_field(Tag.POINTER, encode_varint(pointer.level) + pointer.key))
    return b"".join(parts)


def decode_edit(data: bytes) -> VersionEdit:
    """Read an edit.

    Raises:
        CorruptionError: the bytes do not parse.
        FormatVersionError: a format or field this build does not know.
    """
    if not data:
        raise CorruptionError("", 0, "an edit is empty")
    if data[0] != FORMAT:
        raise FormatVersionError("version edit", data[0], FORMAT)
    reader = _EditReader()
    offset = 1
    while offset < len(data):
        tag, offset = decode_varint(data, offset)
        body, offset = decode_blob(data, offset)
        reader.take(tag, body)
    return reader.edit()


class _EditReader:
    """Collects the fields of one edit."""

    def __init__(self) -> None:
        self._added: list[AddedTable] = []
        self._removed: list[RemovedTable] = []
        self._obsolete: list[int] = []
        self._forgotten: list[int] = []
        self._next_file_number: int | None = None
        self._values: dict[str, bytes] = {}
        self._pointers: list[CompactionPointer] = []

    def take(self, tag: int, body: bytes) -> None:
        """Take one field in."""
        if tag == Tag.ADDED:
            level, offset = decode_varint(body)
            self._added.append(AddedTable(level, decode_metadata(body[offset:])))
        elif tag == Tag.REMOVED:
            level, number = _two_numbers(body)
            self._removed.append(RemovedTable(level, number))
        elif tag == Tag.SEGMENTS_OBSOLETE:
            self._obsolete += _segments(body)
        elif tag == Tag.SEGMENTS_FORGOTTEN:
            self._forgotten += _segments(body)
        elif tag == Tag.NEXT_FILE_NUMBER:
            self._next_file_number, _ = decode_varint(body)
        elif tag == Tag.VALUE:
            name, offset = decode_blob(body)
            self._values[_text(name)] = body[offset:]
        elif tag == Tag.POINTER:
            level, offset = decode_varint(body)
            self._pointers.append(CompactionPointer(level, body[offset:]))
        else:
            raise FormatVersionError("version edit field", tag, max(Tag))

    def edit(self) -> VersionEdit:
        """Return the edit."""
        return VersionEdit(
            added=tuple(self._added),
            removed=tuple(self._removed),
            obsolete_segments=tuple(self._obsolete),
            forgotten_segments=tuple(self._forgotten),
            next_file_number=self._next_file_number,
            values=self._values,
            pointers=tuple(self._pointers),
        )


_SEGMENTS_PER_RUN_MAX = 1 << 24


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the numbers as sorted (first, last) runs of neighbours."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _field(tag: Tag, body: bytes) -> bytes:
    return encode_varint(tag) + encode_blob(body)


def _two_numbers(body: bytes) -> tuple[int, int]:
    first, offset = decode_varint(body)
    second, offset = decode_varint(body, offset)
    if offset != len(body):
        raise CorruptionError("", offset, "bytes follow the numbers of an edit's field")
    return first, second


def _segments(body: bytes) -> range:
    first, last = _two_numbers(body)
    if not 0 <= last - first < _SEGMENTS_PER_RUN_MAX:
        raise CorruptionError("", None, f"an edit names the segments {first} to {last}")
    return range(first, last + 1)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise CorruptionError("", None, f"the name {name!r} of a value is no text") from error
