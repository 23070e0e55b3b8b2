from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import (
    Boot,
    Endpoint,
    Precedence,
    first_boot,
    id_from_bytes,
    id_to_bytes,
    new_id,
    parse_endpoint,
    parse_id,
)


@given(st.binary(min_size=16, max_size=16))
def test_ids_survive_their_bytes(packed: bytes) -> None:
    """Sixteen bytes and 36 characters are the same id."""
    text = id_from_bytes(packed)
    assert packed == id_to_bytes(text)
    assert text == parse_id(text.upper())


@given(st.integers())
def test_new_ids_are_random_uuids(seed: int) -> None:
    """Version 4 and the usual variant stand at their places, and another draw is another id."""
    rng = Random(seed)
    first, second = new_id(rng), new_id(rng)
    assert first != second
    assert first[14] == "4"
    assert first[19] in "89ab"


@pytest.mark.parametrize("text", ["", "a" * 36, "0" * 32, "{" + "0" * 34 + "}", "00000000-0000"])
def test_other_texts_are_no_ids(text: str) -> None:
    """Only the 36 characters are an id."""
    with pytest.raises(ValueError, match="not a UUID"):
        parse_id(text)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("10.0.0.1", Endpoint("10.0.0.1", 7400)),
        ("node-a:17", Endpoint("node-a", 17)),
        ("[::1]:65535", Endpoint("::1", 65535)),
        ("[::1]", Endpoint("::1", 7400)),
        ("fe80::1", Endpoint("fe80::1", 7400)),
    ],
)
def test_endpoints_are_read_and_written(text: str, endpoint: Endpoint) -> None:
    """Every usual way to write an endpoint is read, and what is written is read the same."""
    assert endpoint == parse_endpoint(text, 7400)
    assert endpoint == parse_endpoint(str(endpoint), 1)


@pytest.mark.parametrize(
    "text", ["", ":1", "a:0", "a:65536", "a:x", "[::1", "[::1]x", "a:-1", "a:1:2"]
)
def test_wrong_endpoints_are_refused(text: str) -> None:
    """A port outside 1 to 65535 or a missing host is an error, not a guess."""
    with pytest.raises(ValueError, match=r"endpoint|host|port"):
        parse_endpoint(text, 7400)


def test_a_restart_counts_and_draws_a_nonce() -> None:
    """Two restarts of copies of one directory have one generation and different nonces."""
    boot = first_boot(Random(1))
    one, other = boot.next(Random(2)), boot.next(Random(3))
    assert boot.generation == 1
    assert 2 == one.generation == other.generation
    assert one != other
    assert one == Boot(2, one.nonce)


def test_a_later_life_beats_any_incarnation() -> None:
    """Generations are compared first."""
    assert Precedence(1, 99) < Precedence(2, 0) < Precedence(2, 1)
