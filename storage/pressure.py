"""From what waits to what is done about it: shares of a core for workers, pauses for writers.

All are pure functions of how many memtables wait for a flush and how many tables level 0 has. A
worker that nobody waits for is gentle, so that it is not noticed on a core that it shares with the
server (compaction/worker.py); the more waits, the more it may take; and only when that does not
help are writers slowed.
"""

from __future__ import annotations

import math

from storage.compaction.shares import WHOLE_PERCENT
from storage.options import StorageOptions

#: Shares of a core, in percent, while nobody waits: of a compaction, and of a flush at most.
GENTLE_PERCENT = 10
GENTLE_FLUSH_PERCENT = 20
#: What a flush takes at least; the less it takes, the longer it holds a memtable.
LEAST_FLUSH_PERCENT = 2
#: A flush is to end in this share of the time in which the next memtable fills.
_FLUSH_WITHIN = 0.6
#: Sealed memtables with which a flush takes more than it asks for; with one more it takes all.
_FLUSH_HURRIES_AT = 2
_HURRY_PERCENT = 40
_HURRY_LEAST_PERCENT = 15
_HURRY_FACTOR = 3
#: (share of `level0_tables_slow` that level 0 has reached, percent of a core for a compaction).
_COMPACTION_PERCENT = ((0.75, WHOLE_PERCENT), (0.5, _HURRY_PERCENT))
#: Share of `sealed_memtables_max` at which back-pressure begins.
_DELAY_FROM = 0.5
#: Share of the greatest pause that back-pressure asks for before it is full.
_GENTLE_DELAY = 0.1


def gentle_flush_percent(cpu_s: float, filling_s: float) -> int:
    """Share of a core for a flush that nobody waits for.

    Just so much that it has ended well before the next memtable is full, if that fills as fast:
    requests hardly notice a worker that takes a twentieth of their core for seconds, and do
    notice one that takes a fifth of it for one.

    Args:
        cpu_s: processor time that the flush will probably take.
        filling_s: how long its memtable took to fill.
    """
    if cpu_s >= filling_s:
        return GENTLE_FLUSH_PERCENT
    percent = math.ceil(WHOLE_PERCENT * cpu_s / (filling_s * _FLUSH_WITHIN))
    return min(GENTLE_FLUSH_PERCENT, max(LEAST_FLUSH_PERCENT, percent))


def flush_percent(sealed: int, gentle_percent: int, options: StorageOptions) -> int:
    """Share of a core for a flush, with that many sealed memtables: all before writers wait.

    One sealed memtable is the one being flushed, with the share that it asks for. A second means
    that this was not enough.
    """
    if sealed >= _DELAY_FROM * options.sealed_memtables_max or sealed > _FLUSH_HURRIES_AT:
        return WHOLE_PERCENT
    if sealed < _FLUSH_HURRIES_AT:
        return gentle_percent
    return max(_HURRY_LEAST_PERCENT, min(_HURRY_PERCENT, _HURRY_FACTOR * gentle_percent))


def compaction_percent(level0_tables: int, options: StorageOptions) -> int:
    """Share of a core for a compaction, with that many tables in level 0."""
    reached = level0_tables / options.level0_tables_slow
    for least, percent in _COMPACTION_PERCENT:
        if reached >= least:
            return percent
    return GENTLE_PERCENT


def delay_s(sealed: int, level0_tables: int, options: StorageOptions) -> float:
    """How long writers should pause per tick, in seconds; 0.0 unless the workers are behind."""
    flushes = sealed / options.sealed_memtables_max
    beyond = level0_tables - options.level0_tables_slow
    tables = beyond / (options.level0_tables_stop - options.level0_tables_slow)
    urgency = min(1.0, max(tables, flushes if flushes >= _DELAY_FROM else 0.0))
    if urgency < 1.0:
        # A tick is about 2 ms of work: pauses of as much already give the workers most of a
        # shared core, and who only reads hardly notices. The full pause is the last resort.
        urgency *= _GENTLE_DELAY
    return options.background_delay_s_max * max(0.0, urgency)
