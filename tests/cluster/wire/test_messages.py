"""Messages between nodes: every kind survives its bytes, and no other bytes are taken."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.messages import (
    ClaimsReply,
    Forward,
    PeerMessage,
    ProposalReply,
    WireError,
    decode_message,
    encode_message,
)


def test_every_message_has_a_tag_of_its_own() -> None:
    """No two kinds of message may be taken for each other."""
    tags = [kind.__struct_config__.tag for kind in get_args(PeerMessage)]
    assert len(tags) == len(set(tags))
    assert all(isinstance(tag, int) and 0 < tag < 40 for tag in tags)


@pytest.mark.parametrize(
    "message",
    [
        ClaimsReply(7, [(0, 100), (200, 200)], 3, has_data=True, is_bound=False),
        ProposalReply(1 << 63, 2, "not the leader", 12, b"n" * 16),
        Forward(1, 2, 3, 5000, 3, "QUORUM", [[b"SET", b"k", b"v"]], True, [(b"k", 9)], 12),
    ],
)
def test_a_message_survives_its_bytes(message: PeerMessage) -> None:
    """Decoding gives back what was encoded."""
    assert decode_message(encode_message(message)) == message


def test_fields_of_a_later_version_are_ignored() -> None:
    """A later version may add fields at the end."""
    longer = msgspec.msgpack.encode([18, b"c" * 16, True, False, "new"])
    assert encode_message(decode_message(longer)) != longer


@pytest.mark.parametrize(
    "data",
    [
        msgspec.msgpack.encode([14, b"a", "??", False]).replace(b"??", b"\xff\xfe"),
        b"\x93\x0a\x01" + b"\x91" * 100_000 + b"\x01",
    ],
    ids=["text that is no UTF-8", "lists in lists in lists"],
)
def test_a_peer_could_stop_a_node_by_what_the_decoder_chokes_on(data: bytes) -> None:
    """The library raises other errors than its own for these."""
    with pytest.raises(WireError, match="msgpack"):
        decode_message(data)


@given(st.binary(max_size=200))
def test_garbage_is_refused_by_name(data: bytes) -> None:
    """Bytes that are no message raise `WireError` and nothing else."""
    try:
        message = decode_message(data)
    except WireError as refusal:
        assert refusal.reason in ("message", "msgpack")
    else:
        assert isinstance(message, get_args(PeerMessage))
