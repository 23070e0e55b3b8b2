"""What the manifest knows of a table: `TableMetadata` and its bytes.

The same bytes are the table's own properties section, with `size` 0 there (the size is the file's
length), so that a directory without a manifest can be understood again.
"""

from __future__ import annotations

from attrs import evolve, field, frozen

from storage.codec import decode_blob, decode_varint, encode_blob, encode_varint
from storage.errors import CorruptionError, FormatVersionError

FORMAT = 1


@frozen
class TableMetadata:
    """One immutable table file.

    Attributes:
        number: file number; the name is `filenames.table_name(number)`.
        size: length of the file in bytes.
        smallest: no key and no range tombstone of the table begins before this.
        largest: no key of the table is greater than this (the end of a range tombstone may be
            this, and is excluded).
        end: the exact bound above: everything in the table lies in `[smallest, end)`.
        entries: records, tombstones included.
        tombstones: records that mark a deletion.
        range_tombstones: fragments of range tombstones.
        oldest_version: lowest version of any record or range tombstone; 0 for an empty table.
        newest_version: highest of them.
        raw_bytes: bytes of all keys and records, before compression.
        created_ms: wall clock when it was written, ms since 1970.
    """

    number: int
    size: int
    smallest: bytes
    largest: bytes
    end: bytes = field(repr=False)
    entries: int = 0
    tombstones: int = 0
    range_tombstones: int = 0
    oldest_version: int = 0
    newest_version: int = 0
    raw_bytes: int = 0
    created_ms: int = 0

    def overlaps(self, start: bytes, end: bytes) -> bool:
        """Say whether the table may hold something in `[start, end)`."""
        return self.smallest < end and start < self.end

    def with_size(self, size: int) -> TableMetadata:
        """Return the same with another size."""
        return evolve(self, size=size)


def encode_metadata(metadata: TableMetadata) -> bytes:
    """Return the bytes of a table's metadata."""
    numbers = (
        metadata.number,
        metadata.size,
        metadata.entries,
        metadata.tombstones,
        metadata.range_tombstones,
        metadata.oldest_version,
        metadata.newest_version,
        metadata.raw_bytes,
        metadata.created_ms,
    )
    keys = (metadata.smallest, metadata.largest, metadata.end)
    head = bytes((FORMAT,)) + b"".join(map(encode_varint, numbers))
    return head + b"".join(map(encode_blob, keys))


def decode_metadata(data: bytes) -> TableMetadata:
    """Read a table's metadata; all of `data` must be it.

    Raises:
        CorruptionError: the bytes do not parse.
        FormatVersionError: written by a newer version.
    """
    if not data:
        raise CorruptionError("", 0, "table metadata is missing")
    if data[0] != FORMAT:
        raise FormatVersionError("table metadata", data[0], FORMAT)
    offset = 1
    numbers: list[int] = []
    for _ in range(9):
        value, offset = decode_varint(data, offset)
        numbers.append(value)
    smallest, offset = decode_blob(data, offset)
    largest, offset = decode_blob(data, offset)
    end, offset = decode_blob(data, offset)
    if offset != len(data):
        raise CorruptionError("", offset, "bytes follow the table metadata")
    number, size, *counts = numbers
    return TableMetadata(number, size, smallest, largest, end, *counts)
