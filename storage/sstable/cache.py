"""The block cache: parsed blocks of all tables, bounded in bytes.

Two generations. A block enters `recent`; when room is needed, blocks leave from `former` one by
one, and when that is empty the generations change places: what was `recent` becomes `former`, and
only what is asked for again from then on moves back. So a hit in `recent` is one dict lookup
without bookkeeping (0.05 us), a scan cannot flush out what is used often, and memory is released
block by block, never a whole generation at once (dropping a million small objects takes 50 ms).

Rejected: an exact LRU order (a dict deletion and insertion at every hit, 0.15 us more).

Keys are integers: a table draws a base from `reserve` and adds the block's index.
"""

from __future__ import annotations

from attrs import frozen

from storage.sstable.block import Block

_BLOCK_INDEX_BITS = 32


@frozen
class BlockCacheStatistics:
    """Counters since the start, and what is held now. Hits are `lookups - misses`."""

    bytes: int
    bytes_max: int
    blocks: int
    misses: int
    evictions: int


class BlockCache:
    """Parsed blocks by (table, block index), at most `bytes_max` bytes of them.

    Invariant: `held_bytes` is the sum of the memory of the blocks held, and never more than the
    bound after `insert` returned; a block that is larger than the bound is not held at all.

    Attributes:
        bytes_max: the bound.
        held_bytes: what is held now.
        recent: blocks used lately; looking one up here directly is the quickest hit.
    """

    __slots__ = (
        "_evictions",
        "_former",
        "_misses",
        "_recent_bytes",
        "_tables",
        "bytes_max",
        "held_bytes",
        "recent",
    )

    def __init__(self, bytes_max: int) -> None:
        assert bytes_max >= 0, bytes_max
        self.bytes_max = bytes_max
        self.held_bytes = 0
        self.recent: dict[int, Block] = {}
        self._former: dict[int, Block] = {}
        self._recent_bytes = 0
        self._tables = 0
        self._misses = 0
        self._evictions = 0

    def reserve(self) -> int:
        """Return a base for the block keys of one more table."""
        self._tables += 1
        return self._tables << _BLOCK_INDEX_BITS

    def get(self, key: int) -> Block | None:
        """Return a held block, or None."""
        block = self.recent.get(key)
        if block is not None:
            return block
        block = self._former.pop(key, None)
        if block is None:
            self._misses += 1
            return None
        self.recent[key] = block
        self._recent_bytes += block.memory_bytes
        return block

    def insert(self, key: int, block: Block) -> None:
        """Hold a block that `get` has just missed."""
        if block.memory_bytes > self.bytes_max:
            return
        assert key not in self.recent and key not in self._former
        self._make_room(block.memory_bytes)
        self.recent[key] = block
        self._recent_bytes += block.memory_bytes
        self.held_bytes += block.memory_bytes

    def resize(self, bytes_max: int) -> None:
        """Change the bound; blocks beyond it leave now."""
        self.bytes_max = bytes_max
        self._make_room(0)

    def statistics(self) -> BlockCacheStatistics:
        """Return counters."""
        blocks = len(self.recent) + len(self._former)
        return BlockCacheStatistics(
            self.held_bytes, self.bytes_max, blocks, self._misses, self._evictions
        )

    def check_invariants(self) -> None:
        """Verify the invariant of the class's docstring; for tests."""
        recent = sum(block.memory_bytes for block in self.recent.values())
        former = sum(block.memory_bytes for block in self._former.values())
        assert recent == self._recent_bytes
        assert recent + former == self.held_bytes <= self.bytes_max
        assert not self.recent.keys() & self._former.keys()

    def _make_room(self, wanted: int) -> None:
        # Ageing at half the bound keeps both generations alive under a steady stream of misses.
        if self._recent_bytes + wanted > self.bytes_max // 2 and not self._former:
            self._age()
        while self.held_bytes + wanted > self.bytes_max and self.held_bytes:
            if not self._former:
                self._age()
            _, block = self._former.popitem()
            self.held_bytes -= block.memory_bytes
            self._evictions += 1

    def _age(self) -> None:
        self._former, self.recent = self.recent, self._former
        self._recent_bytes = 0
