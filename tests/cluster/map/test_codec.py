from __future__ import annotations

from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.map.codec import (
    DIGEST_BYTES,
    MapFormatError,
    decode_command,
    decode_genesis,
    decode_map,
    encode_command,
    encode_genesis,
    encode_map,
    map_digest,
)
from cluster.map.commands import Freeze, SetSetting
from cluster.map.values import Claim
from cluster.slots import SlotSet
from tests.cluster.map.maps import (
    apply,
    first_map,
    genesis_of,
    member,
    node_id,
    refusal,
    run,
    some_command,
    some_map,
)

seeds = st.integers(0, 2**32)


@settings(max_examples=25)
@given(seeds)
def test_maps_and_commands_survive_their_bytes(seed: int) -> None:
    """What is decoded is what was encoded, and equal values have equal bytes."""
    rng = Random(seed)
    current = some_map(rng)
    for _ in range(25):
        command = some_command(rng, current)
        data = encode_command(command)
        assert command == decode_command(data)
        assert data == encode_command(decode_command(data))
        current, _ = apply(current, command)
    data = encode_map(current)
    again = decode_map(data)
    assert current == again
    assert data == encode_map(again)
    shuffled = attrs.evolve(
        current,
        members=dict(reversed(list(current.members.items()))),
        partitions=dict(reversed(list(current.partitions.items()))),
        settings=dict(reversed(list(current.settings.items()))),
    )
    assert data == encode_map(shuffled)


def test_geneses_survive_their_bytes() -> None:
    """With claims and settings; one with a flaw is not decoded."""
    claims = Claim(node_id(0), SlotSet.parse("0-5 9"), 3), Claim(node_id(1), SlotSet())
    genesis = attrs.evolve(
        genesis_of([member(0), member(1)], *claims), replicas=2, settings={"b": "1", "a": "2"}
    )
    assert genesis == decode_genesis(encode_genesis(genesis))
    with pytest.raises(MapFormatError, match="proposer"):
        decode_genesis(encode_genesis(attrs.evolve(genesis, proposer=node_id(7))))


def test_the_digest_is_of_what_followers_hold() -> None:
    """16 bytes, the same with and without remembered results, other ones for another map."""
    current = run(first_map(2), SetSetting("name", "value"))
    digest = map_digest(current)
    assert len(digest) == DIGEST_BYTES
    assert current.results
    assert digest == map_digest(current.published())
    assert digest != map_digest(run(current, SetSetting("name", "other")))
    text = refusal(current, SetSetting("", ""))
    rejected, _ = apply(current, SetSetting("", ""))
    assert text
    assert digest == map_digest(rejected)


@settings(max_examples=60)
@given(st.data())
def test_damaged_bytes_are_refused_or_sound(data: st.DataObject) -> None:
    """No flipped, cut or repeated byte brings forth anything but a format error or a sound map."""
    good = encode_map(first_map(2, Claim(node_id(0), SlotSet.span(0, 3))))
    start = data.draw(st.integers(0, len(good) - 1))
    length = data.draw(st.integers(0, 3))
    damaged = good[:start] + data.draw(st.binary(max_size=3)) + good[start + length :]
    try:
        current = decode_map(damaged)
    except MapFormatError:
        return
    current.check_invariants()
    assert damaged == encode_map(current) or current == decode_map(encode_map(current))


@settings(max_examples=60)
@given(st.binary(max_size=40), st.sampled_from((1, 2, 3)))
def test_garbage_is_refused(garbage: bytes, kind: int) -> None:
    """Random msgpack behind a good header is at most a command, and never another exception."""
    data = b"MM" + bytes((kind, 1)) + garbage
    for decode in (decode_map, decode_command, decode_genesis):
        try:
            decode(data)
        except MapFormatError as failure:
            assert str(failure)


def test_headers_are_checked() -> None:
    """Another kind, another version and too few bytes."""
    data = encode_command(Freeze())
    with pytest.raises(MapFormatError, match="another kind"):
        decode_map(data)
    with pytest.raises(MapFormatError, match="another kind"):
        decode_command(data[:3])
    with pytest.raises(MapFormatError, match="version 2"):
        decode_command(data[:3] + b"\x02" + data[4:])
    with pytest.raises(MapFormatError, match="no command 99"):
        decode_command(data[:4] + b"\x91\x63")


def test_a_map_with_a_flaw_is_refused() -> None:
    """Bytes that no sequence of commands could have made are not taken for a map."""
    current = first_map(2)
    broken = attrs.evolve(current, removed=frozenset({node_id(0)}))
    with pytest.raises(MapFormatError, match="was removed"):
        decode_map(encode_map(broken))
