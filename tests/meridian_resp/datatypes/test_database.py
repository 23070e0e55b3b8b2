"""Tests of one database's cache in front of storage."""

from __future__ import annotations

import pytest

from meridian_resp.datatypes.database import SHARDS, Database, live_of
from meridian_resp.datatypes.keyspace import Keyspace
from meridian_resp.datatypes.values import NEVER, Entry, Kind, live_bytes
from meridian_resp.errors import WRONG_TYPE, CommandError
from storage.keys import metadata_key
from storage.records import Record, encode_record, encode_string, encode_tombstone
from tests.harness.memory_store import MemoryStore

NOW_MS = 1_700_000_000_000


def database_on(store: MemoryStore) -> Database:
    """Database 1 of a keyspace on the store."""
    keyspace = Keyspace(store, databases=2, cache_bytes_max=1 << 30)
    keyspace.open(NOW_MS)
    return keyspace.databases[1]


def test_a_value_is_read_from_storage_once() -> None:
    """The first use loads the record, later ones come from memory."""
    store = MemoryStore()
    store.records[metadata_key(1, b"k")] = encode_string(7, b"v")
    database = database_on(store)
    store.reads = 0
    assert [database.get(b"k") for _ in range(3)] == [b"v"] * 3
    assert store.reads == 1


def test_asking_for_unknown_keys_costs_no_memory() -> None:
    """A key that storage never heard of is not cached."""
    database = database_on(MemoryStore())
    assert database.get(b"k") is None
    assert database.peek(b"k") is NEVER
    assert list(database.cached()) == []
    assert database.cache_bytes == 0


def test_databases_see_their_own_keys_only() -> None:
    """The same key in another keyspace is another key."""
    store = MemoryStore()
    store.records[metadata_key(0, b"k")] = encode_string(7, b"v")
    assert database_on(store).get(b"k") is None


def test_an_expired_key_read_while_the_log_takes_nothing() -> None:
    """It does not exist, but its deletion waits: recorded now it would fail the whole tick."""
    store = MemoryStore()
    expired = Record(7, b"v", Kind.STRING, expiry_ms=NOW_MS - 1)
    store.records[metadata_key(1, b"k")] = encode_record(expired)
    database = database_on(store)
    database.keyspace.may_log = False
    assert database.get(b"k") is None
    assert database.keyspace.effects.pending == []
    database.keyspace.may_log = True
    assert database.get(b"k") is None
    assert len(database.keyspace.effects.pending) == 1


def test_another_type_is_refused_as_a_string() -> None:
    """A collection at the key makes string commands fail."""
    store = MemoryStore()
    store.records[metadata_key(1, b"k")] = encode_record(Record(7, b"", Kind.LIST))
    with pytest.raises(CommandError) as refusal:
        database_on(store).get_string(b"k")
    assert refusal.value.text == WRONG_TYPE


def test_expiries() -> None:
    """Of a plain string 0, of an expiring one its time, of no key None."""
    store = MemoryStore()
    store.records[metadata_key(1, b"plain")] = encode_string(7, b"v")
    expiring = Record(7, b"v", expiry_ms=NOW_MS + 5)
    store.records[metadata_key(1, b"expiring")] = encode_record(expiring)
    database = database_on(store)
    found = [database.expire_at_ms(key) for key in (b"plain", b"expiring", b"none")]
    assert found == [0, NOW_MS + 5, None]
    assert database.get_string(b"expiring") == b"v"


def test_peeking_does_not_expire() -> None:
    """`peek` shows what is stored whatever the time, and records nothing."""
    store = MemoryStore()
    store.records[metadata_key(1, b"k")] = encode_record(Record(7, b"v", expiry_ms=NOW_MS - 5))
    database = database_on(store)
    live = database.peek(b"k")
    assert isinstance(live, Entry)
    assert live.value == b"v"
    assert database.keyspace.effects.pending == []
    assert database.get(b"k") is None
    assert len(database.keyspace.effects.pending) == 1


def test_forgetting_reads_storage_again() -> None:
    """A forgotten key leaves no memory behind and is loaded afresh."""
    store = MemoryStore()
    store.records[metadata_key(1, b"k")] = encode_string(7, b"old")
    database = database_on(store)
    assert database.get(b"k") == b"old"
    assert database.cache_bytes == live_bytes(b"k", b"old")
    store.records[metadata_key(1, b"k")] = encode_string(8, b"new")
    database.forget(b"k")
    assert database.cache_bytes == 0
    assert database.get(b"k") == b"new"


def test_dropping_the_cache_hands_the_shards_over() -> None:
    """The caller gets what it has to free; the database starts empty."""
    store = MemoryStore()
    for number in range(50):
        store.records[metadata_key(1, b"%d" % number)] = encode_string(7, b"v")
    database = database_on(store)
    for number in range(50):
        database.get(b"%d" % number)
    dropped = database.drop_cache()
    assert sum(len(shard) for shard in dropped) == 50
    assert (database.cache_bytes, list(database.cached())) == (0, [])
    assert len(database.hot) == len(database.cold) == SHARDS


@pytest.mark.parametrize("key", [b"k", b"{a}b", b"\0"])
def test_storage_keys_carry_the_keyspace(key: bytes) -> None:
    """A database's keys lie under its present keyspace id, also after a flush."""
    database = database_on(MemoryStore())
    assert database.storage_key(key) == metadata_key(1, key)
    database.keyspace.flush_database(database)
    assert database.storage_key(key) == metadata_key(database.keyspace_id, key)
    assert database.keyspace_id == 2


@pytest.mark.parametrize(
    ("record", "kind", "expire_at_ms", "generation"),
    [
        (encode_tombstone(1, generation=3), Kind.ABSENT, 0, 3),
        (encode_record(Record(1, b"v", expiry_ms=9)), Kind.STRING, 9, 0),
        (encode_record(Record(1, b"v", generation=2)), Kind.STRING, 0, 2),
        (encode_record(Record(1, b"m", Kind.HASH, expiry_ms=9, generation=2)), Kind.HASH, 9, 2),
    ],
)
def test_records_become_entries(
    record: bytes, kind: Kind, expire_at_ms: int, generation: int
) -> None:
    """Everything but a plain string is an entry that remembers what the record says."""
    live = live_of(record)
    assert isinstance(live, Entry)
    assert (live.kind, live.expire_at_ms, live.generation) == (kind, expire_at_ms, generation)


def test_plain_records_become_bytes() -> None:
    """A string without expiry and generation is nothing but its bytes."""
    assert live_of(encode_string(1, b"v")) == b"v"
