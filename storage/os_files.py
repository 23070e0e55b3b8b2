"""The real disk: `FileSystem` and `File` on POSIX calls.

Writes are `pwrite` at an explicit position: a failed one needs no seek to be undone. `sync` is
`fdatasync`, which also makes a changed file length durable. The directory lock is `flock` on a
file that also names the holder's process id, so it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from typing import TYPE_CHECKING

from storage.errors import DirectoryLockedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.files import Mapped

_MODE = 0o640


class OsFile:
    """A file open for reading and writing; see `storage.files.File`."""

    __slots__ = ("_descriptor", "name", "position")

    def __init__(self, name: str, descriptor: int, position: int) -> None:
        self.name = name
        self.position = position
        self._descriptor = descriptor

    def append(self, data: bytes) -> None:
        """Write all of `data` at `position` and advance it; on an error `position` stays."""
        written = os.pwrite(self._descriptor, data, self.position)
        if written != len(data):
            self.write_at(self.position + written, data[written:])
        self.position += len(data)

    def append_parts(self, parts: Sequence[bytes]) -> None:
        """Write all parts at `position` and advance it; on an error `position` stays."""
        length = sum(map(len, parts))
        written = os.pwritev(self._descriptor, parts, self.position)
        if written != length:
            self.write_at(self.position + written, b"".join(parts)[written:])
        self.position += length

    def write_at(self, offset: int, data: bytes) -> None:
        """Write all of `data` at `offset`."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view = view[written:]
            offset += written

    def read_at(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`."""
        return os.pread(self._descriptor, length, offset)

    def preallocate(self, size: int) -> None:
        """Reserve `size` bytes on disk."""
        os.posix_fallocate(self._descriptor, 0, size)

    def truncate(self, size: int) -> None:
        """Cut or extend the file to `size` bytes."""
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        """Make all bytes written so far durable."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close; closing twice is allowed."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def release_pages(data: Mapped, start: int, end: int) -> None:
    """Take a part of a mapping that was read out of this process's page table.

    Whoever reads a big file once does it now and then: ending the mapping of 64 MB takes 6 ms in
    one system call (2026-11-25). The bytes can still be read. Only whole pages inside are taken.
    """
    if isinstance(data, mmap.mmap):
        first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
        length = end // mmap.PAGESIZE * mmap.PAGESIZE - first
        if length > 0:
            data.madvise(mmap.MADV_DONTNEED, first, length)


class OsDirectoryLock:
    """A held `flock`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the directory back; releasing twice is allowed."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


class OsFileSystem:
    """One directory of the operating system; created (with parents) if it is missing."""

    def __init__(self, directory: str) -> None:
        self.directory = os.path.abspath(directory)
        os.makedirs(self.directory, mode=0o750, exist_ok=True)

    def _path(self, name: str) -> str:
        assert "/" not in name, name
        return os.path.join(self.directory, name)

    def create(self, name: str) -> OsFile:
        """Create an empty file."""
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        return OsFile(name, os.open(self._path(name), flags, _MODE), 0)

    def open_append(self, name: str) -> OsFile:
        """Open an existing file with `position` at its end."""
        descriptor = os.open(self._path(name), os.O_RDWR | os.O_CLOEXEC)
        return OsFile(name, descriptor, os.fstat(descriptor).st_size)

    def map(self, name: str) -> Mapped:
        """Map an existing file read-only."""
        descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_size == 0:
                return b""
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)

    def read(self, name: str) -> bytes:
        """Return the whole content of a file."""
        with open(self._path(name), "rb") as file:
            return file.read()

    def names(self) -> list[str]:
        """Return all file names, sorted."""
        return sorted(entry.name for entry in os.scandir(self.directory) if entry.is_file())

    def exists(self, name: str) -> bool:
        """Say whether there is a file of that name."""
        return os.path.exists(self._path(name))

    def size(self, name: str) -> int:
        """Return the length of a file in bytes."""
        return os.stat(self._path(name)).st_size

    def rename(self, source: str, target: str) -> None:
        """Rename atomically, replacing the target."""
        os.rename(self._path(source), self._path(target))

    def unlink(self, name: str) -> None:
        """Remove a name."""
        os.unlink(self._path(name))

    def sync_dir(self) -> None:
        """Make creations, renames and removals durable."""
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def free_bytes(self) -> int:
        """Return the bytes that an unprivileged process can still write."""
        status = os.statvfs(self.directory)
        return status.f_bavail * status.f_frsize

    def lock(self, name: str) -> OsDirectoryLock:
        """Take the directory for this process.

        Raises:
            DirectoryLockedError: another process holds it; its process id is told if known.
        """
        descriptor = os.open(self._path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise DirectoryLockedError(self.directory, owner) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        return OsDirectoryLock(descriptor)
