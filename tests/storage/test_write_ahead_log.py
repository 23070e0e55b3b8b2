"""The row of segments: rotation, syncing, and writing again after a failed sync."""

from __future__ import annotations

import errno
import gc
from itertools import count
from pathlib import Path

import pytest

from storage.files import FileSystem
from storage.os_files import OsFileSystem
from storage.wal_reader import SegmentReader
from storage.write_ahead_log import WriteAheadLog
from tests.harness.crashable_files import CrashableFileSystem
from tests.harness.failing_files import FailWhile, fail_at


def open_log(files: FileSystem, *, keep_unsynced: bool = True) -> WriteAheadLog:
    """A new log with one open segment of 1 KB."""
    salts = count(1)
    log = WriteAheadLog(files, 1024, lambda: next(salts), keep_unsynced=keep_unsynced)
    log.begin(0, 0, None)
    reserve(log)
    log.rotate()
    return log


def reserve(log: WriteAheadLog) -> None:
    """Provide the next segment."""
    assert log.adopt_spare(log.reserve(log.spare_name()))


def payloads(files: CrashableFileSystem, number: int) -> list[bytes]:
    """The records of a segment."""
    name = f"segment_{number:010d}.wal"
    return list(SegmentReader(files.read(name), name).payloads())


def test_rotation_continues_offsets() -> None:
    """The next segment's base offset is where the sealed one ended."""
    files = CrashableFileSystem()
    log = open_log(files)
    log.append(b"a" * 1000)
    assert log.is_full()
    reserve(log)
    sealed = log.rotate()
    assert sealed is not None and log.writer is not None
    assert sealed.appended_offset == log.writer.header.base_offset == log.appended_offset
    assert log.last_number == 2 and log.is_empty()


def test_sync_covers_sealed_and_open_segments_in_order() -> None:
    """One target holds every file with bytes that are not durable; then nothing is left."""
    files = CrashableFileSystem()
    log = open_log(files)
    log.append(b"one")
    reserve(log)
    log.rotate()
    log.append(b"two")
    target = log.sync_target()
    assert target is not None
    assert log.writer is not None and target.open_file is log.writer.file
    assert len(target.sealed) == 1 and log.appended_offset == target.offset
    target.sync()
    log.synced(target)
    assert log.appended_offset == log.synced_offset
    assert log.sync_target() is None and not log.has_sealed_unsynced()
    assert log.unsynced_payloads() == ()


def test_closing_removed_segments_held_everybody_up() -> None:
    """Their blocks are freed then: it is done where the sync blocks, only for sealed ones."""
    log = open_log(CrashableFileSystem())
    log.append(b"one")
    sealed = log.writer
    reserve(log)
    log.rotate()
    log.append(b"two")
    assert sealed is not None and log.writer is not None
    target = log.sync_target()
    assert target is not None and target.sealed == (sealed.file,)
    target.sync()
    with pytest.raises(AssertionError):
        sealed.file.sync()
    log.append(b"three")
    log.synced(target)
    assert not log.has_sealed_unsynced()
    assert log.unsynced_payloads() == (b"three",)


def test_a_segment_sealed_during_a_sync_was_never_closed() -> None:
    """Though all in it was durable; it is closed by the next sync, even if nothing is new."""
    log = open_log(CrashableFileSystem())
    log.append(b"one")
    writer = log.writer
    target = log.sync_target()
    assert target is not None and writer is not None and target.sealed == ()
    target.sync()
    reserve(log)
    log.rotate()
    log.synced(target)
    assert log.appended_offset == log.synced_offset and log.has_sealed_unsynced()
    writer.file.sync()
    closing = log.sync_target()
    assert closing is not None and closing.sealed == (writer.file,)
    closing.sync()
    log.synced(closing)
    assert not log.has_sealed_unsynced() and log.sync_target() is None
    with pytest.raises(AssertionError):
        writer.file.sync()


def test_copies_of_another_policy_were_written_again_behind_newer_records() -> None:
    """Of what came under `no` nothing was kept, so nothing before its end is written again."""
    log = open_log(CrashableFileSystem())
    log.append(b"kept")
    log.keep_copies(False)
    log.append(b"newer, not kept")
    reserve(log)
    log.note_sync_failure()
    rewrite = log.rewrite()
    assert rewrite.payloads == () and rewrite.header.base_offset == log.appended_offset


def test_records_from_before_copies_were_kept_went_with_a_failed_sync() -> None:
    """After `no` became `always` the rewrite begins where copies begin."""
    files = CrashableFileSystem()
    log = open_log(files, keep_unsynced=False)
    log.append(b"not kept")
    since = log.appended_offset
    log.keep_copies(True)
    log.append(b"kept")
    log.keep_copies(True)
    end = log.appended_offset
    reserve(log)
    log.note_sync_failure()
    rewrite = log.rewrite()
    assert rewrite.payloads == (b"kept",) and rewrite.header.base_offset == since
    log.adopt_rewrite(rewrite.run())
    assert log.appended_offset == log.synced_offset == end


def sync(log: WriteAheadLog) -> None:
    """Make everything durable that was appended."""
    target = log.sync_target()
    assert target is not None
    target.sync()
    log.synced(target)


def test_a_second_of_records_was_dropped_at_once() -> None:
    """2 ms in which nobody was served: each append drops two, the rest goes bit by bit."""
    log = open_log(CrashableFileSystem())
    for number in range(200):
        log.append(b"old %d" % number)
    sync(log)
    assert len(log._copies) == 200
    assert log.unsynced_payloads() == ()
    log.append(b"new 1")
    log.append(b"new 2")
    assert len(log._copies) == 198
    assert log.unsynced_payloads() == (b"new 1", b"new 2")
    steps = 1
    while log.forget_durable():
        assert len(log._copies) > 2
        steps += 1
    assert steps > 2
    assert list(log._copies) == [b"new 1", b"new 2"]
    for number in range(3, 10):
        log.append(b"new %d" % number)
    assert len(log.unsynced_payloads()) == len(log._copies) == len(log._copy_ends) == 9


def test_copies_of_records_made_the_garbage_collector_run(tmp_path: Path) -> None:
    """A thousand pairs are a collection of 0.7 ms, four times a second: none are kept."""
    # Not on the simulated disk, which remembers every call.
    log = open_log(OsFileSystem(str(tmp_path)))
    log.append(b"first")
    gc.collect()
    gc.disable()
    try:
        before = gc.get_count()[0]
        for number in range(500):
            log.append(b"%d" % number)
        made = gc.get_count()[0] - before
    finally:
        gc.enable()
    assert len(log._copies) == 501
    assert made < 50
    log.close()


def test_what_a_sync_made_durable_is_not_written_again() -> None:
    """Though a copy of it may still be in memory when the next sync fails."""
    files = CrashableFileSystem()
    log = open_log(files)
    for _ in range(100):
        log.append(b"durable")
    sync(log)
    log.append(b"not yet")
    reserve(log)
    log.note_sync_failure()
    rewrite = log.rewrite()
    assert rewrite.payloads == (b"not yet",)
    log.adopt_rewrite(rewrite.run())
    assert payloads(files, 2) == [b"not yet"]


def test_failed_sync_is_never_repeated_on_the_same_file() -> None:
    """After a failed sync there is no target until the records were written again elsewhere."""
    files = CrashableFileSystem()
    log = open_log(files)
    log.append(b"durable")
    target = log.sync_target()
    assert target is not None
    target.sync()
    log.synced(target)
    log.append(b"doubtful")
    files.on_call = FailWhile(errno.EIO, lambda operation, name: operation == "sync")
    with pytest.raises(OSError):
        target.sync()
    log.note_sync_failure()
    files.on_call = None
    assert log.sync_target() is None
    appended = log.appended_offset
    reserve(log)
    rewrite = log.rewrite()
    log.adopt_rewrite(rewrite.run())
    assert payloads(files, 2) == [b"doubtful"]
    assert appended == log.appended_offset == log.synced_offset
    assert target.offset == rewrite.header.base_offset


def test_without_keeping_the_log_goes_on_empty() -> None:
    """Policy `no` keeps nothing in memory: the next segment continues at the end."""
    files = CrashableFileSystem()
    log = open_log(files, keep_unsynced=False)
    log.append(b"somewhere")
    log.note_sync_failure()
    reserve(log)
    rewrite = log.rewrite()
    log.adopt_rewrite(rewrite.run())
    assert payloads(files, 2) == []
    assert log.appended_offset == rewrite.header.base_offset


def test_reservation_that_fails_leaves_no_file() -> None:
    """A disk without room for the next segment raises, and the file is removed."""
    files = CrashableFileSystem()
    log = open_log(files)
    files.capacity = 1500
    with pytest.raises(OSError):
        log.reserve(log.spare_name())
    assert not files.exists(log.spare_name())


def test_rotation_that_fails_keeps_the_open_segment() -> None:
    """If the new header cannot be written, the log goes on where it was."""
    files = CrashableFileSystem()
    log = open_log(files)
    reserve(log)
    files.on_call = fail_at(files.calls + 1, errno.EIO)
    with pytest.raises(OSError):
        log.rotate()
    assert log.spare is None and log.last_number == 1
    log.append(b"still here")
    assert payloads(files, 1) == [b"still here"]
