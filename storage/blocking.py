"""How blocking calls are made: one injected awaitable, threads in production, inline in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class BlockingRunner(Protocol):
    """Calls a blocking function without holding up the other tasks."""

    async def __call__(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return what the function returns; cannot be cancelled while it runs."""


async def run_in_thread(function: Callable[..., Result], *arguments: object) -> Result:
    """Call it in one of Trio's worker threads."""
    return await trio.to_thread.run_sync(function, *arguments)


async def run_inline(function: Callable[..., Result], *arguments: object) -> Result:
    """Call it here and now; for simulated disks, where nothing takes time."""
    await trio.lowlevel.checkpoint()
    return function(*arguments)
