"""Archived log segments."""

from __future__ import annotations

import errno
import gzip
from pathlib import Path

import pytest

from storage.archive import Archive
from storage.blocking import run_inline
from storage.engine import Engine
from storage.options import StorageOptions
from storage.records import WriteBatch, encode_string
from tests.harness.crashable_files import CrashableFileSystem, SimulatedCrash
from tests.harness.failing_files import fail_at

DAY_MS = 86_400_000
NOW_MS = 1_767_225_600_000  # 2026-01-01 00:00:00 UTC


def make_archive() -> tuple[Archive, CrashableFileSystem, CrashableFileSystem]:
    """An archive of seven days, its source with one segment, and its target."""
    source, target = CrashableFileSystem(), CrashableFileSystem()
    source.create("segment_0000000001.wal").append(b"records" * 1000)
    return Archive(source, target, 7, run_inline), source, target


async def test_copies_unpack_to_the_segment() -> None:
    """A copy is a gzip file with the time in its name, durable when `keep` returns."""
    archive, source, target = make_archive()
    await archive.keep(["segment_0000000001.wal"], NOW_MS)
    assert target.names() == ["segment_0000000001_20260101T000000Z.wal.gz"]
    packed = target.read(target.names()[0])
    assert source.read("segment_0000000001.wal") == gzip.decompress(packed)
    assert len(packed) < 500


async def test_old_copies_are_removed() -> None:
    """Copies older than the retention go, others and foreign files stay."""
    archive, _, target = make_archive()
    target.create("notes.txt")
    for days in (8, 6, 0):
        archive.copy("segment_0000000001.wal", NOW_MS - days * DAY_MS)
    await archive.keep([], NOW_MS)
    assert target.names() == [
        "notes.txt",
        "segment_0000000001_20251226T000000Z.wal.gz",
        "segment_0000000001_20260101T000000Z.wal.gz",
    ]


async def test_failures_are_survived() -> None:
    """An archive that cannot be written does not stop the flush that feeds it."""
    archive, _, target = make_archive()
    target.on_call = fail_at(2, errno.EIO)
    await archive.keep(["segment_0000000001.wal"], NOW_MS)
    assert not any(name.endswith(".gz") for name in target.names())


async def test_segments_in_tables_were_removed_unarchived_at_a_start() -> None:
    """The process had ended between the install of their table and their copy."""
    archive, source, target = make_archive()
    source.create("segment_0000000002.wal").append(b"more")
    source.create("segment_0000000003.wal").append(b"not in tables")
    source.create("table_0000000001.sst").append(b"no segment")
    archive.keep_older(3, NOW_MS)
    assert target.names() == [
        "segment_0000000001_20260101T000000Z.wal.gz",
        "segment_0000000002_20260101T000000Z.wal.gz",
    ]
    target.on_call = fail_at(2, errno.EIO)
    archive.keep_older(3, NOW_MS + DAY_MS)
    target.on_call = None
    assert "segment_0000000002_20260102T000000Z.wal.gz" in target.names()


async def test_an_engine_archives_what_a_stop_left_over(tmp_path: Path) -> None:
    """Its start copies the segments that recovery is about to remove."""
    files = CrashableFileSystem()
    target = tmp_path / "archive"
    target.mkdir()
    options = StorageOptions(
        "sim", segment_bytes_override=4096, workers=0, cache_size_mb=1, wal_archive_dir=str(target)
    )

    def opened(disk: CrashableFileSystem) -> Engine:
        engine = Engine(options, disk, run_blocking=run_inline)
        engine.open()
        return engine

    engine = opened(files)
    batch = WriteBatch()
    batch.put(b"\x01a", encode_string(1, b""))
    engine.commit(batch)
    engine.note_spare(engine.log.reserve(engine.log.spare_name()))
    engine.seal()

    is_installed = False

    def stop(number: int, operation: str, name: str) -> None:
        nonlocal is_installed
        is_installed = is_installed or (operation == "sync" and name.startswith("MANIFEST"))
        if is_installed and operation == "map" and name.endswith(".wal"):
            raise SimulatedCrash

    files.on_call = stop
    with pytest.raises((SimulatedCrash, BaseExceptionGroup)):
        await engine.background_step()
    assert list(target.iterdir()) == []
    found = files.process_clone()
    again = opened(found)
    assert again.get(b"\x01a") == encode_string(1, b"")
    assert [path.name[:18] for path in target.iterdir()] == ["segment_0000000001"]
    assert "segment_0000000001.wal" not in found.names()
