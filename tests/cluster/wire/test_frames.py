from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.frames import HEADER, KEEPALIVE, FrameReader, encode_frame

bodies_of = st.lists(st.binary(max_size=300), max_size=8)


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes cut at these places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


@given(bodies_of, st.lists(st.integers(0, 5000), max_size=20))
def test_frames_are_found_however_they_are_cut(bodies: list[bytes], cuts: list[int]) -> None:
    """The pieces in which a stream arrives mean nothing; both ways of reading agree."""
    stream = b"".join(map(encode_frame, bodies))
    reader, stepper = FrameReader(), FrameReader()
    found: list[bytes] = []
    stepped: list[bytes] = []
    for piece in pieces_of(stream, cuts):
        found += reader.feed(piece)
        stepper.push(piece)
        while (body := stepper.next()) is not None:
            stepped.append(body)
    assert found == stepped == bodies
    assert not reader.failure and reader.buffered_bytes == 0


@given(bodies_of, st.binary(max_size=40))
def test_the_rest_is_what_no_frame_was_made_of(bodies: list[bytes], tail: bytes) -> None:
    """What follows a handshake in the same piece is not lost."""
    reader = FrameReader()
    start = HEADER.pack(1000, 0) + tail
    assert reader.feed(b"".join(map(encode_frame, bodies)) + start) == bodies
    assert reader.buffered_bytes == len(start)
    assert reader.rest() == start and reader.rest() == b""


def test_a_length_above_the_bound_is_refused_before_anything_is_kept() -> None:
    """Four bytes must not reserve gigabytes; what came before still counts."""
    reader = FrameReader(100)
    tracemalloc.start()
    try:
        assert reader.feed(encode_frame(b"a") + HEADER.pack(0xFFFFFFFF, 0)) == [b"a"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reader.failure == "oversize" and reader.buffered_bytes == 0 and peak < 10_000
    assert reader.feed(encode_frame(b"b")) == []


def test_a_whole_frame_above_the_bound_is_refused_too() -> None:
    """That all of it is there already makes it no better."""
    for is_fed in (True, False):
        reader = FrameReader(4)
        if is_fed:
            assert reader.feed(encode_frame(b"1234") + encode_frame(b"12345")) == [b"1234"]
        else:
            reader.push(encode_frame(b"12345"))
            assert reader.next() is None
        assert reader.failure == "oversize"


def test_small_pieces_cost_no_more_than_their_bytes() -> None:
    """A stranger who sends two bytes at a time is not given forty for them."""
    reader = FrameReader()
    reader.feed(HEADER.pack(1 << 20, 0))
    tracemalloc.start()
    try:
        for _ in range(50_000):
            reader.feed(b"ab")
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 250_000


def test_a_wrong_checksum_ends_the_stream() -> None:
    """What follows can't be trusted to begin where it seems to."""
    damaged = bytearray(encode_frame(b"abc"))
    damaged[-1] ^= 1
    reader = FrameReader()
    assert reader.feed(encode_frame(b"x") + bytes(damaged) + encode_frame(b"y")) == [b"x"]
    assert reader.failure == "checksum"
    reader.push(encode_frame(b"z"))
    assert reader.next() is None


def test_a_keepalive_is_an_empty_frame() -> None:
    """It needs no message of its own."""
    assert encode_frame(b"") == KEEPALIVE
    assert FrameReader().feed(KEEPALIVE * 2) == [b"", b""]


@given(st.lists(st.binary(max_size=50), max_size=10), st.integers(0, 64))
def test_any_bytes_give_frames_or_a_failure_and_nothing_else(
    pieces: list[bytes], bound: int
) -> None:
    """No bytes raise, and never is more kept than a frame may have."""
    reader = FrameReader(bound)
    for piece in pieces:
        for body in reader.feed(piece):
            assert len(body) <= bound
        assert reader.buffered_bytes <= bound + HEADER.size
        assert reader.failure in ("", "oversize", "checksum")


def test_a_body_above_the_bound_is_a_mistake_of_ours() -> None:
    """Senders look at the size first."""
    with pytest.raises(AssertionError):
        encode_frame(bytes((16 << 20) + 1))
