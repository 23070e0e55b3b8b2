"""The open tables of a directory."""

from __future__ import annotations

import pytest

from storage.errors import CorruptionError
from storage.filenames import table_name
from storage.manifest.edit import AddedTable, RemovedTable, VersionEdit
from storage.options import TableOptions
from storage.records import encode_string
from storage.sstable.builder import TableBuilder
from storage.sstable.metadata import TableMetadata
from storage.table_set import WAL_START, TableSet, encode_wal_start
from tests.harness.crashable_files import CrashableFileSystem


def build(files: CrashableFileSystem, number: int, keys: list[bytes]) -> TableMetadata:
    """Write a table whose records carry its number as version; from 3 on with a delete-range."""
    builder = TableBuilder(files.create(table_name(number)), TableOptions(), number=number)
    for key in keys:
        builder.add(key, encode_string(number, b""))
    if number > 2:
        builder.add_range(b"x", b"y", number)
    metadata = builder.finish()
    files.sync_dir()
    return metadata


def open_set(files: CrashableFileSystem) -> TableSet:
    """Open the directory."""
    tables = TableSet(files, 1 << 20)
    tables.open()
    return tables


def install(tables: TableSet, edit: VersionEdit) -> list[str]:
    """All three steps of an edit."""
    opened = tables.open_tables([added.table for added in edit.added])
    return tables.install(tables.append(edit).version, opened)


def test_edits_change_sources_and_survive_reopening() -> None:
    """Level 0 is read newest first, deeper levels as one source; reopening gives the same."""
    files = CrashableFileSystem()
    tables = open_set(files)
    level1 = [AddedTable(1, build(files, n, [b"%d" % n])) for n in (1, 2)]
    level0 = [AddedTable(0, build(files, n, [b"1", b"z"])) for n in (3, 4)]
    assert install(tables, VersionEdit(added=(*level1, *level0))) == []
    for opened in (tables, open_set(files)):
        sources = opened.sources()
        found = [source.get(b"1") for source in sources]
        assert [encode_string(version, b"") for version in (4, 3, 1)] == found
        assert {3, 4} == {part.version for part in opened.ranges()}
        assert opened.new_numbers(2) + 2 == opened.new_numbers()


def test_removed_tables_are_unlinked_but_stay_readable() -> None:
    """A table that left is named for unlinking; who holds it still reads it."""
    files = CrashableFileSystem()
    tables = open_set(files)
    install(tables, VersionEdit(added=(AddedTable(0, build(files, 1, [b"a"])),)))
    held = tables.sources()
    assert held[0].get(b"b") is None
    names = install(tables, VersionEdit(removed=(RemovedTable(0, 1),)))
    assert [table_name(1)] == names
    files.unlink(names[0])
    assert encode_string(1, b"") == held[0].get(b"a")
    assert tables.sources() == [] and sum(tables.bloom_counts(0)) == 1


def test_orphans_are_removed() -> None:
    """Tables that no manifest names, and temporary files, go; foreign files stay."""
    files = CrashableFileSystem()
    tables = open_set(files)
    build(files, 7, [b"a"])
    files.create("CURRENT.tmp")
    files.create("notes.txt")
    tables.remove_orphans()
    assert {table_name(7), "CURRENT.tmp"}.isdisjoint(files.names())
    assert {"notes.txt", "CURRENT"} <= set(files.names())


def test_start_of_the_log_is_remembered() -> None:
    """A new directory starts at segment 1; a malformed value is damage."""
    files = CrashableFileSystem()
    tables = open_set(files)
    assert tables.wal_start() == (1, 0)
    install(tables, VersionEdit(values={WAL_START: encode_wal_start(9, 12345)}))
    assert open_set(files).wal_start() == (9, 12345)
    install(tables, VersionEdit(values={WAL_START: b"?"}))
    with pytest.raises(CorruptionError):
        tables.wal_start()
