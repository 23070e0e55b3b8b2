"""The window of messages that a follower has not answered yet, bounded in number and bytes.

Only the last index of each message is kept: entries are acknowledged in order, so an answer for
one index frees every message up to it. An idle follower costs an empty deque.
"""

from __future__ import annotations

from collections import deque


class Inflights:
    """A bounded FIFO of (last index, bytes).

    Invariants (`check_invariants`): indexes rise strictly; `bytes` is the sum of the queue.
    """

    __slots__ = ("_bytes_max", "_messages_max", "_queue", "bytes")

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        assert messages_max > 0, messages_max
        assert bytes_max > 0, bytes_max
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._queue: deque[tuple[int, int]] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_full(self) -> bool:
        """Whether nothing may be added; one message may overshoot the bytes, none the number."""
        return len(self._queue) >= self._messages_max or self.bytes >= self._bytes_max

    def add(self, last_index: int, size_bytes: int) -> None:
        """Remember a message that was sent."""
        assert not self.is_full
        assert not self._queue or self._queue[-1][0] < last_index, (self._queue[-1], last_index)
        self._queue.append((last_index, size_bytes))
        self.bytes += size_bytes

    def free_to(self, index: int) -> None:
        """Forget the messages whose last index is at most `index`."""
        while self._queue and self._queue[0][0] <= index:
            self.bytes -= self._queue.popleft()[1]

    def free_first(self) -> None:
        """Forget the oldest message, so that a full window can probe whether it was lost."""
        if self._queue:
            self.free_to(self._queue[0][0])

    def clear(self) -> None:
        """Forget all."""
        self._queue.clear()
        self.bytes = 0

    def check_invariants(self) -> None:
        """Assert what the class promises."""
        indexes = [index for index, _ in self._queue]
        assert indexes == sorted(set(indexes)), indexes
        assert self.bytes == sum(size for _, size in self._queue)
        assert len(self._queue) <= self._messages_max
