"""The open tables of an engine, the manifest that lists them, and their levels as read sources.

The manifest is the truth; this keeps a `Table` open for every table it lists. A change happens in
three steps, so that slow parts can run in a thread: `open_tables` (the new files), `append` (the
edit becomes durable), `install` (references are swapped in the owner's task). A table that left
the layout stays readable for views that hold it; its name is removed at once.

If appending an edit fails the manifest is in doubt: the edit may or may not be on disk. It must be
tried again with the same tables until it succeeds, and nothing may be unlinked meanwhile.
"""

from __future__ import annotations

import contextlib
import struct
from typing import TYPE_CHECKING

from storage.errors import CorruptionError
from storage.filenames import FileKind, parse_name, table_name
from storage.manifest.edit import VersionEdit
from storage.manifest.log import ManifestLog, open_manifest
from storage.manifest.version import Version
from storage.manifest.version_set import VersionSet
from storage.sstable.cache import BlockCache
from storage.sstable.reader import Table
from storage.sstable.run import SortedRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.files import FileSystem
    from storage.manifest.state import ManifestState
    from storage.read_view import Source
    from storage.sstable.metadata import TableMetadata
    from storage.sstable.range_tombstones import RangeTombstone

_WAL_START = struct.Struct(">QQ")
WAL_START = "wal"  # the manifest's named value: first segment number u64 | its base offset u64


def encode_wal_start(number: int, base_offset: int) -> bytes:
    """Return the manifest's value that says where replay begins."""
    return _WAL_START.pack(number, base_offset)


class TableSet:
    """All tables of one directory; see the module's docstring.

    Attributes:
        files: where they are.
        cache: parsed blocks of all of them.
    """

    def __init__(self, files: FileSystem, cache_bytes: int) -> None:
        self.files = files
        self.cache = BlockCache(cache_bytes)
        self._manifest: ManifestLog | None = None
        self._tables: dict[int, Table] = {}
        self._versions = VersionSet(Version(), self._collect)
        self._unreferenced: list[int] = []
        #: Tables that left the layout, for the installer to let go gently.
        self.retired: list[Table] = []
        self._next_number = 1
        self._bloom_counts: dict[int, list[int]] = {}

    @property
    def manifest(self) -> ManifestLog:
        """The manifest; open after `open`."""
        assert self._manifest is not None
        return self._manifest

    @property
    def state(self) -> ManifestState:
        """What the manifest says."""
        return self.manifest.state

    @property
    def version(self) -> Version:
        """The layout in use."""
        return self._versions.newest

    def open(self) -> None:
        """Replay the manifest and open every table (blocking).

        Raises:
            CorruptionError, FormatVersionError: the manifest or a table cannot be read.
            OSError: a file cannot be opened.
        """
        self._manifest = open_manifest(self.files)
        if self._manifest.number == 0:
            # A new directory gets its manifest before anything that the manifest must name.
            self._manifest.append(VersionEdit(values={WAL_START: encode_wal_start(1, 0)}))
        version = self._manifest.state.version
        self._tables = {
            table.number: Table(self.files, table_name(table.number), table, self.cache)
            for table in version.tables()
        }
        self._next_number = self._manifest.state.next_file_number
        self._versions = VersionSet(version, self._collect)

    def wal_start(self) -> tuple[int, int]:
        """Return (number, base offset) of the first log segment that is not in tables.

        Raises:
            CorruptionError: the manifest's value is malformed.
        """
        value = self.state.values.get(WAL_START)
        if value is None:
            return 1, 0
        if len(value) != _WAL_START.size:
            raise CorruptionError("manifest", None, "the start of the log is malformed")
        number, base_offset = _WAL_START.unpack(value)
        return number, base_offset

    def remove_orphans(self) -> None:
        """Unlink files that a crash left behind (blocking). A failure costs only space."""
        numbers = self.version.numbers()
        for name in self.files.names():
            kind, number = parse_name(name) or (None, 0)
            orphan = kind is FileKind.TEMPORARY or (
                kind is FileKind.TABLE and number not in numbers
            )
            if orphan:
                with contextlib.suppress(OSError):
                    self.files.unlink(name)

    def new_numbers(self, count: int = 1) -> int:
        """Return the first of `count` file numbers that were not used before."""
        number = max(self._next_number, self.state.next_file_number)
        self._next_number = number + count
        return number

    def open_tables(self, added: Sequence[TableMetadata]) -> dict[int, Table]:
        """Open new table files (blocking); they are not part of the set yet.

        Raises:
            CorruptionError: a file is not what its metadata says.
            OSError: a file cannot be opened.
        """
        return {
            metadata.number: Table(self.files, table_name(metadata.number), metadata, self.cache)
            for metadata in added
        }

    def append(self, edit: VersionEdit) -> ManifestState:
        """Make an edit durable (blocking, one at a time).

        Raises:
            OSError: the edit is in doubt: try the same again before anything else.
        """
        return self.manifest.append(edit)

    def install(self, version: Version, opened: dict[int, Table]) -> list[str]:
        """Use a new layout; return the names of files that can be unlinked."""
        levels = {
            number: level
            for level, tables in enumerate(self.version.levels)
            for number in (table.number for table in tables)
        }
        self._tables.update(opened)
        self._versions.install(version)
        gone, self._unreferenced = self._unreferenced, []
        for number in gone:
            table = self._tables.pop(number)
            self.retired.append(table)
            counts = self._bloom_counts.setdefault(levels[number], [0, 0])
            counts[0] += table.negatives
            counts[1] += table.false_positives
        return [table_name(number) for number in gone]

    def sources(self) -> list[Source]:
        """Return what reads go through, newest first."""
        level0, *deeper = self.version.levels
        sources: list[Source] = [self._tables[table.number] for table in level0]
        for level in deeper:
            if level:
                sources.append(SortedRun([self._tables[table.number] for table in level]))
        return sources

    def ranges(self) -> list[RangeTombstone]:
        """Return the delete-ranges of all tables."""
        return [
            part for table in self.version.ranged for part in self._tables[table.number].ranges
        ]

    def bloom_counts(self, level: int) -> tuple[int, int]:
        """Return (negatives, false positives) of a level's filters since the start."""
        negatives, false_positives = self._bloom_counts.get(level, (0, 0))
        for metadata in self.version.level(level):
            table = self._tables[metadata.number]
            negatives += table.negatives
            false_positives += table.false_positives
        return negatives, false_positives

    def close(self) -> None:
        """Close the manifest and let the tables go."""
        if self._manifest is not None:
            self._manifest.close()
        self._tables.clear()

    def _collect(self, numbers: list[int]) -> None:
        self._unreferenced += numbers
