"""The manifest log: durable edits, torn tails, rotation, doubt."""

from __future__ import annotations

import errno
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.codec import checksum
from storage.errors import ClosedError, CorruptionError, FormatVersionError, StorageError
from storage.filenames import CURRENT, manifest_name, table_name
from storage.manifest.edit import AddedTable, RemovedTable, VersionEdit
from storage.manifest.log import (
    HEADER_BYTES,
    decode_current,
    decode_header,
    encode_current,
    encode_header,
    encode_record,
    open_manifest,
)
from storage.manifest.state import ManifestState
from storage.os_files import OsFileSystem
from storage.sstable.metadata import TableMetadata
from tests.harness.crashable_files import CrashableFileSystem, SimulatedCrash
from tests.harness.documents import hex_example
from tests.harness.failing_files import crash_at, fail_at
from tests.harness.tables import MemoryFiles


def value(number, size=3):
    """An edit that is told from others by a number."""
    return VersionEdit(values={"n": b"%d" % number + b"v" * size}, obsolete_segments=(number,))


def filled(count, **options):
    """A directory with that many edits."""
    files = MemoryFiles()
    log = open_manifest(files, **options)
    for number in range(count):
        log.append(value(number))
    return files, log


def test_new_directory_is_empty():
    """Opening a new directory gives an empty state and writes nothing."""
    files = MemoryFiles()
    assert ManifestState() == open_manifest(files).state
    assert files.names() == []


@given(st.integers(1, 30), st.integers(100, 2000), st.lists(st.integers(0, 29)))
def test_reopening_gives_the_state(count, rotate_bytes, reopened):
    """However often it is reopened and rotated, all edits are there, in one file and CURRENT."""
    files = MemoryFiles()
    log = open_manifest(files, rotate_bytes=rotate_bytes)
    for number in range(count):
        log.append(value(number))
        if number in reopened:
            log.close()
            state, log = log.state, open_manifest(files, rotate_bytes=rotate_bytes)
            assert state == log.state
    assert log.state == open_manifest(files).state
    assert log.state.obsolete_segments == frozenset(range(count))
    assert [CURRENT, manifest_name(log.number)] == files.names()
    assert log.size_bytes == files.size(manifest_name(log.number))


def test_rotation_keeps_the_file_short():
    """A thousand edits leave a file of about the rotation bound, not of a thousand edits."""
    files, log = filled(1000, rotate_bytes=4000)
    assert log.number > 2
    assert files.size(manifest_name(log.number)) < 5000


@given(st.integers(2, 8), st.data())
def test_torn_tail_is_forgotten(count, data):
    """The file cut anywhere behind the snapshot gives the edits before the cut, and goes on."""
    files, log = filled(count)
    name = manifest_name(log.number)
    whole = bytes(files.contents[name])
    first = _end_of_snapshot()
    cut = data.draw(st.integers(first, len(whole) - 1))
    filler = data.draw(st.sampled_from([b"", bytes(40), b"\xff" * 40]))
    files.contents[name] = bytearray(whole[:cut] + filler)
    reopened = open_manifest(files)
    kept = reopened.state.obsolete_segments
    assert kept == frozenset(range(len(kept))) and 1 <= len(kept) < count
    reopened.append(value(99))
    assert kept | {99} == open_manifest(files).state.obsolete_segments


def _end_of_snapshot():
    _files, log = filled(1)
    return log.size_bytes


@given(st.integers(3, 8), st.data())
def test_flipped_bits_never_pass(count, data):
    """A flipped bit raises, or only takes the last edit away; a wrong state never results."""
    files, log = filled(count)
    name = manifest_name(log.number)
    place = data.draw(st.integers(0, files.size(name) * 8 - 1))
    files.contents[name][place // 8] ^= 1 << place % 8
    try:
        state = open_manifest(files).state
    except StorageError:
        return
    assert state.obsolete_segments == frozenset(range(count - 1))


def test_damage_before_the_end_is_corruption():
    """A damaged record with a sound one behind it is no torn tail, even if its length is hit."""
    files, log = filled(4)
    name = manifest_name(log.number)
    first = _end_of_snapshot()
    for place in (first, first + 3, first + 11, first + 25):
        damaged = bytearray(files.contents[name])
        damaged[place] ^= 0x10
        files.contents[name], sound = damaged, files.contents[name]
        with pytest.raises(CorruptionError):
            open_manifest(files)
        files.contents[name] = sound


def test_failed_appends_are_in_doubt():
    """After a failure at any call the next append succeeds and the state is what it says."""
    for fail in range(1, 12):
        files, log = filled(3)
        before = log.state
        files.fail_at = len(files.steps) + fail
        try:
            log.append(value(7))
        except OSError:
            assert log.in_doubt
            assert before == log.state
        crashed = MemoryFiles()
        crashed.contents = {name: bytearray(data) for name, data in files.contents.items()}
        assert open_manifest(crashed).state.obsolete_segments >= frozenset(range(3))
        for _ in range(3):
            try:
                log.append(value(8))
                break
            except OSError:
                assert log.in_doubt
        assert not log.in_doubt
        assert log.state == open_manifest(files).state
        assert 8 in log.state.obsolete_segments


def test_failed_rotation_changes_nothing():
    """A rotation that fails at any call leaves the former manifest in force until one succeeds."""
    for fail in range(1, 12):
        files, log = filled(5, rotate_bytes=1)
        before = log.state
        files.fail_at = len(files.steps) + fail
        for number in (50, 51, 52):
            try:
                log.append(value(number))
            except OSError:
                crashed = MemoryFiles()
                crashed.contents = {name: bytearray(data) for name, data in files.contents.items()}
                found = open_manifest(crashed).state.obsolete_segments
                assert found >= before.obsolete_segments
                continue
            before = log.state
            assert before.obsolete_segments == open_manifest(files).state.obsolete_segments


@pytest.mark.parametrize("hook", [crash_at, lambda call: fail_at(call, errno.EIO)])
@pytest.mark.parametrize("rotate_bytes", [1, 4000])
def test_edit_of_a_killed_process_counted_and_was_not_durable(hook, rotate_bytes):
    """What a restart read, and may remove files because of, a power cut does not take back.

    The former process ended at any call of an append: killed there, or after an error.
    """
    for number in range(1, 13):
        files = CrashableFileSystem()
        log = open_manifest(files, rotate_bytes=rotate_bytes)
        log.append(value(1))
        log.append(value(2, size=500))
        files.on_call = hook(files.calls + number)
        try:
            log.append(value(3))
        except (SimulatedCrash, OSError):
            pass
        restarted = files.process_clone()
        log = open_manifest(restarted, rotate_bytes=rotate_bytes)
        log.settle()
        after = restarted.crash_clone(Random(number), "dropped")
        assert log.state == open_manifest(after).state
        assert log.state.obsolete_segments >= {1, 2}


def test_edit_that_does_not_fit_writes_nothing():
    """A wrong edit is refused before the first byte."""
    files, log = filled(2)
    steps, state = len(files.steps), log.state
    with pytest.raises(CorruptionError):
        log.append(VersionEdit(removed=(RemovedTable(1, 1),)))
    assert (steps, state) == (len(files.steps), log.state)
    assert not log.in_doubt


def test_current_is_checked():
    """CURRENT gives exactly the name of a manifest, or corruption."""
    assert manifest_name(7) == decode_current(encode_current(manifest_name(7)))
    for damaged in (b"", b"MANIFEST_0000000007\n", encode_current("LOCK"), b"\xff \xff"):
        with pytest.raises(CorruptionError):
            decode_current(damaged)


def test_missing_files_are_corruption():
    """Tables without CURRENT, or CURRENT without its manifest, are not a new directory."""
    files, log = filled(1)
    del files.contents[manifest_name(log.number)]
    with pytest.raises(CorruptionError, match="missing"):
        open_manifest(files)
    del files.contents[CURRENT]
    files.contents[table_name(1)] = bytearray()
    with pytest.raises(CorruptionError, match="tables"):
        open_manifest(files)


def test_headers_are_checked():
    """A manifest's header is right, damaged, or of a later version."""
    header = encode_header(9)
    assert (len(header), decode_header(header, "m")[0]) == (HEADER_BYTES, 9)
    with pytest.raises(CorruptionError):
        decode_header(header[:-1], "m")
    with pytest.raises(CorruptionError):
        decode_header(header[:-1] + bytes((header[-1] ^ 1,)), "m")
    later = header[:11] + b"\x02" + header[12:20]
    with pytest.raises(FormatVersionError):
        decode_header(later + checksum(later).to_bytes(4, "big"), "m")


def test_records_of_another_file_do_not_count():
    """A record's checksum depends on the file's header, so old bytes of a reused disk are torn."""
    assert encode_record(b"edit", 1, 5) != encode_record(b"edit", 1, 6)


def test_closed_log():
    """A closed log refuses appends."""
    _, log = filled(1)
    log.close()
    with pytest.raises(ClosedError):
        log.append(value(1))


def test_on_a_real_disk(tmp_path):
    """The same on real files: edits, a rotation, reopening."""
    files = OsFileSystem(str(tmp_path))
    log = open_manifest(files, rotate_bytes=300)
    for number in range(20):
        log.append(value(number))
    log.close()
    assert log.state == open_manifest(files).state
    assert len(files.names()) == 2


def test_documented_example():
    """The hex example of the format's document is what the log writes and what replay reads."""
    files = MemoryFiles()
    log = open_manifest(files)
    log.append(VersionEdit(next_file_number=2, values={"clock": b"\x01"}))
    table = TableMetadata(
        number=2,
        size=300,
        smallest=b"a",
        largest=b"b",
        end=b"b\x00",
        entries=2,
        oldest_version=7,
        newest_version=9,
        raw_bytes=40,
        created_ms=1000,
    )
    log.append(
        VersionEdit(added=(AddedTable(0, table),), obsolete_segments=(1,), next_file_number=3)
    )
    example = hex_example("manifest.md")
    assert example == bytes(files.contents[manifest_name(2)])
    files.contents[manifest_name(2)] = bytearray(example)
    state = open_manifest(files).state
    assert state.version.levels == ((table,),)
    assert (dict(state.values), state.obsolete_segments) == ({"clock": b"\x01"}, frozenset((1,)))
