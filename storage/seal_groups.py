"""Which sealed memtables are flushed together, and which may wait for more.

Where keys are written over and over, the memtables of several segments hold the same keys, and a
table of each would be written only to be merged with the next. So such memtables rest until there
are a few, and become one table: a third of the work, and of the tables in level 0. RocksDB has
the same as `min_write_buffer_number_to_merge`; here only those rest that are small for their
segment, so memory stays within what one full memtable may take. The log keeps their data: what is
paid is that a start has that much more of it to replay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage.memtable import Memtable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.store import Seal

#: Sealed memtables that are flushed at once, however small they are.
RESTING_MAX: Final = 3
#: How long one may rest, in seconds: a start replays it, and its segment takes space.
REST_S_MAX: Final = 60.0
#: A memtable is overwritten if so many effects came for each record that is left.
_OVERWRITES_MIN: Final = 2
#: Below that many effects everything about a memtable is quick.
_PUTS_MIN: Final = 8192


def is_overwritten(memtable: Memtable) -> bool:
    """Say whether most of a memtable's effects were overwritten by later ones."""
    if memtable.puts < _PUTS_MIN or memtable.ranges:
        return False
    return memtable.count() * _OVERWRITES_MIN <= memtable.puts


def live_bytes(seal: Seal) -> int:
    """Estimate the bytes in the log of what is left of a seal's effects."""
    size = max(0, seal.end_offset - seal.base_offset)
    memtable = seal.memtable
    return size * memtable.count() // memtable.puts if is_overwritten(memtable) else size


def together(seals: Sequence[Seal], segment_bytes: int) -> list[Seal]:
    """The oldest seals whose flush is about as much work as that of one full segment."""
    chosen: list[Seal] = []
    total = 0
    for seal in seals:
        total += live_bytes(seal)
        if chosen and total > segment_bytes:
            break
        chosen.append(seal)
    return chosen


def may_rest(seals: Sequence[Seal], segment_bytes: int) -> bool:
    """Say whether a flush of these, which is all there are, would better wait for more."""
    if len(seals) >= RESTING_MAX or not all(is_overwritten(seal.memtable) for seal in seals):
        return False
    return sum(map(live_bytes, seals)) * 2 <= segment_bytes
