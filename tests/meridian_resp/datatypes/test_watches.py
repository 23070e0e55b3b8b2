"""Tests of WATCH's bookkeeping."""

from __future__ import annotations

import pytest

from meridian_resp.datatypes.keyspace import Keyspace
from tests.harness.memory_store import MemoryStore

NOW_MS = 1_700_000_000_000


class Client:
    """Somebody who watches."""

    def __init__(self) -> None:
        self.watched: set[tuple[int, bytes]] = set()
        self.watch_dirty = False


@pytest.fixture
def keyspace() -> Keyspace:
    """Three databases; key `k` of database 0 exists."""
    made = Keyspace(MemoryStore(), databases=3, cache_bytes_max=1 << 30)
    made.open(NOW_MS)
    write(made, 0, b"k")
    return made


def write(keyspace: Keyspace, index: int, key: bytes, expire_at_ms: int = 0) -> None:
    """SET a key."""
    keyspace.effects.put_string(keyspace.databases[index], key, b"v", expire_at_ms)
    keyspace.apply()


def watching(keyspace: Keyspace, index: int, *keys: bytes) -> Client:
    """A client that watches keys of a database."""
    client = Client()
    for key in keys:
        keyspace.watches.watch(client, keyspace.databases[index], key)
    return client


def test_a_write_to_a_watched_key_is_noticed(keyspace: Keyspace) -> None:
    """All who watch the key are dirty, nobody else; their other watches are gone."""
    clients = [watching(keyspace, 0, b"k", b"l"), watching(keyspace, 0, b"k")]
    others = [watching(keyspace, 1, b"k"), watching(keyspace, 0, b"m")]
    write(keyspace, 0, b"k")
    assert [client.watch_dirty for client in clients + others] == [True, True, False, False]
    assert [client.watched for client in clients] == [set(), set()]
    assert len(keyspace.watches) == 2


def test_deletion_and_expiry_are_changes(keyspace: Keyspace) -> None:
    """A key that goes away has changed; deleting none is no change."""
    absent, present = watching(keyspace, 0, b"none"), watching(keyspace, 0, b"k")
    keyspace.effects.delete(keyspace.databases[0], b"none")
    keyspace.apply()
    keyspace.effects.delete(keyspace.databases[0], b"k")
    keyspace.apply()
    assert (absent.watch_dirty, present.watch_dirty) == (False, True)


def test_nobody_observes_while_nobody_watches(keyspace: Keyspace) -> None:
    """The write path pays for watches only as long as there are some."""
    assert keyspace.observers is None
    client = watching(keyspace, 0, b"k", b"k", b"l")
    assert keyspace.observers is keyspace.watches
    keyspace.watches.forget(client)
    assert keyspace.observers is None
    assert (client.watched, len(keyspace.watches)) == (set(), 0)
    write(keyspace, 0, b"k")
    assert not client.watch_dirty


def test_expired_but_not_deleted_counts_as_changed(keyspace: Keyspace) -> None:
    """EXEC asks for watched keys whose time is over although nobody read them."""
    write(keyspace, 0, b"e", NOW_MS + 10)
    client = watching(keyspace, 0, b"k", b"e", b"none")
    assert not keyspace.watches.has_expired(client)
    keyspace.begin_tick(NOW_MS + 10)
    assert keyspace.watches.has_expired(client)


def test_flushing_touches_the_keys_that_were_there(keyspace: Keyspace) -> None:
    """Emptying a database changes what existed in it, and nothing in another."""
    present, absent = watching(keyspace, 0, b"k"), watching(keyspace, 0, b"none")
    elsewhere = watching(keyspace, 1, b"k")
    keyspace.flush_database(keyspace.databases[0])
    dirty = [client.watch_dirty for client in (present, absent, elsewhere)]
    assert dirty == [True, False, False]


def test_swapping_touches_what_was_or_will_be_there(keyspace: Keyspace) -> None:
    """An exchange changes a key that exists on either side, and leaves the rest alone."""
    gone, come = watching(keyspace, 0, b"k"), watching(keyspace, 1, b"k")
    absent, elsewhere = watching(keyspace, 0, b"none"), watching(keyspace, 2, b"k")
    keyspace.swap_databases(keyspace.databases[0], keyspace.databases[1])
    dirty = [client.watch_dirty for client in (gone, come, absent, elsewhere)]
    assert dirty == [True, True, False, False]


def test_swapping_when_the_last_watch_falls(keyspace: Keyspace) -> None:
    """The first half of the exchange may end all watching; the second half is not asked."""
    client = watching(keyspace, 0, b"k")
    keyspace.swap_databases(keyspace.databases[0], keyspace.databases[1])
    assert client.watch_dirty
    assert keyspace.observers is None


def stale(keyspace: Keyspace, index: int, key: bytes) -> None:
    """A key whose time is over and that nothing has deleted."""
    write(keyspace, index, key, keyspace.now_ms + 1)
    keyspace.commit()
    keyspace.begin_tick(keyspace.now_ms + 2)


def swap(keyspace: Keyspace) -> None:
    """SWAPDB 0 1."""
    keyspace.swap_databases(keyspace.databases[0], keyspace.databases[1])
    keyspace.commit()


def is_dirty(keyspace: Keyspace, client: Client) -> bool:
    """What EXEC would ask."""
    return client.watch_dirty or keyspace.watches.has_expired(client)


def test_swapdb_brought_an_expired_key_and_that_was_taken_for_a_change(keyspace: Keyspace) -> None:
    """No key replaced by an expired one is no change, and its deletion afterwards is none."""
    stale(keyspace, 1, b"x")
    client = watching(keyspace, 0, b"x")
    swap(keyspace)
    assert not is_dirty(keyspace, client)
    assert keyspace.databases[0].get(b"x") is None
    keyspace.apply()
    assert not is_dirty(keyspace, client)
    write(keyspace, 0, b"x")
    assert is_dirty(keyspace, client)


def test_an_expired_key_may_be_replaced_by_another_one_or_by_none(keyspace: Keyspace) -> None:
    """Watched when its time was over already, it never was there for the client."""
    stale(keyspace, 0, b"x")
    stale(keyspace, 1, b"x")
    stale(keyspace, 0, b"y")
    client = watching(keyspace, 0, b"x", b"y")
    assert not is_dirty(keyspace, client)
    swap(keyspace)
    assert not is_dirty(keyspace, client)
    swap(keyspace)
    assert not is_dirty(keyspace, client)


@pytest.mark.parametrize("is_stale", [False, True])
def test_a_living_key_that_comes_with_another_database_is_a_change(
    keyspace: Keyspace, is_stale: bool
) -> None:
    """Whether there was none before or an expired one."""
    if is_stale:
        stale(keyspace, 0, b"x")
    write(keyspace, 1, b"x")
    client = watching(keyspace, 0, b"x")
    swap(keyspace)
    assert is_dirty(keyspace, client)


def test_forgetting_watches_forgets_what_was_expired(keyspace: Keyspace) -> None:
    """A later watch of the same client begins afresh."""
    stale(keyspace, 0, b"x")
    client = watching(keyspace, 0, b"x")
    keyspace.watches.forget(client)
    assert not keyspace.watches._stale
    write(keyspace, 0, b"x", keyspace.now_ms + 5)
    keyspace.watches.watch(client, keyspace.databases[0], b"x")
    keyspace.begin_tick(keyspace.now_ms + 9)
    assert is_dirty(keyspace, client)
