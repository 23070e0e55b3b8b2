"""A doorbell between tasks: ring it from plain code, wait for it with or without a time limit.

Rings while nobody waits are remembered as one. Unlike `trio.Event` it can be used again.
"""

from __future__ import annotations

import trio


class Wakeup:
    """A re-usable event for one waiting task."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        """Wake the waiter, or make its next wait return at once."""
        self._event.set()

    async def wait(self, timeout_s: float | None = None) -> None:
        """Return after a ring, or after `timeout_s` seconds; always a checkpoint."""
        if timeout_s is None:
            await self._event.wait()
        else:
            with trio.move_on_after(timeout_s):
                await self._event.wait()
        self._event = trio.Event()
