"""Which numbered datagrams have been seen: a sliding window per sender, as in RFC 6479.

A sender counts its datagrams up. Of each sender the greatest number seen is remembered, and one
bit for each of the 1024 numbers up to it: a number is accepted once, and one below the window
never. Datagrams may overtake each other by that much.

A sender's life (id and nonce of its boot) has its own window, since its count starts anew. The
table is bounded; the window that was used least recently is forgotten first. Only datagrams whose
seal was right get here, so a stranger can't push windows out.

What it does not do: after a restart of the receiver, and for a forgotten window, a recorded
datagram is accepted once more. The protocol above lives with that: its claims have an order.
"""

from __future__ import annotations

from typing import Final

WINDOW: Final = 1024
WINDOWS_MAX: Final = 4096

_MASK: Final = (1 << WINDOW) - 1


class ReplayWindow:
    """The numbers of one sender."""

    def __init__(self) -> None:
        self._newest = 0
        #: Bit n: the number `newest - n` was seen.
        self._seen = 0

    def accept(self, number: int) -> bool:
        """Return whether this number (at least 1) is new, and remember it."""
        ahead = number - self._newest
        if ahead > 0:
            self._seen = ((self._seen << ahead) & _MASK if ahead < WINDOW else 0) | 1
            self._newest = number
            return True
        behind = -ahead
        if behind >= WINDOW or number < 1 or self._seen >> behind & 1:
            return False
        self._seen |= 1 << behind
        return True


class ReplayWindows:
    """The windows of all senders."""

    def __init__(self, windows_max: int = WINDOWS_MAX) -> None:
        assert windows_max >= 1, windows_max
        self._windows_max = windows_max
        #: In order of their last use.
        self._windows: dict[bytes, ReplayWindow] = {}

    def __len__(self) -> int:
        """How many senders are remembered."""
        return len(self._windows)

    def accept(self, sender: bytes, number: int) -> bool:
        """Return whether this number of this sender (id and nonce as bytes) is new."""
        window = self._windows.pop(sender, None)
        if window is None:
            window = ReplayWindow()
            if len(self._windows) >= self._windows_max:
                del self._windows[next(iter(self._windows))]
        self._windows[sender] = window
        return window.accept(number)
