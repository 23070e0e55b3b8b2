"""Tests of walking over all keys: SCAN's cursor, KEYS in slices, RANDOMKEY."""

from __future__ import annotations

import random
import weakref
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.datatypes.database import SHARDS, Database
from meridian_resp.datatypes.keyspace import Keyspace
from meridian_resp.datatypes.scanning import (
    EXAMINED_MAX,
    SLICE_RECORDS,
    random_key,
    scan,
    walk_expiring,
    walk_in_slices,
)
from meridian_resp.datatypes.values import Kind
from storage import WriteBatch
from storage.keys import element_key, metadata_key, slot_of
from storage.records import Record, encode_record, encode_string
from tests.harness.memory_store import MemoryStore

NOW_MS = 1_700_000_000_000

# Many share the slot of a tag, so that cursors stop within a slot.
keys = st.one_of(
    st.binary(max_size=3),
    st.integers(0, 60).map(lambda number: b"{tag}%d" % number),
)


def filled(present: list[bytes], expired: list[bytes] | None = None) -> Database:
    """Database 0 with these keys; others hold keys and elements that must not be seen."""
    store = MemoryStore()
    keyspace = Keyspace(store, databases=2, cache_bytes_max=1 << 30)
    keyspace.open(NOW_MS)
    database, other = keyspace.databases
    for key in present:
        keyspace.effects.put_string(database, key, b"v")
        keyspace.effects.put_string(other, key + b"?", b"v")
    for key in expired or []:
        keyspace.effects.put_string(database, key, b"v", NOW_MS - 1)
    keyspace.apply()
    keyspace.commit()
    element = element_key(metadata_key(0, b"{tag}set"), 0, 1, b"member")
    store.records[element] = encode_string(1, b"")
    return database


def walked(database: Database, count: int, between: list[bytes]) -> list[bytes]:
    """All keys of a whole SCAN; after each step one key of `between` comes or goes."""
    found: list[bytes] = []
    cursor, steps = 0, 0
    while True:
        cursor, some = scan(database, cursor, count)
        found += [key for key, _ in some]
        if between:
            key = between[steps % len(between)]
            if database.get(key) is None:
                database.keyspace.effects.put_string(database, key, b"v")
            else:
                database.keyspace.effects.delete(database, key)
        database.keyspace.apply()
        steps += 1
        if not cursor:
            return found
        assert steps < 1000


@given(st.lists(keys, unique=True, max_size=40), st.integers(1, 15))
def test_a_walk_meets_every_key_once(present: list[bytes], count: int) -> None:
    """Without changes, each key comes exactly once, whatever the count."""
    assert sorted(present) == sorted(walked(filled(present), count, []))


@given(
    st.lists(keys, unique=True, max_size=40),
    st.lists(keys, unique=True, min_size=1, max_size=8),
    st.integers(1, 5),
)
def test_a_walk_meets_what_stays(present: list[bytes], changing: list[bytes], count: int) -> None:
    """Keys that exist throughout are met exactly once although others come and go."""
    found = Counter(walked(filled(present), count, changing))
    for key in set(present) - set(changing):
        assert found[key] == 1
    assert set(found) <= set(present) | set(changing)


@given(st.integers(0, 2**64 - 1))
def test_any_cursor_is_safe(cursor: int) -> None:
    """A cursor that nobody gave out still gives keys of the database, or ends the walk."""
    present = [b"{tag}%d" % number for number in range(20)]
    following, some = scan(filled(present), cursor, 3)
    assert {key for key, _ in some} <= set(present)
    assert 0 <= following < 2**64


def test_a_step_over_nothing_is_bounded() -> None:
    """Many deleted records cost one call a bounded time: it returns with a cursor and no key."""
    last = max((b"%d" % number for number in range(20_000)), key=slot_of)
    database = filled([b"%d" % number for number in range(EXAMINED_MAX + 500)] + [last])
    for number in range(EXAMINED_MAX + 500):
        database.keyspace.effects.delete(database, b"%d" % number)
    database.keyspace.effects.put_string(database, last, b"v")
    database.keyspace.apply()
    cursor, some = scan(database, 0, 10)
    assert (cursor > 0, some) == (True, [])
    assert walked(database, 10, []) == [last]


def test_expired_keys_are_passed_over_and_deleted() -> None:
    """A walk gives none of them and records their deletion."""
    database = filled([b"a"], [b"b", b"{tag}c"])
    assert walked(database, 10, []) == [b"a"]
    assert database.count == 1


@given(st.lists(keys, unique=True, max_size=30))
def test_a_walk_in_slices_visits_every_key_once(present: list[bytes]) -> None:
    """KEYS sees each key of its database once, with its type."""
    visited: list[tuple[bytes, int]] = []
    for _ in walk_in_slices(filled(present), lambda key, kind: visited.append((key, kind))):
        pass
    assert sorted(visited) == sorted((key, int(Kind.STRING)) for key in present)


def test_long_walks_give_way() -> None:
    """Thousands of keys are visited in several slices, and none is lost at their edges."""
    present = [b"%d" % number for number in range(20_000)]
    visited: list[bytes] = []
    slices = sum(1 for _ in walk_in_slices(filled(present), lambda key, _: visited.append(key)))
    assert slices > 1
    assert sorted(visited) == sorted(present)


@pytest.mark.parametrize("work", ["walk", "calendar"])
def test_a_walk_kept_a_flushed_memtable_until_its_next_slice(work: str) -> None:
    """Between two slices nothing of storage is held, so that it can be freed bit by bit."""
    database = filled([b"%d" % number for number in range(3 * SLICE_RECORDS)])
    store = database.keyspace.store
    scans: list[weakref.ref[Iterator[tuple[bytes, bytes]]]] = []

    class Watched:
        """The store, with an eye on who holds its scans."""

        get, commit, prepare_scan = store.get, store.commit, store.prepare_scan

        def scan(
            self, start: bytes, end: bytes, batch: WriteBatch | None = None
        ) -> Iterator[tuple[bytes, bytes]]:
            scan = (entry for entry in store.scan(start, end, batch))
            scans.append(weakref.ref(scan))
            return scan

    database.keyspace.store = Watched()
    slices = (
        walk_expiring(database)
        if work == "calendar"
        else walk_in_slices(database, lambda key, kind: None)
    )
    for _ in slices:
        assert scans[-1]() is None
    assert len(scans) > 2


def test_the_calendar_can_be_filled_from_storage() -> None:
    """Keys with an expiry, and only those of the database, are entered."""
    database = filled([b"plain"], [b"over"])
    keyspace = database.keyspace
    store = keyspace.store
    assert isinstance(store, MemoryStore)
    soon = encode_record(Record(1, b"v", expiry_ms=NOW_MS + 500))
    store.records[metadata_key(0, b"soon")] = soon
    store.records[metadata_key(1, b"elsewhere")] = soon
    keyspace.expiry_index.take_due(NOW_MS + 10_000, 100)
    for _ in walk_expiring(database):
        pass
    due = keyspace.expiry_index.take_due(NOW_MS + 10_000, 100)
    assert sorted(due) == [(0, b"over"), (0, b"soon")]


def test_random_keys_are_keys() -> None:
    """Every key comes up, no other does, and an empty database has none."""
    present = [b"a", b"b", b"{tag}1", b"{tag}2"]
    database = filled(present)
    rng = random.Random(5)
    assert {random_key(database, rng) for _ in range(500)} == set(present)
    assert random_key(filled([]), rng) is None


def test_random_key_of_expired_ones() -> None:
    """A database with nothing but expired keys has no random key."""
    assert random_key(filled([], [b"a"]), random.Random(5)) is None


def test_random_key_among_remains() -> None:
    """Where nearly everything in storage is deleted, the keys in memory are found at once."""
    database = filled([b"%d" % number for number in range(EXAMINED_MAX + 500)])
    for number in range(EXAMINED_MAX + 500):
        database.keyspace.effects.delete(database, b"%d" % number)
    # Hashes differ in each process: two in neighbouring shards are hardly ever both drawn.
    far = hash(b"") ^ (SHARDS // 2)
    names = (b"some%d" % number for number in range(100_000))
    some = next(name for name in names if (hash(name) ^ far) % SHARDS == 0)
    for key in (b"", some):
        database.keyspace.effects.put_string(database, key, b"v")
    database.keyspace.apply()
    database.keyspace.commit()
    rng = random.Random(5)
    assert {random_key(database, rng) for _ in range(60)} == {b"", some}
    database.drop_cache()
    assert random_key(database, rng) in (b"", some)


def test_writers_that_never_rest_do_not_keep_a_walk_from_going_on() -> None:
    """Preparing a scan ends although there is always more to prepare."""
    store = MemoryStore()
    keyspace = Keyspace(store, databases=1, cache_bytes_max=1 << 20)
    keyspace.open(1_700_000_000_000)
    keyspace.effects.put_string(keyspace.databases[0], b"k", b"v")
    keyspace.apply()
    keyspace.commit()
    store.prepare_scan = lambda start: True  # type: ignore[method-assign] # a stand-in
    seen: list[bytes] = []
    slices = sum(
        1 for _ in walk_in_slices(keyspace.databases[0], lambda key, kind: seen.append(key))
    )
    assert seen == [b"k"] and slices == 100


@pytest.mark.parametrize("is_paused", [False, True])
def test_randomkey_walked_over_all_expired_keys_at_every_call(is_paused: bool) -> None:
    """They may not be deleted during a pause; without one the first call deletes them."""
    store = MemoryStore()
    keyspace = Keyspace(store, databases=1, cache_bytes_max=1 << 30)
    keyspace.open(NOW_MS)
    database = keyspace.databases[0]
    for number in range(EXAMINED_MAX + 5000):
        keyspace.effects.put_string(database, b"%d" % number, b"v", NOW_MS + 1)
        keyspace.apply()
    keyspace.commit()
    keyspace.begin_tick(NOW_MS + 2)
    keyspace.is_paused = is_paused
    looked_at = 0
    plain_scan = store.scan

    def counting(
        start: bytes, end: bytes, batch: WriteBatch | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        nonlocal looked_at
        for entry in plain_scan(start, end, batch):
            looked_at += 1
            yield entry

    store.scan = counting  # type: ignore[method-assign] # a stand-in
    assert random_key(database, random.Random(1)) is None
    keyspace.apply()
    assert (looked_at <= 2 * EXAMINED_MAX) == is_paused
