"""Appending to a segment, and undoing a failed append."""

from __future__ import annotations

import errno

import pytest

from storage.wal_format import HEADER_BYTES, SEGMENT_BYTES_MAX, SegmentHeader
from storage.wal_reader import SegmentReader
from storage.wal_writer import SegmentWriter
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile, fail_at


def start(files: CrashableFileSystem) -> SegmentWriter:
    """A segment that continues the log at offset 1000."""
    file = files.create("segment")
    file.preallocate(4096)
    return SegmentWriter.start(file, SegmentHeader(1, 1000, 7))


def payloads(files: CrashableFileSystem) -> list[bytes]:
    """What a reader finds now."""
    return list(SegmentReader(files.read("segment"), "segment").payloads())


def test_offsets_grow_by_whole_records() -> None:
    """Offsets count record bytes, padding included, from the segment's base."""
    writer = start(CrashableFileSystem())
    assert writer.appended_offset == 1000
    assert writer.append(b"12345", 1000) == 1000 + 16 + 8
    assert writer.position == HEADER_BYTES + 24


@pytest.mark.parametrize("length", [(1 << 16) - 1, 1 << 16, (1 << 16) + 1, 1 << 20])
def test_long_records_are_written_in_parts(length: int) -> None:
    """And read like any other; one that fails leaves nothing."""
    files = CrashableFileSystem()
    writer = start(files)
    first, failed, last = bytes(length), b"f" * length, b"l" * length
    writer.append(first, 1000)
    offset = writer.appended_offset
    files.on_call = fail_at(files.calls + 1, errno.ENOSPC)
    with pytest.raises(OSError):
        writer.append(failed, 1000)
    assert writer.appended_offset == offset and payloads(files) == [first]
    writer.append(last, 1000)
    assert payloads(files) == [first, last]


def test_failed_append_leaves_nothing() -> None:
    """After an error the record is not there, also not after the next append."""
    files = CrashableFileSystem()
    writer = start(files)
    writer.append(b"kept", 1000)
    offset = writer.appended_offset
    files.on_call = fail_at(files.calls + 1, errno.EIO)
    with pytest.raises(OSError):
        writer.append(b"failed" * 50, 1000)
    assert not writer.broken and offset == writer.appended_offset
    assert payloads(files) == [b"kept"]
    writer.append(b"next", 1000)
    assert payloads(files) == [b"kept", b"next"]


def test_append_that_cannot_be_undone_breaks_the_writer() -> None:
    """If zeroing fails as well, the writer says so."""
    files = CrashableFileSystem()
    writer = start(files)
    files.on_call = FailWhile(errno.EIO, lambda operation, name: True)
    with pytest.raises(OSError):
        writer.append(b"failed", 1000)
    assert writer.broken


def test_room_ends_at_four_gigabytes() -> None:
    """Positions are 32 bits: a record that would end beyond them does not fit."""
    writer = start(CrashableFileSystem())
    assert writer.has_room(1 << 20)
    assert not writer.has_room(SEGMENT_BYTES_MAX)
