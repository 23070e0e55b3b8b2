"""Archived log segments."""

from __future__ import annotations

import errno
import gzip

from storage.archive import Archive
from storage.blocking import run_inline
from tests.harness.crashable_files import CrashableFileSystem
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
