"""Values leave memory bit by bit, and never more slowly than they come."""

from __future__ import annotations

from tests.harness.memory_store import MemoryStore
from tests.meridian_resp.datatypes.test_keyspace import opened, put


def test_evicting_a_shard_at_once_was_a_pause() -> None:
    """It took 7 ms with two million keys; now a tick evicts some, and more when far beyond."""
    keyspace = opened(MemoryStore())
    for number in range(20_000):
        put(keyspace.databases[0], b"key:%d" % number, b"v")
    keyspace.commit()
    keyspace.trim()
    excess = 500_000
    keyspace.cache_bytes_max = keyspace.cache_bytes - excess
    keyspace.trim()
    assert 1000 + excess // 1024 == keyspace.counters.evicted_keys


def test_a_much_smaller_cache_was_a_pause() -> None:
    """CONFIG SET cache-size-mb evicted a key per kilobyte of excess in one tick, 62 ms."""
    keyspace = opened(MemoryStore())
    for number in range(20_000):
        put(keyspace.databases[0], b"key:%d" % number, b"v" * 2000)
    keyspace.commit()
    keyspace.trim()
    keyspace.cache_bytes_max = 0
    for tick in range(1, 6):
        keyspace.trim_if_idle()
        assert keyspace.counters.evicted_keys == 4000 * tick
    assert keyspace.cache_bytes == 0


def test_what_a_tick_adds_beyond_the_limit_is_evicted_in_the_next() -> None:
    """However much that is: the cache would grow for ever if more came than went."""
    keyspace = opened(MemoryStore(), cache_bytes_max=100_000)
    for tick in range(8):
        for number in range(6000):
            put(keyspace.databases[0], b"key:%d:%d" % (tick, number), b"v")
        grown = keyspace.cache_bytes
        keyspace.commit()
        keyspace.trim()
        assert keyspace.cache_bytes <= grown / 2 + 100_000
