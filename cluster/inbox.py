"""What waits for the control task: inputs in order, bounded by number and bytes.

What other nodes send is dropped beyond the bounds: every protocol of the control plane repeats
itself, and a node that is behind is not helped by more. What this node says to itself (a save is
durable, a link failed, a request) is never dropped; it is bounded where it is made.
"""

from __future__ import annotations

from collections import deque

import msgspec

from cluster.control.inputs import (
    Asked,
    DatagramReceived,
    Input,
    MessageReceived,
    Saved,
)

#: What an input takes beside the bytes in it, roughly.
_OVERHEAD_BYTES = 200


class Inbox:
    """A bounded queue of inputs.

    Attributes:
        dropped: how many inputs of others found no room.
    """

    def __init__(self, *, count_max: int, bytes_max: int) -> None:
        self.dropped = 0
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._inputs: deque[tuple[Input, int]] = deque()
        self._bytes = 0
        self._saved = 0

    def __len__(self) -> int:
        return len(self._inputs) + (self._saved > 0)

    def offer(self, event: DatagramReceived | MessageReceived) -> bool:
        """Take in what another node sent; False: it was dropped."""
        size = _OVERHEAD_BYTES + _content_bytes(event)
        is_full = len(self._inputs) >= self._count_max or self._bytes + size > self._bytes_max
        if is_full and self._inputs:
            self.dropped += 1
            return False
        self._inputs.append((event, size))
        self._bytes += size
        return True

    def put(self, event: Input) -> None:
        """Take in what this node itself has to say."""
        self._inputs.append((event, 0))

    def saved(self, number: int) -> None:
        """Everything saved up to this number is durable; only the newest number matters."""
        assert number >= self._saved, (number, self._saved)
        self._saved = number

    def clear(self) -> None:
        """Forget everything: it was meant for a life that is over."""
        self._inputs.clear()
        self._bytes = self._saved = 0

    def drop_received(self) -> None:
        """Forget all but this node's own requests: the rest was said to another node."""
        asked = [(event, size) for event, size in self._inputs if isinstance(event, Asked)]
        self.clear()
        self._inputs.extend(asked)

    def take(self) -> Input:
        """Return the next input; there must be one."""
        if self._saved:
            number, self._saved = self._saved, 0
            return Saved(number)
        event, size = self._inputs.popleft()
        self._bytes -= size
        return event


def _content_bytes(event: DatagramReceived | MessageReceived) -> int:
    """Return about how many bytes of the network an input holds."""
    if isinstance(event, DatagramReceived):
        return len(event.payload)
    content = 0
    for value in msgspec.structs.astuple(event.message):
        if isinstance(value, bytes | str):
            content += len(value)
        elif isinstance(value, list):
            content += 64 * len(value)
    return content
