"""The block cache: bounded, and kind to what is used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.sstable.block import Block, encode_block
from storage.sstable.cache import BlockCache


def block_of(number, size=100):
    """A block to hold."""
    return Block(encode_block([b"%d" % number], [bytes(size)]))


COST = block_of(0).memory_bytes


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2000)), max_size=200), st.integers(0, 8)
)
def test_bound_and_accounting(accesses, room):
    """Whatever is asked for, the bytes held are counted right and within the bound."""
    cache = BlockCache(room * COST)
    for number, size in accesses:
        found = cache.get(number)
        if found is None:
            cache.insert(number, block_of(number, size))
        else:
            assert (b"%d" % number,) == found.keys
        cache.check_invariants()


def test_what_is_used_stays():
    """A block asked for between other misses survives a scan ten times the cache's size."""
    cache = BlockCache(10 * COST + 50)
    cache.insert(0, block_of(0))
    for number in range(1, 101):
        assert cache.get(0) is not None, number
        if cache.get(number) is None:
            cache.insert(number, block_of(number))
    statistics = cache.statistics()
    assert statistics.evictions >= 90
    assert statistics.misses == 100
    assert 0 < statistics.bytes <= statistics.bytes_max


def test_no_room_holds_nothing():
    """A bound of zero is a cache that is always empty; a block too large is not held."""
    cache = BlockCache(0)
    cache.insert(1, block_of(1))
    assert cache.get(1) is None
    cache = BlockCache(COST)
    cache.insert(1, block_of(1))
    cache.insert(2, block_of(2, 10_000))
    assert cache.get(1) is not None and cache.get(2) is None


def test_resize_evicts_at_once():
    """A lower bound holds as soon as it is set."""
    cache = BlockCache(10 * COST)
    for number in range(9):
        cache.insert(number, block_of(number))
    cache.resize(3 * COST)
    cache.check_invariants()
    assert 1 <= cache.statistics().blocks <= 3


def test_tables_do_not_meet():
    """Two tables' bases leave room for four billion blocks each."""
    cache = BlockCache(0)
    first, second = cache.reserve(), cache.reserve()
    assert second - first >= 1 << 32
