"""`meridian-ctl wal dump FILE`: the batches in a segment of the write-ahead log."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from storage.batch_format import OP_PUT, decode_header, decode_range, iterate_effects
from storage.filenames import FileKind
from storage.wal_format import HEADER_BYTES
from storage.wal_format import decode_header as decode_segment_header
from storage.wal_reader import SegmentReader
from tools.ctl.commands import add_command, add_group
from tools.ctl.data_files import open_file
from tools.ctl.entries import describe_put, describe_range
from tools.ctl.output import Failure, Line

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    verbs = add_group(commands, "wal", "segments of the write-ahead log")
    dump = add_command(verbs, "dump", run_dump, "show what was written, batch by batch")
    dump.add_argument("file", nargs="+", help="for example data/segment_0000000001.wal")


def run_dump(options: argparse.Namespace) -> Iterator[Line]:
    """Show every batch of every file with its effects, then how the segment ends.

    Raises:
        Failure: there is no such file, or a segment ends in damage.
    """
    damaged = []
    for path in options.file:
        files, name = open_file(path, FileKind.SEGMENT)
        data = files.map(name)
        if decode_segment_header(bytes(data[:HEADER_BYTES]), name) is None:
            yield Line(f"{name}: reserved, not used yet", {"file": name, "batches": 0})
            continue
        reader = SegmentReader(data, name)
        yield from segment_lines(reader)
        if reader.damage:
            damaged.append(f"{path}: from byte {reader.end_position} on: {reader.damage}")
    if damaged:
        note = "  at the end of the newest segment that is a write cut off by a crash: harmless"
        raise Failure("\n".join([*damaged, note]))


def segment_lines(reader: SegmentReader) -> Iterator[Line]:
    """One segment: its head, its batches with their effects, its end."""
    header = reader.header
    yield Line(
        f"segment {header.number}, begins at offset {header.base_offset} of the log",
        {"segment": header.number, "base_offset": header.base_offset},
    )
    batches = 0
    for payload in reader.payloads():
        batches += 1
        offset = reader.end_offset
        yield batch_line(payload, offset)
        yield from effect_lines(payload)
    end = "in damage" if reader.damage else "cleanly"
    yield Line(
        f"{batches} batches, {reader.end_position} bytes used, ends {end}",
        {"batches": batches, "bytes_used": reader.end_position, "damage": reader.damage},
    )


def batch_line(payload: bytes, end_offset: int) -> Line:
    """The head of a batch."""
    header = decode_header(payload)
    place = f"partition {header.partition}, term {header.term}, sequence {header.sequence}"
    return Line(
        f"batch up to offset {end_offset}: {header.count} effects, {place}",
        {
            "batch_end_offset": end_offset,
            "effects": header.count,
            "partition": header.partition,
            "term": header.term,
            "sequence": header.sequence,
        },
    )


def effect_lines(payload: bytes) -> Iterator[Line]:
    """The effects of a batch."""
    for op, key, value in iterate_effects(payload):
        if op == OP_PUT:
            text, data = describe_put(key, value)
        else:
            text, data = describe_range(key, *decode_range(value))
        yield Line(f"  {text}", data)
