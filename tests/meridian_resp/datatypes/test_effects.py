"""Tests of the recording of effects."""

from __future__ import annotations

from meridian_resp.datatypes.effects import (
    EXPIRED,
    Effects,
    SetExpiry,
    StringWithExpiry,
)
from meridian_resp.datatypes.keyspace import Keyspace
from tests.harness.memory_store import MemoryStore


def test_effects_are_kept_in_order() -> None:
    """Each recording adds one change; plain strings and deletions need no object."""
    keyspace = Keyspace(MemoryStore(), databases=2, cache_bytes_max=1000)
    first, second = keyspace.databases
    effects = Effects()
    effects.put_string(first, b"a", b"1")
    effects.put_string(second, b"b", b"2", 99)
    effects.set_expiry(first, b"c", 5)
    effects.delete(first, b"d")
    effects.expire(second, b"e")
    databases = [database for database, _, _ in effects.pending]
    keys = [key for _, key, _ in effects.pending]
    plain, expiring, expiry, deletion, expired = [change for _, _, change in effects.pending]
    assert [first, second, first, first, second] == databases
    assert keys == [b"a", b"b", b"c", b"d", b"e"]
    assert plain == b"1"
    assert isinstance(expiring, StringWithExpiry)
    assert (expiring.value, expiring.expire_at_ms) == (b"2", 99)
    assert isinstance(expiry, SetExpiry)
    assert expiry.expire_at_ms == 5
    assert deletion is None
    assert expired is EXPIRED


def test_effects_can_be_dropped() -> None:
    """What a failed command recorded is forgotten."""
    keyspace = Keyspace(MemoryStore(), databases=1, cache_bytes_max=1000)
    keyspace.effects.delete(keyspace.databases[0], b"a")
    keyspace.effects.clear()
    assert keyspace.effects.pending == []
