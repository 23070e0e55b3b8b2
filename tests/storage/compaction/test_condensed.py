"""The bytes of a condensed segment: what is read is what was written, or an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.compaction.condensed import encode_piece, read_pieces
from storage.errors import CorruptionError

BYTES = st.binary(max_size=40)
PIECES = st.lists(st.lists(st.tuples(BYTES, BYTES), min_size=1, max_size=5), max_size=5)


@given(PIECES)
def test_pieces_come_back(pieces: list[list[tuple[bytes, bytes]]]) -> None:
    """In their order, each with the bytes that it takes."""
    split = [([key for key, _ in piece], [record for _, record in piece]) for piece in pieces]
    data = b"".join([encode_piece(keys, records) for keys, records in split])
    found = list(read_pieces(data, "name", len(data)))
    assert [(keys, records) for _, keys, records in found] == split
    assert sum(size for size, _, _ in found) == len(data)


@given(st.data())
def test_damage_is_found(data: st.DataObject) -> None:
    """A changed byte, a missing end and a longer file are errors, and nothing else comes out."""
    whole = encode_piece([b"a", b"b"], [b"1", b"2"]) + encode_piece([b"c"], [b"3"])
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    damaged = bytearray(whole)
    damaged[place] ^= change
    with pytest.raises(CorruptionError, match="name"):
        list(read_pieces(bytes(damaged), "name", len(whole)))
    with pytest.raises(CorruptionError, match="were written"):
        list(read_pieces(whole[:place], "name", len(whole)))
    with pytest.raises(CorruptionError, match="were written"):
        list(read_pieces(whole + b"\0", "name", len(whole)))
