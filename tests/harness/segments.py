"""Segments of the log with given batches, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Iterable

from storage.batch_format import encode_batch
from storage.filenames import segment_name
from storage.files import FileSystem
from storage.records import WriteBatch
from storage.wal_format import SegmentHeader
from storage.wal_writer import SegmentWriter


def write_segment(files: FileSystem, number: int, batches: Iterable[WriteBatch]) -> int:
    """Write a segment of these batches; return the offset of the log after them."""
    file = files.create(segment_name(number))
    writer = SegmentWriter.start(file, SegmentHeader(number, 1000 * number, 77))
    for batch in batches:
        writer.append(encode_batch(batch), 0)
    file.sync()
    file.close()
    return writer.appended_offset
