"""The shape that all cores of the cluster share.

A core is a state machine without input and output: values go in, values come out, and time
arrives as an argument. So it can be driven by a real network, by a simulated one, or line by line
from a scenario file, and a seed replays bit for bit.

The shell's loop is always the same: wait for an event or for `deadline()`, call `handle` or
`on_deadline`, then act on what `take()` returns, in its order. Each output class says in its
docstring what must be durable before it may be acted on. Several events may be handled before
one `take()`: cores gather what they say meanwhile, which is how one tick becomes one message per
peer and one write to disk.

Time is in seconds of a clock that never goes back and may start anywhere. Chance is a
`random.Random` given to the constructor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Machine(Protocol[In, Out]):
    """A core: fed with events and deadlines, asked for outputs."""

    def handle(self, event: In, now: float) -> None:
        """Take in one event: a message, a completion or a local request."""

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called; None while there is nothing to wait for."""

    def on_deadline(self, now: float) -> None:
        """Let time pass; calling it early does nothing."""

    def take(self) -> Sequence[Out]:
        """Return what is to be done now, in order, and forget it."""
