"""Both disks, the real and the simulated one, keep the promises of the protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.files import FileSystem
from storage.os_files import OsFileSystem
from tests.harness.crashable_files import CrashableFileSystem


@pytest.fixture(params=["real", "simulated"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileSystem:
    """One disk of each kind."""
    return OsFileSystem(str(tmp_path)) if request.param == "real" else CrashableFileSystem()


def test_same_answers(files: FileSystem) -> None:
    """Writing, cutting, reserving and reading give the same on both."""
    file = files.create("a")
    file.append(b"0123456789")
    file.write_at(8, b"abc")
    file.truncate(9)
    file.preallocate(12)
    file.sync()
    assert b"01234567a\x00\x00\x00" == files.read("a") == bytes(files.map("a"))
    assert file.read_at(6, 3) == b"67a"
    assert (file.position, files.size("a")) == (10, 12)
    file.close()


def test_missing_files_raise(files: FileSystem) -> None:
    """Every use of a file that is not there raises FileNotFoundError."""
    for operation in (files.open_append, files.map, files.read, files.size, files.unlink):
        with pytest.raises(FileNotFoundError):
            operation("missing")
    with pytest.raises(FileNotFoundError):
        files.rename("missing", "other")


def test_create_empties(files: FileSystem) -> None:
    """Creating over an existing name starts with nothing."""
    for content in (b"old content", b"new"):
        file = files.create("a")
        file.append(content)
        file.close()
    assert files.read("a") == b"new"
