from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import Boot
from cluster.wire.frames import HEADER, encode_frame
from cluster.wire.handshake import MAGIC, PROOF, REFUSAL, Handshake, Refusal, common_version
from cluster.wire.hello import Hello, PeerIdentity, encode_hello
from tests.harness.memory_peers import identity_of

OURS, THEIRS = identity_of(1), identity_of(2)


def side(
    identity: PeerIdentity, *, is_outgoing: bool, secret: bytes = b"secret", challenge: int = 0
) -> Handshake:
    """One side; challenges differ by role unless told otherwise."""
    filled = bytes((challenge or 1 + is_outgoing,)) * 32
    return Handshake(identity, secret, is_outgoing=is_outgoing, challenge=filled)


def shake(initiator: Handshake, acceptor: Handshake) -> list[tuple[str, bytes]]:
    """Carry bytes between two sides until both are silent; who sent what, in order."""
    sent: list[tuple[str, bytes]] = []
    while initiator.has_output or acceptor.has_output:
        for name, near, far in (
            ("initiator", initiator, acceptor),
            ("acceptor", acceptor, initiator),
        ):
            if data := near.take():
                sent.append((name, data))
                far.receive(data)
    return sent


def test_both_sides_learn_who_the_other_is() -> None:
    """Hello, Hello, Proof, Proof; the acceptor proves itself last."""
    initiator = side(OURS, is_outgoing=True)
    acceptor = side(THEIRS, is_outgoing=False)
    sent = shake(initiator, acceptor)
    assert initiator.is_done and acceptor.is_done
    assert (initiator.peer, acceptor.peer) == (THEIRS, OURS)
    assert (initiator.protocol, acceptor.protocol) == (1, 1)
    assert [name for name, _ in sent] == ["initiator", "acceptor"] * 2
    assert sent[0][1].startswith(MAGIC) and sent[1][1].startswith(MAGIC)


@given(st.lists(st.integers(1, 400), max_size=10))
def test_pieces_mean_nothing(cuts: list[int]) -> None:
    """Any cut of the bytes of one side leads to the same end, and what follows is kept."""
    initiator, acceptor = side(OURS, is_outgoing=True), side(THEIRS, is_outgoing=False)
    heard = b"".join(data for name, data in shake(initiator, acceptor) if name == "acceptor")
    heard += b"frames that follow"
    again = side(OURS, is_outgoing=True)
    places = sorted({0, len(heard), *(cut for cut in cuts if cut < len(heard))})
    kept = b""
    for start, end in pairwise(places):
        if again.is_done:
            kept += heard[start:end]
        else:
            again.receive(heard[start:end])
    assert again.is_done and again.remainder + kept == b"frames that follow"


def test_an_empty_secret_is_computed_with_too() -> None:
    """Two nodes without a secret agree; one without does not agree with one that has one."""
    initiator = side(OURS, is_outgoing=True, secret=b"")
    acceptor = side(THEIRS, is_outgoing=False, secret=b"")
    shake(initiator, acceptor)
    assert initiator.is_done and acceptor.is_done
    initiator, acceptor = side(OURS, is_outgoing=True, secret=b""), side(THEIRS, is_outgoing=False)
    shake(initiator, acceptor)
    assert acceptor.refusal is Refusal.SECRET and not initiator.is_done


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        (identity_of(2, cluster_name="other"), Refusal.CLUSTER_NAME),
        (identity_of(2, protocol_min=2, protocol_max=9), Refusal.VERSION),
        (OURS, Refusal.OWN_ID),
        (identity_of(1, boot=Boot(1, 5)), Refusal.DUPLICATE_ID),
        (identity_of(1, boot=Boot(2, 1001)), Refusal.DUPLICATE_ID),
    ],
)
@pytest.mark.parametrize("is_outgoing", [True, False])
def test_refusals_have_a_name_and_the_other_side_hears_it(
    theirs: PeerIdentity, reason: Refusal, is_outgoing: bool
) -> None:
    """The acceptor sees the first hello, so it is the one that refuses."""
    initiator = side(OURS if is_outgoing else theirs, is_outgoing=True)
    acceptor = side(theirs if is_outgoing else OURS, is_outgoing=False)
    shake(initiator, acceptor)
    assert acceptor.refusal is reason
    assert initiator.refusal is Refusal.BY_PEER and initiator.detail == reason.value
    assert not initiator.is_done and not acceptor.is_done


def test_the_initiator_refuses_by_the_same_rules() -> None:
    """An acceptor that lets everybody in does not get our proof."""
    initiator = side(OURS, is_outgoing=True)
    initiator.take()
    hello = encode_hello(Hello(identity_of(2, cluster_name="other"), bytes(32)))
    initiator.receive(MAGIC + encode_frame(hello))
    assert initiator.refusal is Refusal.CLUSTER_NAME
    assert initiator.take() == encode_frame(bytes((REFUSAL, 3)))


def test_a_reflected_proof_does_not_verify() -> None:
    """An acceptor without the secret sends the initiator's own proof back to it."""
    initiator = side(OURS, is_outgoing=True)
    initiator.take()
    initiator.receive(MAGIC + encode_frame(encode_hello(Hello(THEIRS, bytes(32)))))
    initiator.receive(initiator.take())
    assert initiator.refusal is Refusal.SECRET


def test_a_recorded_handshake_does_not_verify_again() -> None:
    """The acceptor's challenge is another one."""
    initiator, acceptor = side(OURS, is_outgoing=True), side(THEIRS, is_outgoing=False)
    recorded = [data for name, data in shake(initiator, acceptor) if name == "initiator"]
    again = side(THEIRS, is_outgoing=False, challenge=7)
    for data in recorded:
        again.receive(data)
    assert again.refusal is Refusal.SECRET


def test_a_hello_changed_on_the_way_does_not_verify() -> None:
    """Nobody can talk two nodes into an older version or another address."""
    initiator, acceptor = side(OURS, is_outgoing=True), side(THEIRS, is_outgoing=False)
    initiator.take()
    forged = encode_hello(Hello(identity_of(1, protocol_max=2), bytes((2,)) * 32))
    acceptor.receive(MAGIC + encode_frame(forged))
    initiator.receive(acceptor.take())
    acceptor.receive(initiator.take())
    assert acceptor.refusal is Refusal.SECRET


def test_a_stranger_gets_no_proof_to_try_secrets_on() -> None:
    """Before the initiator has proved itself the acceptor tells only its hello."""
    acceptor = side(THEIRS, is_outgoing=False)
    stranger = side(OURS, is_outgoing=True, secret=b"guess")
    acceptor.receive(stranger.take())
    stranger.receive(acceptor.take())
    acceptor.receive(stranger.take())
    assert acceptor.take() == encode_frame(bytes((REFUSAL, 4)))


@pytest.mark.parametrize(
    ("data", "reason", "answer"),
    [
        (b"GET / HTTP/1.1\r\n", Refusal.MAGIC, b""),
        (b"*1\r\n$4\r\nPING\r\n", Refusal.MAGIC, b""),
        (MAGIC[:2] + b"X", Refusal.MAGIC, b""),
        (MAGIC + encode_frame(b"\x01\x01"), Refusal.GARBAGE, 1),
        (MAGIC + encode_frame(b""), Refusal.GARBAGE, 1),
        (MAGIC + HEADER.pack(4097, 0), Refusal.GARBAGE, 1),
        (MAGIC + HEADER.pack(2, 0) + b"ab", Refusal.GARBAGE, 1),
        (MAGIC + encode_frame(bytes((PROOF,)) + bytes(32)), Refusal.GARBAGE, 1),
        (MAGIC + encode_frame(bytes((REFUSAL, 2))), Refusal.BY_PEER, b""),
        (MAGIC + encode_frame(bytes((REFUSAL, 99))), Refusal.BY_PEER, b""),
    ],
)
def test_what_is_no_hello_is_refused(data: bytes, reason: Refusal, answer: bytes | int) -> None:
    """Programs that speak something else altogether are not answered."""
    acceptor = side(THEIRS, is_outgoing=False)
    acceptor.receive(data)
    assert acceptor.refusal is reason
    if isinstance(answer, int):
        answer = MAGIC + encode_frame(bytes((REFUSAL, answer)))
    assert acceptor.take() == answer
    acceptor.receive(data)
    assert acceptor.refusal is reason and not acceptor.has_output


def test_anything_but_a_proof_after_the_hello_is_garbage() -> None:
    """Messages must wait until both sides have proved themselves."""
    acceptor = side(THEIRS, is_outgoing=False)
    acceptor.receive(side(OURS, is_outgoing=True).take())
    acceptor.take()
    acceptor.receive(encode_frame(b"\x93\x02"))
    assert acceptor.refusal is Refusal.GARBAGE
    assert acceptor.take() == encode_frame(bytes((REFUSAL, 1)))


@pytest.mark.parametrize(
    ("ours", "theirs", "version"),
    [((1, 1), (1, 1), 1), ((1, 3), (2, 5), 3), ((2, 5), (1, 2), 2), ((1, 2), (3, 4), None)],
)
def test_the_newest_version_of_both_is_spoken(
    ours: tuple[int, int], theirs: tuple[int, int], version: int | None
) -> None:
    """Ranges that do not meet have none."""
    one = identity_of(1, protocol_min=ours[0], protocol_max=ours[1])
    other = identity_of(2, protocol_min=theirs[0], protocol_max=theirs[1])
    assert common_version(one, other) == common_version(other, one) == version


@given(st.lists(st.binary(max_size=120), max_size=6), st.booleans(), st.booleans(), st.booleans())
def test_any_bytes_end_refused_or_wait(
    pieces: list[bytes], is_outgoing: bool, is_framed: bool, has_greeted: bool
) -> None:
    """Nothing raises, and nobody who does not know the secret is done."""
    machine = side(OURS, is_outgoing=is_outgoing)
    machine.take()
    hello = encode_hello(Hello(THEIRS, bytes(32)))
    machine.receive(MAGIC + (encode_frame(hello) if has_greeted else b""))
    for piece in pieces:
        machine.receive(encode_frame(piece) if is_framed else piece)
    assert not machine.is_done
