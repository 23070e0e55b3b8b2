"""The keyspace against plain dictionaries: a state machine of everything that can happen to it.

The model is one dictionary per database, as of now and as of the last good commit. After every
step values, counts and whole walks of the keyspace must agree with it, whatever was evicted,
flushed, exchanged, undone or restarted.
"""

from __future__ import annotations

import copy

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from meridian_resp.datatypes.database import Database
from meridian_resp.datatypes.keyspace import Keyspace
from meridian_resp.datatypes.scanning import scan
from meridian_resp.datatypes.values import Entry, live_bytes
from storage.errors import DiskFullError
from tests.harness.memory_store import MemoryStore

START_MS = 1_700_000_000_000
DATABASES = 3

keys = st.sampled_from([b"a", b"b", b"{a}c", b"\0", b"a\0", b"long" * 20])
values = st.sampled_from([b"", b"1", b"x" * 300])
indexes = st.integers(0, DATABASES - 1)

#: key -> (value, expiry in Unix ms or 0)
Contents = dict[bytes, tuple[bytes, int]]


class KeyspaceMachine(RuleBasedStateMachine):
    """One node's life."""

    store: MemoryStore
    keyspace: Keyspace
    now_ms: int
    model: list[Contents]
    committed: list[Contents]

    @initialize()
    def start(self) -> None:
        """An empty store."""
        self.store = MemoryStore()
        self.now_ms = START_MS
        self.model = [{} for _ in range(DATABASES)]
        self.open()

    def open(self) -> None:
        """Start on whatever is in the store."""
        self.keyspace = Keyspace(self.store, databases=DATABASES, cache_bytes_max=1500)
        self.keyspace.open(self.now_ms)
        self.committed = copy.deepcopy(self.model)

    def database(self, index: int) -> Database:
        """A database of the keyspace under test."""
        return self.keyspace.databases[index]

    def is_over(self, index: int, key: bytes) -> bool:
        """Whether the model's key exists with its time over."""
        expire_at_ms = self.model[index].get(key, (b"", 0))[1]
        return 0 < expire_at_ms <= self.now_ms

    @rule(index=indexes, key=keys, value=values, expires_in_ms=st.sampled_from([0, 0, 50, 400]))
    def put(self, index: int, key: bytes, value: bytes, expires_in_ms: int) -> None:
        """SET, with or without an expiry."""
        expire_at_ms = self.now_ms + expires_in_ms if expires_in_ms else 0
        self.keyspace.effects.put_string(self.database(index), key, value, expire_at_ms)
        self.keyspace.apply()
        self.model[index][key] = (value, expire_at_ms)

    @rule(index=indexes, first=keys, second=keys, value=values)
    def put_two(self, index: int, first: bytes, second: bytes, value: bytes) -> None:
        """MSET, possibly of the same key twice."""
        for number, key in enumerate((first, second)):
            text = b"%d%b" % (number, value)
            self.keyspace.effects.put_string(self.database(index), key, text)
            self.model[index][key] = (text, 0)
        self.keyspace.apply()

    @rule(index=indexes, key=keys)
    def delete(self, index: int, key: bytes) -> None:
        """DEL."""
        self.keyspace.effects.delete(self.database(index), key)
        self.keyspace.apply()
        self.model[index].pop(key, None)

    @rule(index=indexes, key=keys, expires_in_ms=st.sampled_from([0, 50, 400]))
    def set_expiry(self, index: int, key: bytes, expires_in_ms: int) -> None:
        """EXPIRE and PERSIST, of a key whose time may be over."""
        expire_at_ms = self.now_ms + expires_in_ms if expires_in_ms else 0
        self.keyspace.effects.set_expiry(self.database(index), key, expire_at_ms)
        self.keyspace.apply()
        if key in self.model[index]:
            self.model[index][key] = (self.model[index][key][0], expire_at_ms)

    @rule(index=indexes, key=keys)
    def get(self, index: int, key: bytes) -> None:
        """GET, which deletes what it finds expired."""
        value = self.database(index).get_string(key)
        self.keyspace.apply()
        if self.is_over(index, key):
            del self.model[index][key]
        expected = self.model[index].get(key)
        assert value == (None if expected is None else expected[0])

    @rule(index=indexes)
    def walk(self, index: int) -> None:
        """SCAN to the end meets every key that is alive, and deletes the expired ones."""
        found: list[bytes] = []
        cursor = 0
        while True:
            cursor, some = scan(self.database(index), cursor, 2)
            found += [key for key, _ in some]
            self.keyspace.apply()
            if not cursor:
                break
        for key in list(self.model[index]):
            if self.is_over(index, key):
                del self.model[index][key]
        assert sorted(self.model[index]) == sorted(found)

    @rule(duration_ms=st.sampled_from([1, 60, 500]))
    def pass_time(self, duration_ms: int) -> None:
        """The next tick begins later."""
        self.now_ms += duration_ms
        self.keyspace.begin_tick(self.now_ms)

    @rule()
    def commit(self) -> None:
        """A tick ends well; memory is trimmed."""
        self.keyspace.commit()
        self.keyspace.trim()
        self.committed = copy.deepcopy(self.model)

    @rule()
    def fail_to_commit(self) -> None:
        """A tick ends on a full disk: it never happened."""
        is_empty = not self.keyspace.batch.entries
        self.store.is_full = True
        if is_empty:
            assert self.keyspace.commit() is None
        else:
            with pytest.raises(DiskFullError):
                self.keyspace.commit()
        self.store.is_full = False
        self.model = copy.deepcopy(self.committed)

    @rule(index=indexes)
    def flush(self, index: int) -> None:
        """FLUSHDB."""
        self.keyspace.flush_database(self.database(index))
        self.model[index] = {}

    @rule(first=indexes, second=indexes)
    def swap(self, first: int, second: int) -> None:
        """SWAPDB."""
        self.keyspace.swap_databases(self.database(first), self.database(second))
        model = self.model
        model[first], model[second] = model[second], model[first]

    @rule(seconds_back=st.sampled_from([0, 3600]))
    def restart(self, seconds_back: int) -> None:
        """The process dies, what was committed is there again; the clock may have been set."""
        version = self.keyspace.version
        self.model = copy.deepcopy(self.committed)
        self.open()
        self.keyspace.begin_tick(self.now_ms - seconds_back * 1000)
        self.keyspace.begin_tick(self.now_ms)
        if self.store.batches:
            assert self.keyspace.version >= version or self.keyspace.version >= (
                self.keyspace.ceiling
            )

    @invariant()
    def counts_agree(self) -> None:
        """Keys, and keys with an expiry, are counted exactly."""
        for index, contents in enumerate(self.model):
            database = self.database(index)
            assert len(contents) == database.count
            assert sum(1 for _, at_ms in contents.values() if at_ms) == database.expiring

    @invariant()
    def cache_is_accounted(self) -> None:
        """The estimate of memory is the sum over what is cached, and never of another value."""
        for index, contents in enumerate(self.model):
            database = self.database(index)
            size = 0
            for shards in (database.hot, database.cold):
                for shard in shards:
                    size += sum(live_bytes(key, live) for key, live in shard.items())
            assert size == database.cache_bytes
            for key, live in database.cached():
                if isinstance(live, Entry):
                    shown = (live.value, live.expire_at_ms)
                else:
                    shown = (live, 0)
                assert contents.get(key, (b"", 0)) == shown


TestKeyspaceMachine = KeyspaceMachine.TestCase
