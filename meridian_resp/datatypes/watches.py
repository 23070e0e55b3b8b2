"""Optimistic locking: which clients WATCH which keys, and who must not EXEC any more.

A watcher is marked dirty when a key it watches is written, deleted, expires, or comes or goes
with its whole database. It is told once: then all its watches are dropped, because nothing more
can be learnt. The keyspace reports changes only while somebody watches something, so that the
write path pays one test for a feature that is rarely used.

A key may be expired and not deleted yet when its watch begins, or come so with another database
(SWAPDB). To a client there is no such key, so that it is deleted then is no change. These watches
are *stale*; as in Redis, they become dirty only when the key comes back.

Invariant: a watcher's `watched` and the table here always agree; what is stale is watched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from meridian_resp.datatypes.values import Kind

if TYPE_CHECKING:
    from meridian_resp.datatypes.database import Database
    from meridian_resp.datatypes.keyspace import Keyspace


class Watcher(Protocol):
    """The part of a client's session that belongs to WATCH; hashed by identity."""

    #: (database index, key) under WATCH.
    watched: set[tuple[int, bytes]]
    #: A watched key changed: EXEC answers null.
    watch_dirty: bool


class Watches:
    """All watches of a node."""

    __slots__ = ("_keyspace", "_stale", "_watchers")

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._watchers: dict[tuple[int, bytes], set[Watcher]] = {}
        self._stale: set[tuple[Watcher, tuple[int, bytes]]] = set()

    def __len__(self) -> int:
        """Number of keys that somebody watches."""
        return len(self._watchers)

    def watch(self, watcher: Watcher, database: Database, key: bytes) -> None:
        """Mark `watcher` dirty when the key changes from now on; twice is the same as once."""
        place = (database.index, key)
        if place not in watcher.watched and self._is_expired(database, key):
            self._stale.add((watcher, place))
        watcher.watched.add(place)
        self._watchers.setdefault(place, set()).add(watcher)
        self._keyspace.observers = self

    def forget(self, watcher: Watcher) -> None:
        """Drop all watches of a watcher; whether it is dirty stays as it is."""
        for place in watcher.watched:
            self._stale.discard((watcher, place))
            watchers = self._watchers[place]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[place]
        watcher.watched.clear()
        if not self._watchers:
            self._keyspace.observers = None

    def has_expired(self, watcher: Watcher) -> bool:
        """Whether the time of a watched key is over although nothing has deleted it yet."""
        databases = self._keyspace.databases
        return any(
            (watcher, place) not in self._stale and self._is_expired(databases[place[0]], place[1])
            for place in watcher.watched
        )

    def changed(self, database: Database, key: bytes) -> None:
        """A key was written, deleted or expired."""
        place = (database.index, key)
        watchers = self._watchers.get(place)
        if watchers is None:
            return
        is_gone = not _has(database, key)
        for watcher in list(watchers):
            if is_gone and (watcher, place) in self._stale:
                self._stale.discard((watcher, place))
            else:
                self._dirty(watcher)

    def emptying(self, database: Database, replacement: Database | None) -> None:
        """A database is about to lose its contents, or to exchange them for another one's.

        As in Redis, a key counts as changed if it is there now or will be afterwards.
        """
        for place, watchers in list(self._watchers.items()):
            index, key = place
            if index != database.index:
                continue
            is_there = _has(database, key)
            comes = replacement is not None and _has(replacement, key)
            comes_stale = replacement is not None and self._is_expired(replacement, key)
            for watcher in list(watchers):
                mark = (watcher, place)
                if mark in self._stale and not comes:
                    self._stale.discard(mark)
                elif not is_there and comes_stale:
                    self._stale.add(mark)
                elif (is_there or comes) and not (mark in self._stale and comes_stale):
                    self._dirty(watcher)

    def _dirty(self, watcher: Watcher) -> None:
        watcher.watch_dirty = True
        self.forget(watcher)

    def _is_expired(self, database: Database, key: bytes) -> bool:
        live = database.peek(key)
        # 0 means no expiry, which an absent key has neither.
        return not isinstance(live, bytes) and 0 < live.expire_at_ms <= self._keyspace.now_ms


def _has(database: Database, key: bytes) -> bool:
    live = database.peek(key)
    return isinstance(live, bytes) or live.kind != Kind.ABSENT
