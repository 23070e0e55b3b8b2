from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import Boot, NodeId, new_id
from cluster.wire.messages import WireError
from cluster.wire.seal import OVERHEAD_BYTES, Opener, Sealer, seal_key

KEY = seal_key("test", b"secret")
NODE, OTHER = (NodeId(new_id(Random(seed))) for seed in (1, 2))


def sealer(key: bytes = KEY, node: NodeId = NODE, nonce: int = 7) -> Sealer:
    """What one life of a node seals with."""
    return Sealer(key, node, Boot(1, nonce))


def reason_of(opener: Opener, data: bytes) -> str:
    """Why a datagram is refused; empty when it is opened."""
    try:
        opener.open(data)
    except WireError as refusal:
        return refusal.reason
    return ""


@given(st.binary(max_size=1400))
def test_a_payload_survives_its_seal(payload: bytes) -> None:
    """Its sender is told with it, and the overhead is what senders reckon with."""
    data = sealer().seal(payload)
    opened = Opener(KEY, OTHER).open(data)
    assert (opened.sender, opened.nonce, opened.payload) == (NODE, 7, payload)
    assert len(data) == len(payload) + OVERHEAD_BYTES


@given(st.binary(max_size=100), st.data())
def test_a_changed_bit_or_a_cut_end_is_noticed(payload: bytes, data: st.DataObject) -> None:
    """No byte of it may be another."""
    sealed = bytearray(sealer().seal(payload))
    place = data.draw(st.integers(0, len(sealed) - 1))
    assert reason_of(Opener(KEY, OTHER), bytes(sealed[:place]))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    assert reason_of(Opener(KEY, OTHER), bytes(sealed)) in ("magic", "version", "seal")


@given(st.binary(max_size=200), st.sampled_from([b"", b"M", b"MS", b"MS\x01"]))
def test_any_bytes_are_refused_by_name(garbage: bytes, start: bytes) -> None:
    """Nothing but WireError is raised."""
    assert reason_of(Opener(KEY, OTHER), start + garbage) in ("short", "magic", "version", "seal")


def test_a_datagram_is_opened_once() -> None:
    """Replays are refused, later and overtaken ones are not."""
    source, opener = sealer(), Opener(KEY, OTHER)
    first, second, third = (source.seal(b"same") for _ in range(3))
    assert len({first, second, third}) == 3
    assert [reason_of(opener, data) for data in (first, third, second)] == ["", "", ""]
    assert [reason_of(opener, data) for data in (first, third, second)] == ["replay"] * 3


def test_each_life_counts_by_itself() -> None:
    """After a restart a node begins at 1 again, under another nonce."""
    opener = Opener(KEY, OTHER)
    assert reason_of(opener, sealer(nonce=7).seal(b"x")) == ""
    assert reason_of(opener, sealer(nonce=8).seal(b"x")) == ""
    assert reason_of(opener, sealer(nonce=8).seal(b"y")) == "replay"


def test_a_wrong_seal_does_not_move_the_window() -> None:
    """A forged high number must not make the real ones look old."""
    opener = Opener(KEY, OTHER)
    forged = bytearray(sealer().seal(b"x"))
    forged[27:35] = b"\xff" * 8
    assert reason_of(opener, bytes(forged)) == "seal"
    assert reason_of(opener, sealer().seal(b"x")) == ""


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (seal_key("test", b"guess"), "seal"),
        (seal_key("other", b"secret"), "seal"),
        (seal_key("test", b""), "seal"),
        (KEY, ""),
    ],
)
def test_another_secret_or_cluster_does_not_open(key: bytes, reason: str) -> None:
    """Both go into the key."""
    assert reason_of(Opener(KEY, OTHER), sealer(key).seal(b"x")) == reason


def test_what_comes_back_to_its_sender_is_refused() -> None:
    """A mirror on the way must not make a node talk to itself."""
    assert reason_of(Opener(KEY, NODE), sealer().seal(b"x")) == "own"


def test_another_version_is_told_from_garbage() -> None:
    """It will be met during an upgrade."""
    data = sealer().seal(b"x")
    assert reason_of(Opener(KEY, OTHER), data[:2] + b"\x02" + data[3:]) == "version"
    assert reason_of(Opener(KEY, OTHER), b"") == "short"
