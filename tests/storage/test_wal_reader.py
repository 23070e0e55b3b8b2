"""Reading a segment: where it ends, and whether that end is innocent."""

from __future__ import annotations

import pytest

from storage.errors import CorruptionError
from storage.wal_format import HEADER_BYTES, SegmentHeader
from storage.wal_reader import SegmentReader
from storage.wal_writer import SegmentWriter
from tests.harness.crashable_files import CrashableFileSystem

PAYLOADS = [b"first", b"second record", b"x" * 700, b"last"]
SIZE = 4096


def make_segment(synced: int = 0, base_offset: int = 100) -> tuple[bytearray, list[int]]:
    """A reserved segment with PAYLOADS, and the positions before each and after the last.

    The first `synced` records were durable when the following ones were written.
    """
    files = CrashableFileSystem()
    file = files.create("segment")
    file.preallocate(SIZE)
    writer = SegmentWriter.start(file, SegmentHeader(1, base_offset, 42))
    positions = [writer.position]
    durable = base_offset
    for index, payload in enumerate(PAYLOADS):
        end = writer.append(payload, durable)
        if index < synced:
            durable = end
        positions.append(writer.position)
    return bytearray(files.read("segment")), positions


def read(data: bytearray, limit: int | None = None) -> tuple[list[bytes], SegmentReader]:
    """All payloads, and the reader behind them."""
    reader = SegmentReader(bytes(data), "segment", limit)
    return list(reader.payloads()), reader


def test_clean_end() -> None:
    """All records are read; the reserved rest is a clean end."""
    data, positions = make_segment()
    payloads, reader = read(data)
    assert payloads == PAYLOADS
    assert reader.damage is None
    assert positions[-1] == reader.end_position
    assert 100 + positions[-1] - HEADER_BYTES == reader.end_offset


def test_end_of_file_directly_behind_the_last_record() -> None:
    """A segment filled to its last byte ends cleanly too."""
    data, positions = make_segment()
    payloads, reader = read(data[: positions[-1]])
    assert payloads == PAYLOADS and reader.damage is None


@pytest.mark.parametrize("index", range(len(PAYLOADS)))
def test_every_damaged_byte_ends_reading_before_its_record(index: int) -> None:
    """Whichever byte of a record is wrong, the records before it are read and it is not."""
    data, positions = make_segment()
    record = range(positions[index], positions[index] + 16 + len(PAYLOADS[index]))
    for place in [*record[:24], record[-1]]:
        damaged = bytearray(data)
        damaged[place] ^= 0x40
        payloads, reader = read(damaged)
        assert PAYLOADS[:index] == payloads, place
        assert reader.damage is not None
        assert positions[index] == reader.end_position


def test_torn_tail_has_no_witness() -> None:
    """If nothing was synced, damage in the middle is a torn tail."""
    data, positions = make_segment(synced=0)
    data[positions[1] + 20] ^= 1
    _, reader = read(data)
    assert reader.witness() <= reader.end_offset


def test_damage_to_durable_bytes_has_a_witness() -> None:
    """A later record that knew the place to be durable proves corruption."""
    data, positions = make_segment(synced=2)
    data[positions[1] + 20] ^= 1
    _, reader = read(data)
    assert reader.end_offset < reader.witness() == 100 + positions[2] - HEADER_BYTES


def test_lost_first_page_of_a_torn_record_is_not_a_clean_end() -> None:
    """Zeros with bytes behind them are damage, not the end."""
    data, positions = make_segment()
    data[positions[2] : positions[2] + 512] = bytes(512)
    payloads, reader = read(data)
    assert PAYLOADS[:2] == payloads and reader.damage is not None


def test_limit_cuts_superseded_records() -> None:
    """Records at or behind the limit do not count, and that is no damage."""
    data, positions = make_segment()
    limit = 100 + positions[2] - HEADER_BYTES
    payloads, reader = read(data, limit)
    assert PAYLOADS[:2] == payloads
    assert reader.damage is None and limit == reader.end_offset
    payloads, reader = read(data, 50)
    assert payloads == [] and reader.damage is None


def test_record_inside_a_value_is_never_replayed() -> None:
    """A client that stores the bytes of a segment as a value cannot forge a record.

    The outer record is torn away; the copy inside it lies at another position and was made with
    another salt.
    """
    inner, _ = make_segment()
    files = CrashableFileSystem()
    file = files.create("segment")
    writer = SegmentWriter.start(file, SegmentHeader(1, 100, 43))
    writer.append(bytes(inner[HEADER_BYTES:]), 100)
    data = bytearray(files.read("segment"))
    data[HEADER_BYTES : HEADER_BYTES + 16] = bytes(16)
    payloads, reader = read(data)
    assert payloads == []
    assert reader.witness() == 0


def test_segment_without_header_is_refused() -> None:
    """Reading a segment that was never started is a mistake of the caller's or of the disk."""
    with pytest.raises(CorruptionError):
        SegmentReader(bytes(100), "segment")
