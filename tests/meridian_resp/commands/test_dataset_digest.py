from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.commands.dataset_digest import (
    EMPTY,
    exclusive_or,
    joined,
    key_digest,
    mixed,
    with_value,
)
from meridian_resp.datatypes.values import Entry, Kind


def test_a_string_has_the_digest_that_redis_gives_it() -> None:
    """Recorded from DEBUG DIGEST-VALUE of redis-server 7.0.15 after SET foo bar."""
    digest = with_value(EMPTY, b"bar")
    assert digest.hex() == "68467c70ae30376e7ce005bcc8827f5ba7fd67dc"


def test_only_the_presence_of_an_expiry_counts() -> None:
    """So two nodes agree although time passes between asking them."""
    soon, late = Entry(Kind.STRING, b"v", 5), Entry(Kind.STRING, b"v", 500)
    assert with_value(EMPTY, soon) == with_value(EMPTY, late) != with_value(EMPTY, b"v")
    assert with_value(EMPTY, Entry(Kind.STRING, b"v", 0, 7)) == with_value(EMPTY, b"v")


def test_other_types_have_none() -> None:
    """Better no digest than one that says nothing."""
    with pytest.raises(ValueError, match="only strings"):
        with_value(EMPTY, Entry(Kind.LIST, b""))


@given(st.binary(), st.binary(), st.binary())
def test_joining_forgets_the_order_and_mixing_keeps_it(a: bytes, b: bytes, c: bytes) -> None:
    """Keys are a set, the parts of a key are a sequence."""
    assert joined(joined(EMPTY, a), b) == joined(joined(EMPTY, b), a)
    assert (mixed(mixed(EMPTY, a), b) == mixed(mixed(EMPTY, b), a)) == (a == b)
    assert key_digest(a, b) == mixed(mixed(mixed(EMPTY, a), bytes(4)), b)
    first, second = mixed(EMPTY, a), mixed(EMPTY, c)
    assert exclusive_or(exclusive_or(first, second), second) == first
