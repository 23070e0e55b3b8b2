"""All databases of a node: applies effects, keeps counts, commits the tick, bounds the cache.

Life of a write: a handler records effects; `apply` turns each into the new live value (visible to
the next command at once) and a storage record in the tick's batch; `commit` logs the batch with
one append and makes it readable in storage. If the append fails, the tick is undone: cached
values of its keys are dropped (storage still has the old ones), counts and database maps go back.

Three system records make recovery exact and ride in the batch that changed them: the number of
keys per keyspace id, the map from database index to keyspace id, and the ceiling below which
versions may have been given out (persisted ahead of use, so that a clock set back never gives a
version twice). FLUSHDB gives the database a new keyspace id; records of the old one are dropped
by compaction.

Versions are a hybrid logical clock: 48 bits of Unix milliseconds, 16 bits of counter (Kulkarni et
al., "Logical Physical Clocks", 2014).
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from meridian_resp.datatypes.database import SHARD_MASK, Database
from meridian_resp.datatypes.effects import (
    Change,
    Effects,
    Expired,
    SetExpiry,
    StringWithExpiry,
)
from meridian_resp.datatypes.eviction import Eviction
from meridian_resp.datatypes.expiry_index import ExpiryIndex
from meridian_resp.datatypes.system_records import (
    CLOCK_KEY,
    COUNTS_KEY,
    KEYSPACES_KEY,
    decode_counts,
    decode_keyspaces,
    decode_number,
    encode_counts,
    encode_keyspaces,
    encode_number,
)
from meridian_resp.datatypes.values import NEVER, OVERHEAD_BYTES, Entry, Kind, Live, live_bytes
from meridian_resp.datatypes.watches import Watches
from meridian_resp.errors import CommandError, key_too_long
from storage import StorageError, WriteBatch
from storage.keys import PACK_SHORT_KEY, SHORT_KEY_BYTES_MAX, is_system_key, parse_key
from storage.records import HAS_EXPIRY, Record, encode_record, encode_tombstone

#: How far ahead of use versions are reserved, in milliseconds.
CEILING_AHEAD_MS: Final = 10_000
_LONG_RECORD_BYTES: Final = 16384
_plain_header = struct.Struct(">BQ").pack
_expiring_header = struct.Struct(">BQQ").pack
_crc16 = binascii.crc_hqx
_OPEN_BRACE = ord("{")


class Store(Protocol):
    """What the keyspace needs of the storage engine (`storage.Engine`)."""

    def get(self, key: bytes) -> bytes | None:
        """Newest record of a storage key, tombstones included."""

    def scan(
        self, start: bytes, end: bytes, batch: WriteBatch | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Newest record of each storage key in [start, end), in order; `batch` laid over."""

    def prepare_scan(self, start: bytes) -> bool:
        """Do a part of what a scan from `start` begins with; whether more is left."""

    def commit(self, batch: WriteBatch) -> int:
        """Log and apply a batch; the log offset after it. Raises StorageError, nothing done."""


class Observers(Protocol):
    """Who wants to know of changes (WATCH, later client-side caching and notifications)."""

    def changed(self, database: Database, key: bytes) -> None:
        """A key was written, deleted or expired."""

    def emptying(self, database: Database, replacement: Database | None) -> None:
        """A database is about to be emptied, or to get the contents of another one instead."""


class KeyspaceCounters:
    """Running totals that INFO and metrics show."""

    __slots__ = ("evicted_keys", "expired_keys", "freed_keys", "hits", "misses")

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.expired_keys = 0
        self.evicted_keys = 0
        #: Cached values of dropped databases that were freed in slices.
        self.freed_keys = 0

    def reset(self) -> None:
        """CONFIG RESETSTAT."""
        self.hits = self.misses = self.expired_keys = self.evicted_keys = self.freed_keys = 0


class TooFewDatabases(StorageError):
    """The directory holds keys of databases that this server would not have, and forget.

    Args:
        databases: how many it would have.
        keys: how many keys are in others.
    """

    def __init__(self, databases: int, keys: int) -> None:
        super().__init__(databases, keys)
        self.databases = databases
        self.keys = keys

    def __str__(self) -> str:
        return (
            f"{self.keys} keys are in databases beyond the first {self.databases}; start with the "
            "number of databases that there were (databases), and move or delete them first"
        )


class Keyspace:
    """The databases of one node. All methods are synchronous and run between two awaits."""

    def __init__(self, store: Store, *, databases: int, cache_bytes_max: int) -> None:
        self.store = store
        self.effects = Effects()
        self.batch = WriteBatch()
        self.expiry_index = ExpiryIndex()
        self.counters = KeyspaceCounters()
        #: None while nobody watches anything, so that the write path pays one test.
        self.observers: Observers | None = None
        self.watches = Watches(self)
        self.now_ms = 0
        self.version = 0
        self.ceiling = 0
        self.cache_bytes_max = cache_bytes_max
        #: The log takes appends. While it does not, a read that meets an expired key answers that
        #: there is none but leaves the deletion for later, or its tick could not be logged.
        self.may_log = True
        #: CLIENT PAUSE is in force: an expired key is none to readers, but it is not deleted.
        self.is_paused = False
        #: Longest key that may be written; the server sets it from `key-size-max-bytes`.
        self.key_bytes_max = 1 << 29
        #: Effects applied since the start; SAVE and INFO count from it.
        self.changes = 0
        self.databases = [Database(self, index, index) for index in range(databases)]
        self._next_keyspace_id = databases
        #: Bytes of long records in the batch: APPEND makes megabytes out of a few bytes of input.
        self.long_bytes = 0
        self._counts_dirty = False
        self._undo: list[Callable[[], None]] = []
        self._eviction = Eviction(self.databases)
        #: Dropped cache shards whose entries are freed in slices.
        self.garbage: list[dict[bytes, Live]] = []

    # --- start ---

    def open(self, now_ms: int) -> None:
        """Read the system records of a recovered store; call once before the first command.

        Raises:
            TooFewDatabases: the store holds keys of databases beyond those.
        """
        record = self.store.get(KEYSPACES_KEY)
        if record is not None:
            ids, self._next_keyspace_id = decode_keyspaces(record)
            for database, keyspace_id in zip(self.databases, ids, strict=False):
                database.keyspace_id = keyspace_id
            for database in self.databases[len(ids) :]:
                # Its index may be the id of a database that was flushed meanwhile.
                database.keyspace_id = self._next_keyspace_id
                self._next_keyspace_id += 1
        self._read_counts()
        record = self.store.get(CLOCK_KEY)
        self.ceiling = 0 if record is None else decode_number(record)
        self.version = self.ceiling
        self.begin_tick(now_ms)

    def _read_counts(self) -> None:
        record = self.store.get(COUNTS_KEY)
        counts = {} if record is None else decode_counts(record)
        for database in self.databases:
            database.count, database.expiring = counts.pop(database.keyspace_id, (0, 0))
        beyond = sum([keys for keys, _ in counts.values()])
        if beyond:
            raise TooFewDatabases(len(self.databases), beyond)

    @property
    def cache_bytes(self) -> int:
        """Estimated memory of all cached values."""
        return sum([database.cache_bytes for database in self.databases])

    @property
    def live_keyspace_ids(self) -> frozenset[int]:
        """Keyspace ids whose records compaction must keep."""
        return frozenset(database.keyspace_id for database in self.databases)

    # --- a tick ---

    def begin_tick(self, now_ms: int) -> None:
        """Set the time that all commands of the tick see; versions follow it forward."""
        self.now_ms = now_ms
        floor = now_ms << 16
        if floor > self.version:
            self.version = floor

    def apply(self) -> None:
        """Apply the recorded effects of a command: live values, counts and the tick's batch.

        Raises:
            CommandError: a key is too long; nothing was applied.
            StorageError: a present value could not be read; nothing was applied.
        """
        entries = self.batch.entries
        pending = self.effects.pending
        if len(pending) > 1:
            self._prepare()
        for database, key, change in pending:
            if len(key) > self.key_bytes_max:
                self._check_length(key, change)
            if _OPEN_BRACE in key or 0 in key or len(key) > SHORT_KEY_BYTES_MAX:
                storage_key = database.storage_key(key)
            else:
                slot = _crc16(key, 0) & 16383
                storage_key = PACK_SHORT_KEY[len(key)](slot, database.keyspace_id, key)
            hot = database.hot[hash(key) & SHARD_MASK]
            old = hot.get(key)
            if old is None:
                old = database.load(key, storage_key)
            version = self.version = self.version + 1
            # The two commonest cases by themselves: a string over a string, a new string.
            if change.__class__ is bytes and old.__class__ is bytes:
                record = _plain_header(0, version) + change
                database.cache_bytes += len(change) - len(old)
                hot[key] = change
            elif change.__class__ is bytes and old is NEVER:
                record = _plain_header(0, version) + change
                database.cache_bytes += len(key) + len(change) + OVERHEAD_BYTES
                database.count += 1
                self._counts_dirty = True
                hot[key] = change
            else:
                made = self._change(database, key, old, change, version)
                if made is None:
                    continue
                record = made
            entries.append((storage_key, record))
            if len(record) > _LONG_RECORD_BYTES:
                self.long_bytes += len(record)
            if self.observers is not None:
                self.observers.changed(database, key)
        pending.clear()

    def overwrite(self, database: Database, key: bytes, value: bytes) -> bool:
        """Set a key to a plain string if it holds one already; False, nothing done, if not.

        What `apply` does for the commonest effect of all, without its detours (0.3 us less).
        No other effect may be pending, and nothing may fail behind it.
        """
        hot = database.hot[hash(key) & SHARD_MASK]
        old = hot.get(key)
        if old.__class__ is not bytes or _OPEN_BRACE in key or 0 in key:
            return False
        length = len(key)
        if length > SHORT_KEY_BYTES_MAX or length > self.key_bytes_max:
            return False
        self.version = version = self.version + 1
        database.cache_bytes += len(value) - len(old)
        hot[key] = value
        self.batch.entries.append(
            (
                PACK_SHORT_KEY[length](_crc16(key, 0) & 16383, database.keyspace_id, key),
                _plain_header(0, version) + value,
            )
        )
        if self.observers is not None:
            self.observers.changed(database, key)
        return True

    def _check_length(self, key: bytes, change: Change) -> None:
        """Refuse to write a key that is too long; one from before the limit may be deleted."""
        if change is not None and not isinstance(change, Expired):
            raise CommandError(key_too_long(len(key), self.key_bytes_max))

    def _prepare(self) -> None:
        """Do everything that may fail before the first of several effects is applied."""
        for database, key, change in self.effects.pending:
            if len(key) > self.key_bytes_max:
                self._check_length(key, change)
            hot = database.hot[hash(key) & SHARD_MASK]
            is_new = key not in hot and database.load(key, database.storage_key(key)) is NEVER
            if is_new:
                hot[key] = Entry(Kind.ABSENT, b"")
                database.cache_bytes += live_bytes(key, hot[key])

    def _change(
        self, database: Database, key: bytes, old: Live, change: Change, version: int
    ) -> bytes | None:
        """The general form of `apply` for one effect: the record, or None for no change."""
        entry = old if isinstance(old, Entry) else Entry(Kind.STRING, old)
        existed = entry.kind != Kind.ABSENT
        # Overwriting or deleting a collection moves on to the next generation, so that its
        # elements can never belong to anything again.
        generation = entry.generation + (existed and entry.kind != Kind.STRING)
        new: Live
        if isinstance(change, bytes):
            new = change if not generation else Entry(Kind.STRING, change, 0, generation)
        elif isinstance(change, StringWithExpiry):
            new = Entry(Kind.STRING, change.value, change.expire_at_ms, generation)
        elif not existed:
            return None
        elif isinstance(change, SetExpiry):
            at_ms = change.expire_at_ms
            if not at_ms and not entry.generation and entry.kind == Kind.STRING:
                new = entry.value
            else:
                new = Entry(entry.kind, entry.value, at_ms, entry.generation)
        else:
            if isinstance(change, Expired):
                self.counters.expired_keys += 1
            new = Entry(Kind.ABSENT, b"", 0, generation)
        self._replace(database, key, old, new)
        return self._record(database, key, new, version)

    def _replace(self, database: Database, key: bytes, old: Live, new: Live) -> None:
        """Put a live value into the cache, with its counts."""
        before = isinstance(old, bytes) or old.kind != Kind.ABSENT
        after = isinstance(new, bytes) or new.kind != Kind.ABSENT
        expires_before = before and isinstance(old, Entry) and old.expire_at_ms != 0
        expires_after = isinstance(new, Entry) and new.expire_at_ms != 0
        if before != after or expires_before != expires_after:
            database.count += after - before
            database.expiring += expires_after - expires_before
            self._counts_dirty = True
        if old is not NEVER:
            database.cache_bytes -= live_bytes(key, old)
        if isinstance(new, bytes):
            database.cache_bytes += len(key) + len(new) + OVERHEAD_BYTES
        else:
            database.cache_bytes += live_bytes(key, new)
        database.hot[hash(key) & SHARD_MASK][key] = new

    def _record(self, database: Database, key: bytes, new: Live, version: int) -> bytes:
        """The storage record of a live value."""
        if isinstance(new, bytes):
            return _plain_header(0, version) + new
        if new.kind == Kind.ABSENT:
            return encode_tombstone(version, generation=new.generation)
        if new.expire_at_ms:
            self.expiry_index.add(new.expire_at_ms, database.keyspace_id, key)
            if not new.generation:
                # What `encode_record` would make, without its detour: SETEX is common.
                flags = new.kind | HAS_EXPIRY
                return _expiring_header(flags, version, new.expire_at_ms) + new.value
        expiry_ms = new.expire_at_ms or None
        return encode_record(
            Record(version, new.value, new.kind, expiry_ms=expiry_ms, generation=new.generation)
        )

    def commit(self) -> int | None:
        """Log everything applied since the last commit; the log offset, or None if nothing was.

        Raises:
            StorageError: the log could not be written; everything since the last commit is
                undone, live values and counts included.
        """
        batch = self.batch
        if not batch.entries:
            return None
        changes = len(batch.entries)
        if self._counts_dirty:
            counts = {d.keyspace_id: (d.count, d.expiring) for d in self.databases if d.count}
            batch.entries.append((COUNTS_KEY, encode_counts(self.version, counts)))
        if self.version >= self.ceiling:
            ceiling = self.version + (CEILING_AHEAD_MS << 16)
            batch.entries.append((CLOCK_KEY, encode_number(self.version, ceiling)))
        else:
            ceiling = self.ceiling
        try:
            offset = self.store.commit(batch)
        except StorageError:
            self._undo_tick()
            raise
        self.ceiling = ceiling
        self.changes += changes
        self.long_bytes = 0
        batch.clear()
        self._undo.clear()
        self._counts_dirty = False
        return offset

    def _undo_tick(self) -> None:
        """Take back what was applied since the last commit; storage has seen none of it."""
        by_id = {database.keyspace_id: database for database in self.databases}
        changed: dict[tuple[int, bytes], None] = {}
        for storage_key, _ in self.batch.entries:
            if not is_system_key(storage_key):
                parsed = parse_key(storage_key)
                changed[(parsed.keyspace_id, parsed.user_key)] = None
        for undo in reversed(self._undo):
            undo()
        by_id.update({database.keyspace_id: database for database in self.databases})
        for keyspace_id, key in changed:
            database = by_id.get(keyspace_id)
            if database is not None:
                database.forget(key)
        self._read_counts()
        self.long_bytes = 0
        self.batch.clear()
        self._undo.clear()
        self._counts_dirty = False

    # --- whole databases ---

    def flush_database(self, database: Database) -> None:
        """Empty a database by giving it a new keyspace id; cached values are freed in slices."""
        if self.observers is not None:
            self.observers.emptying(database, None)
        old_id = database.keyspace_id
        self._undo.append(lambda: self._restore_id(database, old_id))
        database.keyspace_id = self._next_keyspace_id
        self._next_keyspace_id += 1
        self._forget_all(database)
        database.count = database.expiring = 0
        self._log_map()

    def swap_databases(self, first: Database, second: Database) -> None:
        """Exchange the contents of two databases."""
        if first is second:
            return
        for database, replacement in ((first, second), (second, first)):
            # Asked anew: whoever is told may stop observing.
            if self.observers is not None:
                self.observers.emptying(database, replacement)
        first_id, second_id = first.keyspace_id, second.keyspace_id
        self._undo.append(lambda: self._restore_id(first, first_id))
        self._undo.append(lambda: self._restore_id(second, second_id))
        first.keyspace_id, second.keyspace_id = second_id, first_id
        first.hot, second.hot = second.hot, first.hot
        first.cold, second.cold = second.cold, first.cold
        first.count, second.count = second.count, first.count
        first.expiring, second.expiring = second.expiring, first.expiring
        first.cache_bytes, second.cache_bytes = second.cache_bytes, first.cache_bytes
        self._log_map()

    def _log_map(self) -> None:
        self.version += 1
        ids = [database.keyspace_id for database in self.databases]
        record = encode_keyspaces(self.version, ids, self._next_keyspace_id)
        self.batch.entries.append((KEYSPACES_KEY, record))
        self._counts_dirty = True

    def _restore_id(self, database: Database, keyspace_id: int) -> None:
        database.keyspace_id = keyspace_id
        self._forget_all(database)

    def _forget_all(self, database: Database) -> None:
        self.garbage.extend(database.drop_cache())

    def enter_reported(self, reported: Iterable[tuple[bytes, int]]) -> None:
        """Enter expired records that compaction met, as (storage key, version), as due now."""
        for storage_key, _ in reported:
            parsed = parse_key(storage_key)
            self.expiry_index.add(self.now_ms, parsed.keyspace_id, parsed.user_key)

    # --- bounded memory ---

    def trim_if_idle(self) -> None:
        """Free a slice of garbage, and of what is too much, although no tick runs."""
        is_wanted = self.garbage or self.cache_bytes > self.cache_bytes_max
        if is_wanted and not self.batch.entries:
            self.trim()

    def trim(self) -> None:
        """Evict what is least recently used while over the limit; free a slice of garbage.

        Call between ticks only, after `commit`: uncommitted values must stay cached.
        """
        assert not self.batch.entries
        if self.garbage:
            self.counters.freed_keys += len(self.garbage.pop())
        self.counters.evicted_keys += self._eviction.trim(self.cache_bytes_max)
