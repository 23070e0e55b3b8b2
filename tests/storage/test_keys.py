"""Storage keys: order, slots, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import keys
from storage.errors import CorruptionError

USER_KEYS = st.binary(max_size=20) | st.lists(
    st.sampled_from([b"\x00", b"\xff", b"a", b"{", b"}"]), max_size=8
).map(b"".join)
KEYSPACES = st.integers(0, 2**32 - 1)
GENERATIONS = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(
    ("user_key", "slot"),
    [
        (b"foo", 12182),
        (b"bar", 5061),
        (b"", 0),
        (b"{foo}bar", 12182),
        (b"foo{}", 5542),
        (b"{user1000}.following", 3443),
        (b"foo{{bar}}zap", 4015),
    ],
)
def test_slots_are_those_of_redis_cluster(user_key: bytes, slot: int) -> None:
    """Slots equal CLUSTER KEYSLOT of Redis 7."""
    assert slot == keys.slot_of(user_key)
    assert slot.to_bytes(2, "big") == keys.metadata_key(0, user_key)[:2]


@given(KEYSPACES, USER_KEYS)
def test_metadata_key_round_trip(keyspace_id: int, user_key: bytes) -> None:
    """A metadata key gives back slot, keyspace and user key, and is known as one."""
    key = keys.metadata_key(keyspace_id, user_key)
    expected = keys.ParsedKey(keys.slot_of(user_key), keyspace_id, user_key)
    assert expected == keys.parse_key(key)
    assert keys.is_metadata_key(key)
    assert len(key) == keys.metadata_length(key)
    assert keyspace_id == keys.keyspace_id_of(key)
    assert user_key == keys.user_key_of(key)


@given(USER_KEYS, GENERATIONS, st.integers(0, 255), st.binary(max_size=8))
def test_element_key_round_trip(
    user_key: bytes, generation: int, kind: int, element: bytes
) -> None:
    """An element key gives back all its parts and lies behind its metadata key."""
    metadata = keys.metadata_key(7, user_key)
    key = keys.element_key(metadata, generation, kind, element)
    parsed = keys.parse_key(key)
    assert (user_key, generation, kind, element) == (
        parsed.user_key,
        parsed.generation,
        parsed.kind,
        parsed.element,
    )
    assert not keys.is_metadata_key(key)
    assert metadata == key[: keys.metadata_length(key)]
    prefix = keys.element_prefix(metadata, generation)
    assert metadata < prefix <= key < keys.after_prefix(prefix)


@given(USER_KEYS, USER_KEYS)
def test_order_follows_user_keys(one: bytes, other: bytes) -> None:
    """Within a slot, storage keys sort like user keys, elements right behind their key."""
    tagged_one, tagged_other = b"{t}" + one, b"{t}" + other
    first = keys.metadata_key(0, tagged_one)
    second = keys.metadata_key(0, tagged_other)
    assert (tagged_one < tagged_other) == (first < second)
    if first < second:
        assert keys.element_key(first, 2**64 - 1, 255, b"\xff" * 9) < second


def test_system_keys_lie_behind_all_slots() -> None:
    """System records sort after the last slot and are told apart."""
    key = keys.system_key("keyspaces")
    assert key > keys.slot_range(keys.SLOT_COUNT - 1)[1]
    assert keys.is_system_key(key)
    assert not keys.is_metadata_key(key)
    assert keys.parse_key(key).user_key == b"keyspaces"


def test_ranges_enclose_exactly_their_slot() -> None:
    """A slot's range and a keyspace's range hold their keys and not their neighbours'."""
    key = keys.metadata_key(5, b"foo")
    start, end = keys.slot_range(12182)
    assert start <= key < end
    start, end = keys.keyspace_range(12182, 5)
    assert start <= key < end
    assert not start <= keys.metadata_key(4, b"foo") < end
    assert not start <= keys.metadata_key(6, b"foo") < end


@pytest.mark.parametrize("key", [b"", b"\x00\x01", b"\x00\x01\x00\x00\x00\x00abc"])
def test_damaged_keys_are_refused(key: bytes) -> None:
    """Bytes that are no storage key raise CorruptionError."""
    with pytest.raises(CorruptionError):
        keys.parse_key(key)


def test_after_prefix_of_ff_bytes() -> None:
    """A prefix without a successor gets a bound beyond every key."""
    assert keys.after_prefix(b"\xff\xff") == b"\xff" * 64
    assert keys.after_prefix(b"a\xff\xff") == b"b"
