"""Varints and blobs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.codec import (
    U64_MAX,
    checksum,
    decode_blob,
    decode_varint,
    encode_blob,
    encode_varint,
)
from storage.errors import CorruptionError


@given(st.integers(0, U64_MAX), st.binary(max_size=5), st.binary(max_size=5))
def test_varint_round_trip(value: int, before: bytes, after: bytes) -> None:
    """A varint reads back at any place and says where it ends."""
    data = before + encode_varint(value) + after
    assert (value, len(data) - len(after)) == decode_varint(data, len(before))


@given(st.integers(0, U64_MAX))
def test_varint_cut_short(value: int) -> None:
    """Every proper prefix of a varint is damage, not another number."""
    data = encode_varint(value)
    for end in range(len(data)):
        with pytest.raises(CorruptionError):
            decode_varint(data[:end])


def test_varint_beyond_64_bits() -> None:
    """Ten bytes that exceed 64 bits, and eleven bytes, are refused."""
    with pytest.raises(CorruptionError):
        decode_varint(b"\xff" * 9 + b"\x02")
    with pytest.raises(CorruptionError):
        decode_varint(b"\xff" * 10 + b"\x01")


@given(st.binary(max_size=300))
def test_blob_round_trip(value: bytes) -> None:
    """A blob reads back; one byte less is damage."""
    data = encode_blob(value)
    assert (value, len(data)) == decode_blob(data)
    with pytest.raises(CorruptionError):
        decode_blob(data[:-1])


def test_checksum_is_castagnoli() -> None:
    """The checksum is CRC-32C, whose check value is published (RFC 3720, B.4)."""
    assert checksum(b"123456789") == 0xE3069283
    assert checksum(b"6789", checksum(b"12345")) == 0xE3069283
