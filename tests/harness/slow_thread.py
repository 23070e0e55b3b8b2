"""A thread that takes its time: a `BlockingRunner` for tests below a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio
from attrs import frozen

from storage.blocking import run_inline

Result = TypeVar("Result")


@frozen
class SlowThread:
    """Calls a function after some seconds, and tells its result after some more.

    As of a real thread, a call that has begun is not cancelled, and what it does counts before
    anybody hears of it.
    """

    before_s: float
    after_s: float = 0.0

    async def __call__(self, function: Callable[..., Result], *arguments: object) -> Result:
        """See `BlockingRunner`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        with trio.CancelScope(shield=True):
            await trio.sleep(self.before_s)
            try:
                return await run_inline(function, *arguments)
            finally:
                await trio.sleep(self.after_s)
