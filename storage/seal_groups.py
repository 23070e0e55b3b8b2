"""Which sealed memtables are flushed together, and which may wait for more.

Where keys are written over and over, the memtables of several segments hold the same keys, and a
table of each would be written only to be merged with the next. So such memtables rest until there
are a few, and become one table: a third of the work, and of the tables in level 0. RocksDB has
the same as `min_write_buffer_number_to_merge`; here only those rest of which little is left, so
together they take no more memory than one full memtable. The log keeps their data: what is paid
is that a start has that much more of it to replay, and the disk to hold it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from storage.batch_format import EFFECT_BYTES
from storage.memtable import ENTRY_BYTES, Memtable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storage.store import Seal

#: Sealed memtables that are flushed at once, however little is left of them.
RESTING_MAX: Final = 3
#: How long one may rest, in seconds: a start replays it, and its segment takes space.
REST_S_MAX: Final = 60.0
#: A memtable is overwritten if so much more was written than is left, in effects and in bytes.
_OVERWRITES_MIN: Final = 2
#: Below that many effects everything about a memtable is quick.
_PUTS_MIN: Final = 8192
#: Records that are longer are not handed over: it would take the event loop too long.
_RECORD_BYTES_MAX: Final = 1 << 16


@frozen
class Contents:
    """What is left in a sealed memtable.

    Attributes:
        log_bytes: what its records would take in the log, batch headers aside.
        longest: the length of its longest record.
        memory_bytes: what it holds.
    """

    log_bytes: int
    longest: int
    memory_bytes: int


NOTHING: Final = Contents(0, 0, 0)


def measured(memtable: Memtable) -> Iterator[Contents]:
    """Yield what is left as counted so far, a few records at a time; the last counts all."""
    left = NOTHING
    yield left
    for count, content, longest in memtable.lengths():
        left = Contents(
            left.log_bytes + content + EFFECT_BYTES * count,
            max(left.longest, longest),
            left.memory_bytes + content + ENTRY_BYTES * count,
        )
        yield left


def size(seal: Seal) -> int:
    """Bytes of a seal's effects in the log."""
    return max(0, seal.end_offset - seal.base_offset)


def seems_overwritten(memtable: Memtable) -> bool:
    """Say whether most effects were overwritten, by their number alone."""
    if memtable.puts < _PUTS_MIN or memtable.ranges:
        return False
    return memtable.count() * _OVERWRITES_MIN <= memtable.puts


def is_overwritten(seal: Seal) -> bool:
    """Say whether most effects of a measured seal were overwritten by later ones."""
    left = seal.contents
    if left is None or not seems_overwritten(seal.memtable):
        return False
    return left.longest <= _RECORD_BYTES_MAX and left.log_bytes * _OVERWRITES_MIN <= size(seal)


def work_bytes(seal: Seal) -> int:
    """Bytes that a flush of a seal has to deal with."""
    if seal.contents is not None and is_overwritten(seal):
        return seal.contents.log_bytes
    return size(seal)


def together(seals: Sequence[Seal], segment_bytes: int) -> list[Seal]:
    """The oldest seals whose flush is about as much work as that of one full segment."""
    chosen: list[Seal] = []
    total = 0
    for seal in seals:
        total += work_bytes(seal)
        if chosen and total > segment_bytes:
            break
        chosen.append(seal)
    return chosen


def may_rest(seals: Sequence[Seal], segment_bytes: int, sealed_max: int) -> bool:
    """Say whether a flush of these, which is all there are, would better wait for more.

    Args:
        seals: measured.
        segment_bytes: size of a segment.
        sealed_max: sealed memtables at which writers are held up.
    """
    if len(seals) >= min(RESTING_MAX, sealed_max) or not all(map(is_overwritten, seals)):
        return False
    return sum(map(work_bytes, seals)) * 2 <= segment_bytes
