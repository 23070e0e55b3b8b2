"""The segment header."""

from __future__ import annotations

import pytest

from storage.errors import CorruptionError, FormatVersionError
from storage.wal_format import HEADER_BYTES, SegmentHeader, decode_header


def test_header_round_trip() -> None:
    """A header reads back and has the documented length."""
    header = SegmentHeader(3, 1 << 40, 0x0123456789ABCDEF)
    data = header.encode()
    assert HEADER_BYTES == len(data) == 40
    assert header == decode_header(data + b"rest", "name")


def test_reserved_segment_has_no_header() -> None:
    """Zeros, or an empty file, are a segment that was never started."""
    assert decode_header(bytes(HEADER_BYTES), "name") is None
    assert decode_header(b"", "name") is None


def test_header_that_was_cut_short_is_none() -> None:
    """A header whose write ended before its salt was never written."""
    data = SegmentHeader(3, 4, 5).encode()
    assert decode_header(data[:20] + bytes(20), "name") is None


@pytest.mark.parametrize("place", range(HEADER_BYTES))
def test_every_flipped_bit_is_noticed(place: int) -> None:
    """A damaged header never passes for another one."""
    data = bytearray(SegmentHeader(3, 4, 5).encode())
    data[place] ^= 0x10
    with pytest.raises((CorruptionError, FormatVersionError)):
        decode_header(bytes(data), "name")


def test_salt_changes_the_seed() -> None:
    """Records of two segments that differ in their salt only do not check in each other."""
    assert SegmentHeader(1, 0, 1).seed() != SegmentHeader(1, 0, 2).seed()
