"""How much of a core flushes and compactions may take: two bytes that server and workers share.

The server writes them whenever its need changes, and a worker looks at them after each burst of
work, so a job that began in a quiet moment hurries as soon as writers wait for it, and one that
began in a hurry gives way once they are gone. Memory is shared for that and not messages, because
a look costs no system call. The bytes are percent, 1 to 100; 100 takes what the scheduler gives.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable

from storage.compaction.job import FlushJob, Job

_FLUSH, _COMPACTION = 0, 1
_PAGE_BYTES = mmap.PAGESIZE
WHOLE_PERCENT = 100


class Shares:
    """The server's side: open from `open` to `close`; may be set at any time."""

    def __init__(self) -> None:
        self._percent = bytes((WHOLE_PERCENT, WHOLE_PERCENT))
        self._page: mmap.mmap | None = None
        self._descriptor = -1

    @property
    def descriptor(self) -> int:
        """The number that a worker has to inherit; -1 while closed."""
        return self._descriptor

    def open(self) -> None:
        """Make the memory. Raises OSError."""
        self._descriptor = os.memfd_create("meridian-shares")
        os.ftruncate(self._descriptor, _PAGE_BYTES)
        self._page = mmap.mmap(self._descriptor, _PAGE_BYTES)
        self._page[:2] = self._percent

    def close(self) -> None:
        """Release the memory; a second time does nothing."""
        if self._page is not None:
            self._page.close()
            self._page = None
            os.close(self._descriptor)
            self._descriptor = -1

    def set(self, flush: int, compaction: int) -> None:
        """Say what each may take from now on, in percent of a core, 1 to 100."""
        assert 1 <= flush <= WHOLE_PERCENT, flush
        assert 1 <= compaction <= WHOLE_PERCENT, compaction
        self._percent = bytes((flush, compaction))
        if self._page is not None:
            self._page[:2] = self._percent


def share_reader(descriptor: int) -> Callable[[Job], Callable[[], int]]:
    """The worker's side: give, for a job, what tells its share at each call.

    Raises:
        OSError, ValueError: the descriptor is not that of `Shares`.
    """
    page = mmap.mmap(descriptor, _PAGE_BYTES, access=mmap.ACCESS_READ)

    def share_of(job: Job) -> Callable[[], int]:
        place = _FLUSH if isinstance(job, FlushJob) else _COMPACTION
        return lambda: page[place]

    return share_of
