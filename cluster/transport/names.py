"""Addresses of hosts that are names, without waiting for them.

The reactor can't wait for DNS, so it asks `find`, which answers from memory or says that it does
not know yet; `run` looks names up in a task of its own. An answer is kept for half a minute and
then asked for again while the old one still holds, so a host that moves is found within a minute
and a name server that is down takes nobody away who was known.
"""

from __future__ import annotations

import logging
import math
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from attrs import frozen

from cluster.transport.network import is_numeric

logger = logging.getLogger(__name__)

Lookup = Callable[[str], Awaitable[tuple[str, ...]]]

FRESH_S: Final = 30.0
#: After a failure a name is asked for again when it is wanted, but not sooner than this.
RETRY_S: Final = 5.0
LOOKUP_TIMEOUT_S: Final = 10.0
HOSTS_MAX: Final = 1024


@frozen
class _Answer:
    addresses: tuple[str, ...]
    ask_again_at: float


async def look_up(host: str) -> tuple[str, ...]:
    """Return the numeric addresses of a host, none if it has none."""
    try:
        found = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as failure:  # UnicodeError: not a possible name
        logger.debug("No address of %s: %s", host, failure)
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class NameCache:
    """`Names` that looks up in a task; see the module.

    Args:
        monotonic: seconds of a clock that never goes back.
        lookup: how one name is looked up; the system's resolver by default.
    """

    def __init__(self, monotonic: Callable[[], float], lookup: Lookup = look_up) -> None:
        self._monotonic = monotonic
        self._lookup = lookup
        self._answers: dict[str, _Answer] = {}
        self._asked: set[str] = set()
        self._send, self._receive = trio.open_memory_channel[str](math.inf)

    def find(self, host: str) -> tuple[str, ...] | None:
        """See `Names.find`."""
        if is_numeric(host):
            return (host,)
        answer = self._answers.get(host)
        if (answer is None or self._monotonic() >= answer.ask_again_at) and (
            host not in self._asked and len(self._asked) < HOSTS_MAX
        ):
            self._asked.add(host)
            self._send.send_nowait(host)
        return None if answer is None else answer.addresses

    async def run(self) -> None:
        """Look up what `find` was asked for, one name after the other, until cancelled."""
        async for host in self._receive:
            addresses: tuple[str, ...] = ()
            with trio.move_on_after(LOOKUP_TIMEOUT_S):
                addresses = await self._lookup(host)
            self._asked.discard(host)
            self._keep(host, addresses)

    def _keep(self, host: str, addresses: tuple[str, ...]) -> None:
        known = self._answers.pop(host, None)
        if known is None and len(self._answers) >= HOSTS_MAX:
            del self._answers[next(iter(self._answers))]
        wait_s = FRESH_S if addresses else RETRY_S
        if known is not None and not addresses:
            addresses = known.addresses
        self._answers[host] = _Answer(addresses, self._monotonic() + wait_s)
