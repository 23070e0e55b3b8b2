"""What a handler may answer besides a reply that is ready.

`Slices` is for long work on the reactor (KEYS over a million keys): a generator that gives way
at each `yield` and returns the reply; the reactor runs a slice between ticks and the client's
later commands wait. `Later` is for work that must await (a flush, a sleep): it runs as a task of
its own in the server's nursery. Inside MULTI, Slices are run to the end at once; `Later` is
refused there (flag NO_MULTI).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Union

import attrs

from meridian_resp.protocol.replies import Reply


@attrs.define(eq=False)
class Slices:
    """Long work in slices of at most about a millisecond each.

    Attributes:
        steps: gives way at each `yield`, returns the reply.
        took_s: time spent in it so far, kept by whoever runs it.
        on_end: told the whole time once it has ended, for SLOWLOG and statistics.
    """

    steps: Generator[None, None, Reply]
    took_s: float = 0.0
    on_end: Callable[[float], None] | None = None


@attrs.define(eq=False)
class Later:
    """Work that awaits; cancelled when the client goes away or the server stops."""

    work: Callable[[], Awaitable[Reply]]


Outcome = Union[Reply, Slices, Later]


def run_to_end(outcome: Slices) -> Reply:
    """Run all slices at once and give the reply."""
    while True:
        try:
            next(outcome.steps)
        except StopIteration as stop:
            reply: Reply = stop.value
            return reply
