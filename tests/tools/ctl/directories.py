"""A small data directory, written by storage's own writers: a table, a manifest, two segments."""

from __future__ import annotations

from pathlib import Path

from storage.batch_format import encode_batch
from storage.filenames import segment_name, table_name
from storage.keys import element_key, metadata_key, system_key
from storage.manifest.edit import AddedTable, VersionEdit
from storage.manifest.log import open_manifest
from storage.options import TableOptions
from storage.os_files import OsFileSystem
from storage.records import (
    Record,
    RecordType,
    WriteBatch,
    encode_record,
    encode_string,
    encode_tombstone,
)
from storage.sstable.builder import TableBuilder
from storage.wal_format import HEADER_BYTES, SegmentHeader
from storage.wal_writer import SegmentWriter

#: 2024-01-02T03:04:05.678Z, counter 9.
VERSION = (1704164645678 << 16) | 9
TABLE = table_name(1)
FIRST_SEGMENT = segment_name(1)
LAST_SEGMENT = segment_name(2)

SET_KEY = metadata_key(0, b"colours")
SET_RECORD = encode_record(
    Record(VERSION, type=RecordType.SET, generation=3, expiry_ms=1704164645678)
)


def make_directory(path: Path) -> Path:
    """Write the directory and return it."""
    files = OsFileSystem(str(path))
    entries = {
        metadata_key(0, b"key:%d" % n): encode_string(VERSION, b"v%d" % n) for n in range(9)
    }
    entries[SET_KEY] = SET_RECORD
    entries[element_key(SET_KEY, 3, 1, b"red")] = encode_string(VERSION, b"")
    entries[system_key("keyspaces")] = encode_string(VERSION, b"\x00")
    manifest = open_manifest(files)
    builder = TableBuilder(files.create(TABLE), TableOptions(block_bytes=64), number=1)
    for key in sorted(entries):
        builder.add(key, entries[key])
    manifest.append(VersionEdit(added=(AddedTable(0, builder.finish()),)))
    manifest.close()
    base = write_segment(files, 1, 0)
    write_segment(files, 2, base)
    return path


def write_segment(files: OsFileSystem, number: int, base_offset: int) -> int:
    """Write a segment with two batches and reserved room behind; returns the log's end."""
    file = files.create(segment_name(number))
    file.preallocate(4096)
    writer = SegmentWriter.start(file, SegmentHeader(number, base_offset, salt=77))
    first = WriteBatch()
    first.put(metadata_key(0, b"a\x00\xff"), encode_string(VERSION, b'quote " and \xfe'))
    first.put(metadata_key(2, b"gone"), encode_tombstone(VERSION, 1))
    second = WriteBatch()
    second.delete_range(b"\x00\x01", b"\x00\x02", VERSION)
    writer.append(encode_batch(first), base_offset)
    end = writer.append(encode_batch(second), base_offset)
    file.sync()
    file.close()
    return end


def damage(path: Path, position: int) -> None:
    """Turn all bits of one byte of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(data)


def first_record_position() -> int:
    """A byte inside the first record of a segment."""
    return HEADER_BYTES + 20
