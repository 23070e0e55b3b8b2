"""Installing edits."""

from __future__ import annotations

import errno

import pytest
import trio
import trio.testing

from storage.blocking import run_inline
from storage.errors import CorruptionError
from storage.filenames import table_name
from storage.installer import Installer
from storage.manifest.edit import AddedTable, VersionEdit
from storage.options import StorageOptions, TableOptions
from storage.records import encode_string
from storage.sstable.builder import TableBuilder
from storage.store import Store
from storage.table_set import TableSet
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile


def make(files: CrashableFileSystem) -> tuple[Store, Installer, VersionEdit]:
    """A store, its installer, and an edit that adds one table."""
    tables = TableSet(files, 1 << 20)
    tables.open()
    store = Store(StorageOptions("sim"), files)
    builder = TableBuilder(files.create(table_name(9)), TableOptions(), number=9)
    builder.add(b"\x01a", encode_string(1, b""))
    edit = VersionEdit(added=(AddedTable(0, builder.finish()),))
    return store, Installer(store, tables, run_inline), edit


async def test_manifest_errors_are_retried(autojump_clock: trio.testing.MockClock) -> None:
    """While the manifest cannot be written nothing changes; then the edit is installed once."""
    files = CrashableFileSystem()
    store, installer, edit = make(files)
    fault = FailWhile(errno.EIO, lambda operation, name: name.startswith("MANIFEST"))
    files.on_call = fault
    installed: list[bool] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(installer.install, lambda: edit, lambda: installed.append(True))
        await trio.sleep(3.5)
        assert installed == [] and store.get(b"\x01a") is None
        assert installer.failures >= 3
        fault.active = False
    assert installed == [True]
    assert encode_string(1, b"") == store.get(b"\x01a")


async def test_damaged_table_is_not_installed() -> None:
    """A table that does not open never reaches the manifest."""
    files = CrashableFileSystem()
    store, installer, edit = make(files)
    files.open_append(table_name(9)).truncate(10)
    with pytest.raises(CorruptionError):
        await installer.install(lambda: edit, lambda: None)
    assert store.get(b"\x01a") is None
    reopened = TableSet(files, 1 << 20)
    reopened.open()
    assert reopened.sources() == []
