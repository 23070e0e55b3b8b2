"""The real file system, in a temporary directory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from storage.errors import DirectoryLockedError
from storage.os_files import OsFileSystem, release_pages


def test_appends_go_to_the_position(tmp_path: Path) -> None:
    """`append` writes at `position`, which the caller may set; other writes do not move it."""
    files = OsFileSystem(str(tmp_path / "new" / "directory"))
    file = files.create("a")
    file.append(b"hello")
    file.append(b" world")
    file.write_at(0, b"J")
    file.position = 5
    file.append(b"!")
    file.sync()
    assert b"Jello!world" == file.read_at(0, 100) == files.read("a") == bytes(files.map("a"))
    assert file.position == 6
    file.close()
    file.close()
    again = files.open_append("a")
    assert 11 == again.position == files.size("a")
    again.truncate(2)
    assert files.read("a") == b"Je"
    again.close()


@pytest.mark.parametrize("most", [100, 5, 3, 1])
def test_parts_are_appended_as_one(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the kernel takes only some of the bytes; after an error the position stays."""
    file = OsFileSystem(str(tmp_path)).create("a")
    file.append(b"ab")
    whole = os.pwritev

    def some(descriptor: int, parts: Sequence[bytes], offset: int) -> int:
        return whole(descriptor, [b"".join(parts)[:most]], offset)

    monkeypatch.setattr(os, "pwritev", some)
    file.append_parts((b"cd", b"", b"efg", b"h"))
    assert file.read_at(0, 100) == b"abcdefgh"
    assert file.position == 8
    file.close()
    with pytest.raises(OSError):
        file.append_parts((b"i",))
    assert file.position == 8


def test_preallocated_bytes_are_zeros(tmp_path: Path) -> None:
    """Reserving makes the file that long and leaves what was written."""
    files = OsFileSystem(str(tmp_path))
    file = files.create("a")
    file.append(b"x")
    file.preallocate(5000)
    assert b"x" + bytes(4999) == files.read("a")
    assert file.position == 1
    file.close()


def test_mapping_outlives_the_name(tmp_path: Path) -> None:
    """A mapping is readable after the file was unlinked; an empty file maps to nothing."""
    files = OsFileSystem(str(tmp_path))
    for name, content in (("a", b"content"), ("empty", b"")):
        file = files.create(name)
        file.append(content)
        file.close()
    mapped = files.map("a")
    files.unlink("a")
    assert bytes(mapped[:]) == b"content"
    assert files.map("empty") == b""
    assert not files.exists("a")


def test_directory_operations(tmp_path: Path) -> None:
    """Names are listed sorted, files only; rename replaces."""
    files = OsFileSystem(str(tmp_path))
    (tmp_path / "folder").mkdir()
    for name in ("b", "a"):
        file = files.create(name)
        file.append(name.encode())
        file.close()
    assert files.names() == ["a", "b"]
    files.rename("a", "b")
    files.sync_dir()
    assert files.names() == ["b"] and files.read("b") == b"a"
    assert files.free_bytes() > 0


def test_lock_names_its_holder(tmp_path: Path) -> None:
    """A held directory is refused with the holder's process id; a released one is free."""
    files = OsFileSystem(str(tmp_path))
    lock = files.lock("LOCK")
    with pytest.raises(DirectoryLockedError, match=r"process \d+"):
        OsFileSystem(str(tmp_path)).lock("LOCK")
    lock.release()
    lock.release()
    files.lock("LOCK").release()


def test_released_pages_can_still_be_read(tmp_path: Path) -> None:
    """Releasing parts of a mapping, odd bounds and plain bytes included, changes no byte."""
    files = OsFileSystem(str(tmp_path))
    file = files.create("a")
    content = bytes(range(256)) * 64
    file.append(content)
    data = files.map("a")
    for start, end in ((0, 5000), (1, 4096), (5000, 16384), (16384, 16384)):
        release_pages(data, start, end)
    assert bytes(data) == content
    release_pages(content, 0, 8192)
    file.close()
