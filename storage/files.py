"""What storage asks of a disk: two small protocols, `FileSystem` and `File`.

Everything in this package that touches a file goes through these, so that the simulated disk
of the tests (un-synced pages lost or torn at a crash, errors at any call) runs the same code as
a real machine (`os_files.py`).

A `FileSystem` is one flat directory; names are plain file names, no slashes. The rules of
durability are POSIX's, in their strict reading:

* bytes written are durable after `File.sync()` returned, not before, and in any order or not at
  all until then;
* a name created, renamed or unlinked is durable after `sync_dir()` returned;
* after a failed `sync()` nothing may be assumed about the bytes written since the last good one,
  not even that a later `sync()` that succeeds covers them (the kernel may have dropped the
  pages): write them again elsewhere.

Every method may raise `OSError`. All of them block; callers in a Trio task hand them to a thread
when they are slow.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

# What `FileSystem.map` gives: all of it supports slicing to bytes-like, `len`, struct.unpack_from,
# crc32c and memoryview. A slice of a memoryview copies nothing; `bytes(...)` of it copies.
Mapped = bytes | memoryview | mmap.mmap


class File(Protocol):
    """One file open for writing (and reading back what was written).

    The write position is explicit: `append` writes at `position` and advances it only when all
    bytes were taken, so a failed append leaves `position` where it was and the next append
    overwrites whatever the failed one left.
    """

    name: str
    position: int

    def append(self, data: bytes) -> None:
        """Write all of `data` at `position` and advance it; on an error `position` stays."""

    def append_parts(self, parts: Sequence[bytes]) -> None:
        """`append` of some bytes objects one after the other, without a copy of them all."""

    def write_at(self, offset: int, data: bytes) -> None:
        """Write all of `data` at `offset`; `position` is not touched."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; shorter only at the end of the file."""

    def preallocate(self, size: int) -> None:
        """Reserve `size` bytes on disk; the file is at least that long, reading zeros there.

        Raises:
            OSError: ENOSPC if there is no room; the file may then be shorter than asked.
        """

    def truncate(self, size: int) -> None:
        """Cut the file (or extend it with zeros) to `size` bytes."""

    def sync(self) -> None:
        """Return when all bytes written so far (and the file's length) are durable."""

    def close(self) -> None:
        """Close without syncing. Closing twice is allowed."""


class DirectoryLock(Protocol):
    """A held lock; released by `release` or by the death of the process."""

    def release(self) -> None:
        """Give the directory back. Releasing twice is allowed."""


class FileSystem(Protocol):
    """One flat directory of files."""

    directory: str

    def create(self, name: str) -> File:
        """Create an empty file (an existing one of that name is emptied), position 0."""

    def open_append(self, name: str) -> File:
        """Open an existing file; `position` is its end (the caller may set it lower)."""

    def map(self, name: str) -> Mapped:
        """Return the whole content of an existing file, mapped, read-only.

        The mapping stays valid after the file is unlinked, as long as it is referenced. An empty
        file gives `b""`.
        """

    def read(self, name: str) -> bytes:
        """Return the whole content of an existing small file."""

    def names(self) -> list[str]:
        """Return all file names in the directory, sorted."""

    def exists(self, name: str) -> bool:
        """Say whether there is a file of that name."""

    def size(self, name: str) -> int:
        """Return the length of a file in bytes."""

    def rename(self, source: str, target: str) -> None:
        """Give a file another name atomically, replacing a file that has it."""

    def unlink(self, name: str) -> None:
        """Remove a name."""

    def sync_dir(self) -> None:
        """Return when creations, renames and removals so far are durable."""

    def free_bytes(self) -> int:
        """Return how many bytes can still be written, as far as the system tells."""

    def lock(self, name: str) -> DirectoryLock:
        """Take the directory for this process.

        Raises:
            DirectoryLockedError: another process holds it.
        """
