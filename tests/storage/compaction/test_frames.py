"""Messages to and from workers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.compaction.frames import (
    HEAD_BYTES,
    Kind,
    decode_error,
    decode_head,
    encode_error,
    encode_message,
)
from storage.errors import CorruptionError, WorkerError


@given(st.sampled_from(Kind), st.binary(max_size=20), st.booleans())
def test_messages_round_trip(kind, body, leaving):
    """Length, kind and the sign of leaving come back from the head."""
    message = encode_message(kind, body, leaving=leaving)
    assert (len(body), kind, leaving) == decode_head(message[:HEAD_BYTES])
    assert body == message[HEAD_BYTES:]


@given(st.binary(min_size=HEAD_BYTES, max_size=HEAD_BYTES))
def test_garbage_heads(head):
    """Any five bytes are a head with a sane length, or corruption."""
    try:
        length, _, _ = decode_head(head)
    except CorruptionError:
        return
    assert 0 <= length <= 64 << 20


def test_errors_arrive_as_what_they_are():
    """Corruption keeps its place, a system error its number, anything else its text."""
    for offset in (None, 0, 70):
        told = decode_error(*encode_error(CorruptionError("t", offset, "bad"), ""), "flush")
        assert isinstance(told, CorruptionError)
        assert ("t", offset, "bad") == (told.name, told.offset, told.detail)
    told = decode_error(*encode_error(OSError(28, "No space left"), ""), "flush")
    assert isinstance(told, OSError) and (told.errno, told.strerror) == (28, "No space left")
    told = decode_error(*encode_error(ValueError("odd"), "Traceback: odd"), "flush")
    assert isinstance(told, WorkerError) and (told.job, told.detail) == ("flush", "Traceback: odd")


def test_oversized_messages_are_refused():
    """A length beyond the bound is not waited for."""
    with pytest.raises(CorruptionError):
        decode_head(b"\xff\xff\xff\xff\x01")
