"""Commands ready to run: spec, handler, arity bounds and counters in one slotted object.

Counting must cost the hot path next to nothing: a run bumps one integer and, the first time in a
tick, joins the list of touched commands. At the tick's end the tick's length goes into the
duration histogram of each touched command at once. Commands flagged LONG, and all commands while
SLOWLOG or LATENCY want finer times, are timed one by one instead.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from meridian_resp.commands.registry import CommandSpec, CommandTable, Flag

if TYPE_CHECKING:
    from meridian_resp.commands.registry import Handler

#: Upper bounds, in seconds, of the duration histogram's buckets.
DURATION_BOUNDS_S: Final = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip

#: Commands that need a state of their own even for a plain session.
_NEVER_PLAIN: Final = frozenset(
    {"quit", "reset", "consistency", "exec", "multi", "monitor", "select", "auth", "hello"}
)


class Runnable:
    """One command or sub-command with its counters."""

    __slots__ = (
        "calls", "calls_at_level", "duration_buckets", "duration_sum_s", "errors", "handler",
        "is_long", "is_write", "least", "most", "name", "rejected", "spec", "tick_calls",
        "usec",
    )  # fmt: skip

    def __init__(self, spec: CommandSpec) -> None:
        self.spec = spec
        self.name = spec.full_name
        self.handler: Handler = spec.handler
        self.least = abs(spec.arity)
        self.most = spec.arity if spec.arity >= 0 else sys.maxsize
        self.is_write = Flag.WRITE in spec.flags
        self.is_long = Flag.LONG in spec.flags
        self.reset()

    def reset(self) -> None:
        """Set all counters to zero (CONFIG RESETSTAT)."""
        self.tick_calls = 0
        self.calls = 0
        #: Calls made at a consistency level that the client chose, by level.
        self.calls_at_level: dict[str, int] = {}
        self.errors = 0
        self.rejected = 0
        self.usec = 0.0
        self.duration_sum_s = 0.0
        self.duration_buckets = [0] * (len(DURATION_BOUNDS_S) + 1)

    def add(self, took_s: float) -> None:
        """Account one call that was timed by itself."""
        self.calls += 1
        self.usec += took_s * 1e6
        self.duration_sum_s += took_s
        self.duration_buckets[bisect_left(DURATION_BOUNDS_S, took_s)] += 1

    def end_tick(self, duration_s: float, share_s: float) -> None:
        """Account the tick's calls: each waited `duration_s`, and took `share_s` of it."""
        calls = self.tick_calls
        self.tick_calls = 0
        self.calls += calls
        self.usec += calls * share_s * 1e6
        self.duration_sum_s += calls * duration_s
        self.duration_buckets[bisect_left(DURATION_BOUNDS_S, duration_s)] += calls


class Runnables:
    """All runnable commands, and the look-up tables made of them."""

    def __init__(self, table: CommandTable) -> None:
        self.by_full_name: dict[str, Runnable] = {}
        #: For plain sessions: commands that need no gate, in lower and upper case.
        self.plain: dict[bytes, Runnable] = {}
        for name, spec in table.by_name.items():
            runnable = self._add(spec)
            for child in spec.subcommands:
                self._add(child)
            if not spec.subcommands and not runnable.is_long and spec.name not in _NEVER_PLAIN:
                # Not the spec's own name: a command may have been renamed.
                self.plain[name.encode("latin-1")] = runnable
                self.plain[name.encode("latin-1").upper()] = runnable

    def _add(self, spec: CommandSpec) -> Runnable:
        runnable = self.by_full_name[spec.full_name] = Runnable(spec)
        return runnable

    def of(self, spec: CommandSpec) -> Runnable:
        """The runnable of a spec."""
        return self.by_full_name[spec.full_name]
