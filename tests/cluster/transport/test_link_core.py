from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.transport.link_core import LinkCore
from cluster.wire.frames import HEADER, KEEPALIVE, encode_frame
from cluster.wire.handshake import Handshake, Refusal
from cluster.wire.messages import GenesisCall, GossipStream, PeerMessage, encode_message
from tests.harness.memory_peers import identity_of

SEND_BYTES = 1 << 18


def core(seed: int, *, is_outgoing: bool, queue_bytes_max: int = 1 << 20) -> LinkCore:
    """One end."""
    handshake = Handshake(
        identity_of(seed), b"secret", is_outgoing=is_outgoing, challenge=bytes((seed,)) * 32
    )
    return LinkCore(handshake, tls=None, queue_bytes_max=queue_bytes_max)


def carry(near: LinkCore, far: LinkCore) -> list[PeerMessage]:
    """Let both speak until they are silent; what the far end received."""
    received: list[PeerMessage] = []
    while near.has_output or far.has_output:
        received += far.receive(near.take(SEND_BYTES))
        near.receive(far.take(SEND_BYTES))
    return received


def linked() -> tuple[LinkCore, LinkCore]:
    """Two ends that are up."""
    near, far = core(1, is_outgoing=True), core(2, is_outgoing=False)
    carry(near, far)
    assert near.is_up and far.is_up
    return near, far


def test_messages_wait_for_the_handshake_and_keep_their_order() -> None:
    """What is queued before is not sent to a stranger."""
    near, far = core(1, is_outgoing=True), core(2, is_outgoing=False)
    hello = near.take(SEND_BYTES)
    for number in range(3):
        assert near.queue(GenesisCall(number))
    assert not near.has_output and near.queued == 3
    assert far.receive(hello) == []
    assert carry(near, far) == [GenesisCall(number) for number in range(3)]
    assert (near.peer, far.peer) == (identity_of(2), identity_of(1))
    assert near.protocol == far.protocol == 1


def test_the_queue_is_bounded_by_bytes() -> None:
    """A message that does not fit is refused whole; room comes back when frames are taken."""
    near = core(1, is_outgoing=True, queue_bytes_max=100)
    frame_bytes = len(encode_frame(encode_message(GenesisCall(1))))
    fitting = 100 // frame_bytes
    assert [near.queue(GenesisCall(1)) for _ in range(fitting + 1)] == [True] * fitting + [False]
    assert (near.queued, near.queued_bytes) == (fitting, fitting * frame_bytes)


def test_frames_are_joined_up_to_a_size() -> None:
    """A long queue leaves in pieces of whole frames."""
    near, far = linked()
    for number in range(10):
        near.queue(GossipStream(bytes((number,)) * 90))
    first = near.take(250)
    assert 250 <= len(first) < 400 and near.queued == 7
    assert len(far.receive(first)) == 3
    assert len(far.receive(near.take(SEND_BYTES))) == 7
    assert near.queued_bytes == 0 and not near.has_output


def test_keepalives_are_not_messages() -> None:
    """They are only sent on a link that is up."""
    near, far = linked()
    near.queue_keepalive()
    assert near.take(SEND_BYTES) == KEEPALIVE
    assert far.receive(KEEPALIVE) == [] and not far.failure
    waiting = core(1, is_outgoing=True)
    waiting.queue_keepalive()
    assert waiting.queued == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encode_frame(b"\x91\x7f"), "message"),
        (encode_frame(b"\xc1"), "msgpack"),
        (HEADER.pack(1, 0) + b"x", "checksum"),
        (HEADER.pack(1 << 25, 0), "oversize"),
    ],
)
def test_messages_before_a_wrong_frame_count(data: bytes, reason: str) -> None:
    """After it nothing is read or queued any more."""
    near, far = linked()
    near.queue(GenesisCall(1))
    assert far.receive(near.take(SEND_BYTES) + data) == [GenesisCall(1)]
    assert far.failure == reason
    assert far.receive(encode_frame(encode_message(GenesisCall(2)))) == []
    assert not far.queue(GenesisCall(3))


def test_a_refusal_is_still_told() -> None:
    """The queue is not."""
    near, far = core(1, is_outgoing=True), core(2, is_outgoing=False)
    far.queue(GenesisCall(1))
    far.refuse(Refusal.TIMEOUT)
    assert far.failure == "timeout"
    near.take(SEND_BYTES)
    near.receive(far.take(SEND_BYTES))
    assert (near.failure, near.detail) == ("by_peer", "timeout")
    assert not far.has_output


@given(st.lists(st.binary(max_size=100), max_size=8), st.booleans())
def test_any_bytes_give_messages_or_a_failure_and_nothing_else(
    pieces: list[bytes], is_framed: bool
) -> None:
    """On a link that is up even an authenticated peer may send anything."""
    _, far = linked()
    for piece in pieces:
        far.receive(encode_frame(piece) if is_framed else piece)
        assert far.failure in ("", "message", "msgpack", "checksum", "oversize")
        if is_framed and piece and far.failure:
            break
