"""From what waits to what is done about it: shares of a core for workers, pauses for writers.

All are pure functions of how many memtables wait for a flush and how many tables level 0 has. A
worker that nobody waits for is gentle, so that it is not noticed on a core that it shares with the
server (compaction/worker.py); the more waits, the more it may take; and only when that does not
help are writers slowed.
"""

from __future__ import annotations

from storage.compaction.shares import WHOLE_PERCENT
from storage.options import StorageOptions

#: Share of a core, in percent, while nobody waits. A flush of a segment takes 0.3 s of processor
#: time (2026-11), and one core's worth of SETs without pipelining fills one in 6 s.
GENTLE_PERCENT = 20
#: The same by the number of sealed memtables, from none on; with more it is all.
_FLUSH_PERCENT = (GENTLE_PERCENT, GENTLE_PERCENT, 60)
#: (share of `level0_tables_slow` that level 0 has reached, percent of a core for a compaction).
_COMPACTION_PERCENT = ((0.75, WHOLE_PERCENT), (0.5, 60))
#: Share of `sealed_memtables_max` at which back-pressure begins.
_DELAY_FROM = 0.5
#: Share of the greatest pause that back-pressure asks for before it is full.
_GENTLE_DELAY = 0.1


def flush_percent(sealed: int, options: StorageOptions) -> int:
    """Share of a core for a flush, with that many sealed memtables: all before writers wait."""
    if sealed >= _DELAY_FROM * options.sealed_memtables_max:
        return WHOLE_PERCENT
    return _FLUSH_PERCENT[sealed] if sealed < len(_FLUSH_PERCENT) else WHOLE_PERCENT


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
