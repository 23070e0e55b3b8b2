"""Small files and tables for tests: a directory in memory, and entries to fill tables with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import strategies

from storage.filenames import table_name
from storage.options import TableOptions
from storage.records import Record, encode_record
from storage.sstable.builder import TableBuilder
from storage.sstable.metadata import TableMetadata

SMALL_BLOCKS = TableOptions(block_bytes=64, bloom_bits_per_key=10)


class MemoryFile:
    """A file of `MemoryFiles`; `fail` makes the next writes and syncs raise."""

    def __init__(self, owner: MemoryFiles, name: str, position: int) -> None:
        self._owner = owner
        self.name = name
        self.position = position

    def append(self, data: bytes) -> None:
        """Write at the position and advance it."""
        self.write_at(self.position, data)
        self.position += len(data)

    def append_parts(self, parts: Sequence[bytes]) -> None:
        """Write at the position and advance it."""
        self.append(b"".join(parts))

    def write_at(self, offset: int, data: bytes) -> None:
        """Write, filling a gap with zeros."""
        self._owner.step("write")
        content = self._owner.contents[self.name]
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data

    def read_at(self, offset: int, length: int) -> bytes:
        """Return some bytes."""
        return bytes(self._owner.contents[self.name][offset : offset + length])

    def truncate(self, size: int) -> None:
        """Cut the file."""
        del self._owner.contents[self.name][size:]

    def preallocate(self, size: int) -> None:
        """Extend the file with zeros."""
        content = self._owner.contents[self.name]
        content.extend(bytes(max(0, size - len(content))))

    def sync(self) -> None:
        """Nothing is ever lost here."""
        self._owner.step("sync")

    def close(self) -> None:
        """Nothing to give back."""


class MemoryFiles:
    """A directory of bytearrays. Calls are counted in `steps`; `fail_at` makes one raise."""

    directory = "memory"

    def __init__(self) -> None:
        self.contents: dict[str, bytearray] = {}
        self.steps: list[str] = []
        self.fail_at: int | None = None

    def step(self, name: str) -> None:
        """Count a call that can fail, and fail if it is its turn."""
        self.steps.append(name)
        if self.fail_at is not None and len(self.steps) >= self.fail_at:
            self.fail_at = None
            raise OSError(5, "no luck")

    def create(self, name: str) -> MemoryFile:
        """Create or empty a file."""
        self.step("create")
        self.contents[name] = bytearray()
        return MemoryFile(self, name, 0)

    def open_append(self, name: str) -> MemoryFile:
        """Open at the end."""
        return MemoryFile(self, name, len(self.contents[name]))

    def map(self, name: str) -> bytes:
        """Return the content."""
        return self.read(name)

    def read(self, name: str) -> bytes:
        """Return the content."""
        if name not in self.contents:
            raise FileNotFoundError(2, "no such file", name)
        return bytes(self.contents[name])

    def names(self) -> list[str]:
        """Return all names."""
        return sorted(self.contents)

    def exists(self, name: str) -> bool:
        """Say whether there is such a file."""
        return name in self.contents

    def size(self, name: str) -> int:
        """Return a file's length."""
        return len(self.contents[name])

    def rename(self, source: str, target: str) -> None:
        """Rename."""
        self.step("rename")
        self.contents[target] = self.contents.pop(source)

    def unlink(self, name: str) -> None:
        """Remove."""
        del self.contents[name]

    def sync_dir(self) -> None:
        """Nothing is ever lost here."""
        self.step("sync_dir")


def build_table(
    files: MemoryFiles,
    number: int,
    entries: Mapping[bytes, bytes],
    ranges: Iterable[tuple[bytes, bytes, int]] = (),
    options: TableOptions = SMALL_BLOCKS,
) -> TableMetadata:
    """Write a table of these entries and return its metadata."""
    builder = TableBuilder(files.create(table_name(number)), options, number=number)
    for key in sorted(entries):
        builder.add(key, entries[key])
    for start, end, version in ranges:
        builder.add_range(start, end, version)
    return builder.finish()


# Few distinct bytes, so that keys share prefixes and meet in several tables.
short_keys = strategies.binary(max_size=3) | strategies.lists(
    strategies.sampled_from([b"\x00", b"\x01", b"a", b"ab", b"\xff"]), max_size=4
).map(b"".join)

records = strategies.builds(
    Record,
    version=strategies.integers(0, 50) | strategies.integers(0, 2**64 - 1),
    payload=strategies.binary(max_size=20),
    tombstone=strategies.booleans(),
    generation=strategies.integers(0, 3),
).map(encode_record)

entries_of_tables = strategies.dictionaries(short_keys, records, max_size=40)
