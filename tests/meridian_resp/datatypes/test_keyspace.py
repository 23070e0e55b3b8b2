"""Tests of the keyspace: effects, versions, generations, failed commits, eviction, restarts."""

from __future__ import annotations

import pytest

from meridian_resp.datatypes.database import Database
from meridian_resp.datatypes.keyspace import CEILING_AHEAD_MS, Keyspace, TooFewDatabases
from meridian_resp.datatypes.system_records import (
    CLOCK_KEY,
    COUNTS_KEY,
    decode_counts,
    encode_counts,
)
from meridian_resp.datatypes.values import Entry, Kind
from meridian_resp.errors import CommandError
from storage.errors import DiskFullError
from storage.keys import metadata_key
from storage.records import Record, decode_record, encode_record, encode_string, version_of
from tests.harness.memory_store import MemoryStore

NOW_MS = 1_700_000_000_000


def opened(
    store: MemoryStore,
    *,
    databases: int = 4,
    cache_bytes_max: int = 1 << 30,
    now_ms: int = NOW_MS,
) -> Keyspace:
    """A keyspace, of four databases unless told otherwise, on a store."""
    keyspace = Keyspace(store, databases=databases, cache_bytes_max=cache_bytes_max)
    keyspace.open(now_ms)
    return keyspace


def put(database: Database, key: bytes, value: bytes, expire_at_ms: int = 0) -> None:
    """Write a string at once, without committing."""
    database.keyspace.effects.put_string(database, key, value, expire_at_ms)
    database.keyspace.apply()


def remove(database: Database, key: bytes) -> None:
    """Delete a key at once, without committing."""
    database.keyspace.effects.delete(database, key)
    database.keyspace.apply()


def stored(store: MemoryStore, key: bytes, keyspace_id: int = 0) -> Record:
    """The committed metadata record of a key."""
    return decode_record(store.records[metadata_key(keyspace_id, key)])


def test_a_plain_string_is_stored_plainly() -> None:
    """A string without expiry and generation has the shortest record there is."""
    store = MemoryStore()
    keyspace = opened(store)
    put(keyspace.databases[0], b"{tag}k\0", b"value")
    assert keyspace.databases[0].get(b"{tag}k\0") == b"value"
    keyspace.commit()
    record = store.records[metadata_key(0, b"{tag}k\0")]
    assert encode_string(version_of(record), b"value") == record


@pytest.mark.parametrize("key", [b"plain", b"with\0zero", b"{tag}key", b"\0", b""])
@pytest.mark.parametrize("expire_at_ms", [0, NOW_MS + 5000])
def test_records_decode_to_what_was_written(key: bytes, expire_at_ms: int) -> None:
    """Fast and general ways of making a record agree with the decoder."""
    store = MemoryStore()
    keyspace = opened(store)
    put(keyspace.databases[0], key, b"value", expire_at_ms)
    keyspace.commit()
    record = stored(store, key)
    assert (b"value", expire_at_ms or None, Kind.STRING, False) == (
        record.payload,
        record.expiry_ms,
        record.type,
        record.tombstone,
    )


def test_versions_grow_with_every_effect() -> None:
    """Each effect has a version of its own, also within a millisecond, also after a restart."""
    store = MemoryStore()
    keyspace = opened(store)
    seen = []
    for value in (b"1", b"2", b"3"):
        put(keyspace.databases[0], b"k", value)
        keyspace.commit()
        seen.append(stored(store, b"k").version)
    again = opened(store, now_ms=NOW_MS - 3_600_000)
    put(again.databases[0], b"k", b"4")
    again.commit()
    seen.append(stored(store, b"k").version)
    assert sorted(set(seen)) == seen


def test_versions_follow_the_clock() -> None:
    """The upper 48 bits of a version are the tick's time when the clock is right."""
    keyspace = opened(MemoryStore())
    put(keyspace.databases[0], b"k", b"1")
    assert keyspace.version >> 16 == NOW_MS
    keyspace.begin_tick(NOW_MS + 7)
    put(keyspace.databases[0], b"k", b"2")
    assert keyspace.version >> 16 == NOW_MS + 7


def test_the_ceiling_is_logged_before_versions_reach_it() -> None:
    """No committed version is above the ceiling of the same batch; few batches carry one."""
    store = MemoryStore()
    keyspace = opened(store)
    with_ceiling = 0
    for step in range(100):
        keyspace.begin_tick(NOW_MS + step * 1000)
        put(keyspace.databases[0], b"k", b"%d" % step)
        keyspace.commit()
        with_ceiling += any(key == CLOCK_KEY for key, _ in store.batches[-1])
        assert keyspace.version < keyspace.ceiling
    assert 100 * 1000 // CEILING_AHEAD_MS <= with_ceiling <= 11


def test_counts_ride_in_the_batch_that_changed_them() -> None:
    """A batch that creates or deletes keys says how many there are; others don't."""
    store = MemoryStore()
    keyspace = opened(store)
    put(keyspace.databases[0], b"a", b"1")
    put(keyspace.databases[0], b"b", b"1", NOW_MS + 1000)
    put(keyspace.databases[2], b"c", b"1")
    keyspace.commit()
    assert decode_counts(store.records[COUNTS_KEY]) == {0: (2, 1), 2: (1, 0)}
    put(keyspace.databases[0], b"a", b"2")
    keyspace.commit()
    assert COUNTS_KEY not in dict(store.batches[-1])
    again = opened(store)
    assert [database.count for database in again.databases] == [2, 0, 1, 0]
    assert [database.expiring for database in again.databases] == [1, 0, 0, 0]


def test_nothing_to_commit() -> None:
    """A tick without writes makes no batch."""
    store = MemoryStore()
    assert opened(store).commit() is None
    assert store.batches == []


def test_deleting_what_is_not_there_is_no_change() -> None:
    """Neither a record nor a version is spent on it."""
    store = MemoryStore()
    keyspace = opened(store)
    remove(keyspace.databases[0], b"k")
    keyspace.effects.set_expiry(keyspace.databases[0], b"k", NOW_MS + 5)
    keyspace.apply()
    assert keyspace.commit() is None


def test_removing_an_expiry_makes_the_string_plain_again() -> None:
    """PERSIST leaves a value as cheap as one that never had an expiry."""
    keyspace = opened(MemoryStore())
    database = keyspace.databases[0]
    put(database, b"k", b"v", NOW_MS + 1000)
    keyspace.effects.set_expiry(database, b"k", 0)
    keyspace.apply()
    assert database.peek(b"k") == b"v"
    assert database.expiring == 0


def test_an_expired_key_is_deleted_by_whoever_reads_it() -> None:
    """Reading records an effect that counts as expiry, and the tombstone is logged."""
    store = MemoryStore()
    keyspace = opened(store)
    database = keyspace.databases[0]
    put(database, b"k", b"v", NOW_MS + 10)
    keyspace.begin_tick(NOW_MS + 9)
    assert database.get(b"k") is not None
    keyspace.begin_tick(NOW_MS + 10)
    assert database.get(b"k") is None
    keyspace.apply()
    keyspace.commit()
    assert stored(store, b"k").tombstone
    assert keyspace.counters.expired_keys == 1
    assert (database.count, database.expiring) == (0, 0)


def test_expiries_are_entered_in_the_calendar() -> None:
    """Whatever gives a key an expiry makes the active cycle find it."""
    keyspace = opened(MemoryStore())
    put(keyspace.databases[1], b"a", b"v", NOW_MS + 10)
    put(keyspace.databases[0], b"b", b"v")
    keyspace.effects.set_expiry(keyspace.databases[0], b"b", NOW_MS + 20)
    keyspace.apply()
    due = keyspace.expiry_index.take_due(NOW_MS + 1000, 10)
    assert {(1, b"a"), (0, b"b")} == set(due)


@pytest.mark.parametrize("overwritten", [True, False])
def test_whoever_replaces_a_collection_takes_the_next_generation(overwritten: bool) -> None:
    """After SET over a set, or DEL of one, its elements belong to nothing, for ever."""
    store = MemoryStore()
    store.records[metadata_key(0, b"k")] = encode_record(Record(5, b"", Kind.SET, generation=3))
    store.records[COUNTS_KEY] = encode_counts(5, {0: (1, 0)})
    keyspace = opened(store)
    database = keyspace.databases[0]
    if overwritten:
        put(database, b"k", b"v")
    else:
        remove(database, b"k")
    keyspace.commit()
    assert stored(store, b"k").generation == 4
    put(database, b"k", b"w")
    remove(database, b"k")
    keyspace.commit()
    assert (stored(store, b"k").generation, stored(store, b"k").tombstone) == (4, True)
    again = opened(store)
    put(again.databases[0], b"k", b"x", NOW_MS + 50)
    again.commit()
    assert (stored(store, b"k").generation, stored(store, b"k").payload) == (4, b"x")


def test_too_long_keys_are_refused_before_anything_is_applied() -> None:
    """A command with one key too long changes nothing at all."""
    keyspace = opened(MemoryStore())
    keyspace.key_bytes_max = 3
    database = keyspace.databases[0]
    keyspace.effects.put_string(database, b"abc", b"1")
    keyspace.effects.put_string(database, b"abcd", b"1")
    with pytest.raises(CommandError, match="key is too long: 4 bytes given"):
        keyspace.apply()
    keyspace.effects.clear()
    assert database.get(b"abc") is None
    assert keyspace.commit() is None


def test_a_failed_commit_takes_everything_back() -> None:
    """Values, counts and the map of databases are those of the last good commit."""
    store = MemoryStore()
    keyspace = opened(store)
    first, second = keyspace.databases[:2]
    put(first, b"old", b"1")
    keyspace.commit()
    ids = [database.keyspace_id for database in keyspace.databases]
    put(first, b"old", b"2")
    put(first, b"new", b"3", NOW_MS + 1000)
    keyspace.flush_database(first)
    put(first, b"newer", b"4")
    keyspace.swap_databases(first, second)
    put(first, b"newest", b"5")
    store.is_full = True
    with pytest.raises(DiskFullError):
        keyspace.commit()
    store.is_full = False
    assert ids == [database.keyspace_id for database in keyspace.databases]
    assert first.get(b"old") == b"1"
    assert [first.get(key) for key in (b"new", b"newer", b"newest")] == [None] * 3
    assert [first.count, second.count] == [1, 0]
    assert first.expiring == 0
    assert keyspace.commit() is None
    put(first, b"old", b"6")
    keyspace.commit()
    assert opened(store).databases[0].get(b"old") == b"6"


def test_flushing_gives_a_new_keyspace() -> None:
    """Nothing of before can be read, new keys live under another id, a restart agrees."""
    store = MemoryStore()
    keyspace = opened(store)
    database = keyspace.databases[0]
    put(database, b"k", b"old")
    keyspace.commit()
    keyspace.flush_database(database)
    assert database.count == 0
    assert database.get(b"k") is None
    put(database, b"l", b"new")
    keyspace.commit()
    assert frozenset({4, 1, 2, 3}) == keyspace.live_keyspace_ids
    again = opened(store)
    assert (again.databases[0].get(b"k"), again.databases[0].get(b"l")) == (None, b"new")
    assert again.databases[0].count == 1


def test_swapping_exchanges_contents() -> None:
    """Values and counts go over; a restart agrees; swapping with itself changes nothing."""
    store = MemoryStore()
    keyspace = opened(store)
    first, second = keyspace.databases[:2]
    put(first, b"k", b"1")
    put(first, b"x", b"1", NOW_MS + 99)
    put(second, b"k", b"2")
    keyspace.swap_databases(first, second)
    keyspace.swap_databases(first, first)
    keyspace.commit()
    for database in (keyspace, opened(store)):
        first, second = database.databases[:2]
        assert (first.get(b"k"), second.get(b"k")) == (b"2", b"1")
        assert (first.count, second.count) == (1, 2)
        assert (first.expiring, second.expiring) == (0, 1)


def test_the_cache_is_bounded() -> None:
    """Trimming after commits keeps memory near the limit, and evicted keys are still read."""
    store = MemoryStore()
    keyspace = opened(store, cache_bytes_max=200_000)
    database = keyspace.databases[0]
    for number in range(5000):
        put(database, b"key:%d" % number, b"x" * 50)
        if number % 50 == 49:
            keyspace.commit()
            keyspace.trim()
    for _ in range(600):
        keyspace.trim()
    assert keyspace.cache_bytes <= 200_000
    assert keyspace.counters.evicted_keys > 3000
    assert database.count == 5000
    assert all(database.get(b"key:%d" % number) == b"x" * 50 for number in range(5000))


def test_recently_used_keys_survive_an_eviction() -> None:
    """A key that is read again and again stays in memory while others are evicted."""
    store = MemoryStore()
    keyspace = opened(store, cache_bytes_max=100_000)
    database = keyspace.databases[0]
    put(database, b"hot", b"v")
    for number in range(3000):
        put(database, b"key:%d" % number, b"x" * 50)
        keyspace.commit()
        keyspace.trim()
        store.reads = 0
        assert database.get(b"hot") == b"v"
        assert store.reads == 0
    assert keyspace.counters.evicted_keys > 1000


def test_dropped_caches_are_freed_in_slices() -> None:
    """A flushed database's shards are let go one by one, not at once."""
    keyspace = opened(MemoryStore())
    for number in range(1000):
        put(keyspace.databases[0], b"%d" % number, b"v")
    keyspace.flush_database(keyspace.databases[0])
    keyspace.commit()
    before = len(keyspace.garbage)
    assert before > 100
    keyspace.trim_if_idle()
    assert before - 1 == len(keyspace.garbage)


def test_reported_expired_records_are_due_at_once() -> None:
    """What compaction found expired is looked at by the next active cycle."""
    keyspace = opened(MemoryStore())
    keyspace.enter_reported([(metadata_key(2, b"k\0"), 77)])
    assert keyspace.expiry_index.take_due(NOW_MS + 200, 10) == [(2, b"k\0")]


def test_counters_can_be_reset() -> None:
    """CONFIG RESETSTAT sets all totals to zero."""
    counters = opened(MemoryStore()).counters
    counters.hits = counters.misses = counters.expired_keys = counters.evicted_keys = 4
    counters.reset()
    assert (
        counters.hits,
        counters.misses,
        counters.expired_keys,
        counters.evicted_keys,
    ) == (0, 0, 0, 0)


def test_absent_entries_keep_their_generation_in_memory() -> None:
    """Within the tick of a deletion the cache knows the generation the next write takes."""
    store = MemoryStore()
    store.records[metadata_key(0, b"k")] = encode_record(Record(5, b"", Kind.HASH))
    store.records[COUNTS_KEY] = encode_counts(5, {0: (1, 0)})
    database = opened(store).databases[0]
    remove(database, b"k")
    live = database.peek(b"k")
    assert isinstance(live, Entry)
    assert (live.kind, live.generation) == (Kind.ABSENT, 1)


@pytest.mark.parametrize("is_swapped", [False, True])
def test_keys_of_databases_beyond_a_smaller_number_were_forgotten(is_swapped: bool) -> None:
    """The next write left their counts out, and compaction would have dropped them."""
    store = MemoryStore()
    keyspace = opened(store)
    put(keyspace.databases[3], b"k", b"1")
    if is_swapped:
        keyspace.swap_databases(keyspace.databases[3], keyspace.databases[2])
    keyspace.commit()
    with pytest.raises(TooFewDatabases, match="1 keys are in databases beyond the first 2"):
        opened(store, databases=2)
    again = opened(store)
    remove(again.databases[2 if is_swapped else 3], b"k")
    again.commit()
    assert opened(store, databases=2).databases[1].count == 0


def test_a_database_that_came_to_be_had_the_keys_of_a_flushed_one() -> None:
    """Its number was the id that another one had got when it was emptied."""
    store = MemoryStore()
    keyspace = opened(store)
    keyspace.flush_database(keyspace.databases[0])
    put(keyspace.databases[0], b"k", b"1")
    keyspace.commit()
    more = opened(store, databases=8)
    assert [database.count for database in more.databases[4:]] == [0] * 4
    ids = [database.keyspace_id for database in more.databases]
    assert len(set(ids)) == 8
    assert [database.keyspace_id for database in opened(store, databases=8).databases] == ids
    put(more.databases[4], b"k", b"2")
    more.commit()
    again = opened(store, databases=16)
    assert [again.databases[index].get(b"k") for index in (0, 4, 5)] == [b"1", b"2", None]


def test_overwriting_is_what_apply_would_do() -> None:
    """Same live value, record, version and size; and it declines whatever is not that plain."""
    quick, plain = opened(MemoryStore()), opened(MemoryStore())
    for keyspace in (quick, plain):
        put(keyspace.databases[0], b"k", b"old")
        keyspace.commit()
    assert quick.overwrite(quick.databases[0], b"k", b"newer")
    put(plain.databases[0], b"k", b"newer")
    assert quick.batch.entries == plain.batch.entries
    assert quick.version == plain.version
    assert quick.cache_bytes == plain.cache_bytes
    assert quick.databases[0].get(b"k") == b"newer"

    database = quick.databases[0]
    put(database, b"{tag}k", b"v")
    database.keyspace.effects.put_string(database, b"expires", b"v", quick.now_ms + 1000)
    quick.apply()
    put(database, b"gone", b"v")
    quick.effects.delete(database, b"gone")
    quick.apply()
    before = list(quick.batch.entries)
    for key in (b"{tag}k", b"expires", b"gone", b"never", b"zero\0"):
        assert not quick.overwrite(database, key, b"v")
    assert quick.batch.entries == before


def test_watchers_hear_of_what_is_overwritten() -> None:
    """The quick way tells observers as the other does."""
    keyspace = opened(MemoryStore())
    database = keyspace.databases[0]
    put(database, b"k", b"v")
    heard: list[bytes] = []

    class Ear:
        def changed(self, database: Database, key: bytes) -> None:
            heard.append(key)

        def emptying(self, database: Database, replacement: Database | None) -> None:
            raise AssertionError("nothing is emptied")

    keyspace.observers = Ear()
    assert keyspace.overwrite(database, b"k", b"w")
    assert heard == [b"k"]
