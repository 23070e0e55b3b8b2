"""The slow log: the last commands that took longer than a threshold (SLOWLOG).

Bounded in entries, and each entry in size: at most 32 arguments of at most 128 bytes, as in
Redis, so that a slow command with megabytes of arguments costs no memory afterwards. Pure: times
are handed in, and whoever times commands compares with `threshold_usec` before calling `add`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final

import attrs

from meridian_resp.commands.redaction import redacted

#: Arguments kept of a command, the last of which says how many were left out.
ARGUMENTS_MAX: Final = 32
#: Bytes kept of an argument.
ARGUMENT_BYTES_MAX: Final = 128


@attrs.frozen
class SlowCommand:
    """One entry: Unix seconds of its end, duration in microseconds, cut arguments, client."""

    identifier: int
    at_s: int
    duration_usec: int
    arguments: tuple[bytes, ...]
    address: str
    client_name: bytes


class SlowLog:
    """The newest slow commands, newest first.

    Attributes:
        threshold_usec: commands that take at least so long are to be added; 0 adds all, a
            negative number none.
        total: commands ever added.
    """

    def __init__(self, threshold_usec: int = 10_000, entries_max: int = 128) -> None:
        self.threshold_usec = threshold_usec
        self._entries: deque[SlowCommand] = deque(maxlen=entries_max)
        self.total = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[SlowCommand]:
        return iter(self._entries)

    def newest(self, count: int) -> list[SlowCommand]:
        """Up to `count` entries, newest first; all of them with -1."""
        return list(self._entries) if count < 0 else list(islice(self._entries, count))

    def add(
        self,
        now_s: int,
        duration_usec: int,
        arguments: list[bytes],
        address: str,
        client_name: bytes,
    ) -> None:
        """Keep a command without its secrets; the oldest one leaves when the log is full."""
        entry = SlowCommand(
            self.total,
            now_s,
            duration_usec,
            tuple(cut_arguments(redacted(arguments))),
            address,
            client_name,
        )
        self.total += 1
        self._entries.appendleft(entry)

    def resize(self, entries_max: int) -> None:
        """Change how many entries are kept; the newest stay."""
        self._entries = deque(islice(self._entries, entries_max), maxlen=entries_max)

    def clear(self) -> None:
        """Forget all entries; ids go on."""
        self._entries.clear()


def cut_arguments(arguments: list[bytes]) -> list[bytes]:
    """Arguments as the slow log keeps them, with notes of what was cut off."""
    kept = arguments
    note: list[bytes] = []
    if len(arguments) > ARGUMENTS_MAX:
        kept = arguments[: ARGUMENTS_MAX - 1]
        note = [b"... (%d more arguments)" % (len(arguments) - len(kept))]
    cut = [
        argument
        if len(argument) <= ARGUMENT_BYTES_MAX
        else b"%b... (%d more bytes)"
        % (argument[:ARGUMENT_BYTES_MAX], len(argument) - ARGUMENT_BYTES_MAX)
        for argument in kept
    ]
    return cut + note
