"""A disk in memory that can lose power: `FileSystem` with un-synced pages, errors and crashes.

Every file has what processes see (`content`) and what is durable; pages of 4 KB that differ are
dirty until a sync. Directory entries are durable after `sync_dir` only. `crash_clone` gives the
disk as a machine finds it after a power cut: of everything un-synced it keeps all, nothing, or a
random part with pages torn at 512-byte sectors. `process_clone` gives it as the next process finds
it after a kill: all that was written is seen, but no more of it is durable than before.

Every call passes through `on_call(number, operation, name)`, which may
* raise `SimulatedCrash`: the call has happened (as an un-synced change; a sync has not), and the
  process is dead;
* raise `OSError`: a write leaves half or all of its bytes behind; a failed sync loses the dirty
  pages for durability although readers still see them and later syncs succeed, as Linux does.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from storage.errors import DirectoryLockedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

PAGE_BYTES = 4096
SECTOR_BYTES = 512
MODES = ("kept", "dropped", "torn")

Hook = Callable[[int, str, str], None]
Change = dict[str, "Inode | None"]


class SimulatedCrash(BaseException):
    """The process died. A BaseException, so that no error handling of the code survives it."""


class Inode:
    """Content of one file: as seen, and as durable."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.durable = bytearray()
        self.dirty: set[int] = set()
        self.lost: set[int] = set()

    def write(self, offset: int, data: bytes) -> None:
        """Change what processes see."""
        if not data:
            return
        end = offset + len(data)
        self.resize(max(end, len(self.content)))
        self.content[offset:end] = data
        pages = range(offset // PAGE_BYTES, (end - 1) // PAGE_BYTES + 1)
        self.dirty.update(pages)
        self.lost.difference_update(pages)

    def resize(self, size: int) -> None:
        """Change the length, zeros are added."""
        old = len(self.content)
        if size < old:
            del self.content[size:]
        else:
            self.content.extend(bytes(size - old))
        if size != old:
            low, high = sorted((size, old))
            changed = range(low // PAGE_BYTES, (high - 1) // PAGE_BYTES + 1)
            self.dirty.update(changed)
            self.lost.difference_update(changed)

    def copy(self) -> Inode:
        """Return the same file, un-synced and lost pages included."""
        twin = Inode()
        twin.content, twin.durable = bytearray(self.content), bytearray(self.durable)
        twin.dirty, twin.lost = set(self.dirty), set(self.lost)
        return twin

    def sync(self) -> None:
        """Make dirty pages durable; pages lost by a failed sync stay lost."""
        size = len(self.content)
        if self.lost:
            self.durable = bytearray(self.durable[:size].ljust(size, b"\x00"))
            for page in self.dirty - self.lost:
                start = page * PAGE_BYTES
                fresh = self.page(self.content, page)
                self.durable[start : start + len(fresh)] = fresh
        else:
            self.durable = bytearray(self.content)
        self.dirty.clear()

    def lose(self) -> None:
        """A sync failed: the kernel calls the pages clean and will not write them."""
        self.lost |= self.dirty
        self.dirty.clear()

    @staticmethod
    def page(data: bytearray, number: int) -> bytearray:
        """Return one page of some content."""
        return data[number * PAGE_BYTES : (number + 1) * PAGE_BYTES]

    def after_crash(self, rng: Random, mode: str) -> bytes:
        """Return what is found after a power cut."""
        if mode == "kept":
            return bytes(self.content)
        if mode == "dropped":
            return bytes(self.durable)
        doubtful = sorted(self.dirty | self.lost)
        result = bytearray(self.durable)
        for number in doubtful:
            start = number * PAGE_BYTES
            old = self.page(self.durable, number)
            fresh = self.page(self.content, number)
            chosen = _torn_page(rng, bytes(old), bytes(fresh))
            if len(result) < start:
                result.extend(bytes(start - len(result)))
            result[start : start + PAGE_BYTES] = chosen
        return bytes(result)


def _torn_page(rng: Random, old: bytes, fresh: bytes) -> bytes:
    fate = rng.random()
    if fate < 0.4:
        return fresh
    if fate < 0.7 and len(old) == len(fresh):
        return old
    size = max(len(old), len(fresh))
    old, fresh = old.ljust(size, b"\x00"), fresh.ljust(size, b"\x00")
    sectors = range(0, size, SECTOR_BYTES)
    return b"".join(
        (old if rng.random() < 0.5 else fresh)[start : start + SECTOR_BYTES] for start in sectors
    )


class CrashableFile:
    """An open file of the simulated disk; see `storage.files.File`."""

    def __init__(self, files: CrashableFileSystem, name: str, inode: Inode, position: int) -> None:
        self.name = name
        self.position = position
        self._files = files
        self._inode = inode
        self._is_closed = False

    def append(self, data: bytes) -> None:
        """Write at `position`."""
        self._write("append", self.position, data)
        self.position += len(data)

    def append_parts(self, parts: Sequence[bytes]) -> None:
        """Write at `position`."""
        self.append(b"".join(parts))

    def write_at(self, offset: int, data: bytes) -> None:
        """Write at `offset`."""
        self._write("write", offset, data)

    def _write(self, operation: str, offset: int, data: bytes) -> None:
        assert not self._is_closed, self.name
        growth = offset + len(data) - len(self._inode.content)
        try:
            self._files.call(operation, self.name)
            self._files.require_room(growth)
        except SimulatedCrash:
            self._inode.write(offset, data)
            raise
        except OSError:
            # Whether an error left half of the bytes or all of them is not for the writer to know.
            kept = len(data) // (1 + self._files.calls % 2)
            self._inode.write(offset, data[: max(0, kept - max(0, growth))])
            raise
        self._inode.write(offset, data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Read."""
        self._files.call("read", self.name)
        return bytes(self._inode.content[offset : offset + length])

    def preallocate(self, size: int) -> None:
        """Reserve."""
        assert not self._is_closed, self.name
        self._files.call("preallocate", self.name)
        self._files.require_room(size - len(self._inode.content))
        self._inode.resize(max(size, len(self._inode.content)))

    def truncate(self, size: int) -> None:
        """Cut."""
        self._files.call("truncate", self.name)
        self._inode.resize(size)

    def sync(self) -> None:
        """Make durable."""
        assert not self._is_closed, self.name
        try:
            self._files.call("sync", self.name)
        except OSError:
            self._inode.lose()
            raise
        self._inode.sync()

    def close(self) -> None:
        """Close."""
        self._is_closed = True


class CrashableLock:
    """A held lock."""

    def __init__(self, files: CrashableFileSystem) -> None:
        self._files = files

    def release(self) -> None:
        """Give the directory back."""
        self._files.is_locked = False


class CrashableFileSystem:
    """The simulated disk; see the module's docstring and `storage.files.FileSystem`.

    Attributes:
        calls: number of calls so far.
        on_call: see the module's docstring.
        capacity: bytes that all files together may have; None is no bound.
        trace: operations so far, as (operation, name).
    """

    def __init__(self, capacity: int | None = None) -> None:
        self.directory = "simulated"
        self.capacity = capacity
        self.calls = 0
        self.on_call: Hook | None = None
        self.is_locked = False
        self.trace: list[tuple[str, str]] = []
        self._entries: dict[str, Inode] = {}
        self._durable_entries: dict[str, Inode] = {}
        self._changes: list[Change] = []

    def call(self, operation: str, name: str) -> None:
        """Count a call and let the hook interfere."""
        self.calls += 1
        self.trace.append((operation, name))
        if self.on_call is not None:
            self.on_call(self.calls, operation, name)

    def require_room(self, growth: int) -> None:
        """Raise ENOSPC if the disk cannot grow by so many bytes."""
        if self.capacity is not None and growth > self.free_bytes():
            raise OSError(errno.ENOSPC, "No space left on device")

    def crash_clone(self, rng: Random, mode: str) -> CrashableFileSystem:
        """Return the disk as it is found after a power cut now."""
        assert mode in MODES, mode
        entries = dict(self._durable_entries)
        for change in self._changes:
            if mode == "kept" or (mode == "torn" and rng.random() < 0.5):
                _apply(entries, change)
        clone = CrashableFileSystem(self.capacity)
        for name, inode in sorted(entries.items()):
            found = Inode()
            found.content = bytearray(inode.after_crash(rng, mode))
            found.durable = bytearray(found.content)
            clone._entries[name] = found
        clone._durable_entries = dict(clone._entries)
        return clone

    def process_clone(self) -> CrashableFileSystem:
        """Return the disk as the next process finds it when only this process died."""
        twins: dict[int, Inode] = {}

        def copied(entries: Change) -> Change:
            return {name: inode and twin(inode) for name, inode in entries.items()}

        def twin(inode: Inode) -> Inode:
            if id(inode) not in twins:
                twins[id(inode)] = inode.copy()
            return twins[id(inode)]

        clone = CrashableFileSystem(self.capacity)
        clone._entries = {name: twin(inode) for name, inode in self._entries.items()}
        clone._durable_entries = {
            name: twin(inode) for name, inode in self._durable_entries.items()
        }
        clone._changes = [copied(change) for change in self._changes]
        return clone

    def create(self, name: str) -> CrashableFile:
        """Create or empty a file."""
        inode = Inode()
        self._change("create", name, {name: inode})
        return CrashableFile(self, name, inode, 0)

    def open_append(self, name: str) -> CrashableFile:
        """Open an existing file."""
        self.call("open", name)
        inode = self._inode(name)
        return CrashableFile(self, name, inode, len(inode.content))

    def map(self, name: str) -> bytes:
        """Return the content."""
        self.call("map", name)
        return bytes(self._inode(name).content)

    def read(self, name: str) -> bytes:
        """Return the content."""
        self.call("read", name)
        return bytes(self._inode(name).content)

    def names(self) -> list[str]:
        """Return all names."""
        self.call("names", "")
        return sorted(self._entries)

    def exists(self, name: str) -> bool:
        """Say whether the file is there."""
        return name in self._entries

    def size(self, name: str) -> int:
        """Return the length."""
        return len(self._inode(name).content)

    def rename(self, source: str, target: str) -> None:
        """Rename."""
        inode = self._inode(source)
        self._change("rename", target, {source: None, target: inode})

    def unlink(self, name: str) -> None:
        """Remove."""
        self._inode(name)
        self._change("unlink", name, {name: None})

    def sync_dir(self) -> None:
        """Make the directory durable."""
        self.call("sync_dir", "")
        self._durable_entries = dict(self._entries)
        self._changes.clear()

    def free_bytes(self) -> int:
        """Return the room left."""
        if self.capacity is None:
            return 1 << 60
        inodes = {id(inode): inode for inode in self._entries.values()}
        return self.capacity - sum(len(inode.content) for inode in inodes.values())

    def lock(self, name: str) -> CrashableLock:
        """Lock."""
        if self.is_locked:
            raise DirectoryLockedError(self.directory)
        self.is_locked = True
        return CrashableLock(self)

    def _inode(self, name: str) -> Inode:
        inode = self._entries.get(name)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        return inode

    def _change(self, operation: str, name: str, change: Change) -> None:
        try:
            self.call(operation, name)
        except SimulatedCrash:
            self._remember(change)
            raise
        self._remember(change)

    def _remember(self, change: Change) -> None:
        _apply(self._entries, change)
        self._changes.append(change)


def _apply(entries: dict[str, Inode], change: Change) -> None:
    for name, inode in change.items():
        if inode is None:
            entries.pop(name, None)
        else:
            entries[name] = inode
