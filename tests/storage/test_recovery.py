"""Recovery of the log: torn ends are dropped, damage to durable bytes is refused."""

from __future__ import annotations

import errno
from random import Random

import pytest

from storage.batch_format import encode_batch
from storage.errors import CorruptionError
from storage.filenames import segment_name
from storage.keys import metadata_key
from storage.records import WriteBatch, encode_string
from storage.recovery import RecoveredLog, recover_log, reopen_last
from storage.wal_format import SegmentHeader
from storage.wal_writer import SegmentWriter
from tests.harness.crashable_files import CrashableFileSystem, SimulatedCrash
from tests.harness.failing_files import crash_at, fail_at


def payload(number: int) -> bytes:
    """A batch with one key of its own."""
    batch = WriteBatch()
    batch.put(metadata_key(0, b"%d" % number), encode_string(number, b"value"))
    return encode_batch(batch)


class Log:
    """Writes segments by hand; each synced record is known to the following ones."""

    def __init__(self) -> None:
        self.files = CrashableFileSystem()
        self.offset = 0
        self.durable = 0
        self.positions: list[int] = []

    def segment(self, number: int, batches: list[int], *, base: int | None = None) -> None:
        """Write one segment with these batches."""
        file = self.files.create(segment_name(number))
        file.preallocate(2048)
        header = SegmentHeader(number, self.offset if base is None else base, number)
        writer = SegmentWriter.start(file, header)
        for batch in batches:
            self.positions.append(writer.position)
            self.offset = writer.append(payload(batch), self.durable)

    def sync(self) -> None:
        """Make all files durable."""
        for name in self.files.names():
            self.files.open_append(name).sync()
        self.files.sync_dir()

    def damage(self, number: int, position: int) -> None:
        """Flip a byte."""
        file = self.files.open_append(segment_name(number))
        byte = file.read_at(position, 1)[0]
        file.write_at(position, bytes((byte ^ 1,)))


def found(recovered: RecoveredLog) -> list[int]:
    """The batches that recovery replayed, by their keys' versions."""
    numbers = [
        record[8]
        for segment in recovered.segments
        for _, record in segment.memtable.scan(b"", b"\xff")
    ]
    return sorted(numbers)


def test_segments_in_order() -> None:
    """All segments are replayed; one that was reserved only is removed."""
    log = Log()
    log.segment(1, [1, 2])
    log.segment(2, [3])
    log.files.create(segment_name(3)).preallocate(2048)
    recovered = recover_log(log.files, 1)
    assert found(recovered) == [1, 2, 3] and not recovered.dropped
    assert (2, log.offset, 3) == (
        recovered.last_number,
        recovered.end_offset,
        recovered.batches,
    )
    assert not log.files.exists(segment_name(3))


def test_torn_end_drops_all_that_follows() -> None:
    """Un-synced damage in one segment drops its rest and later segments, for good."""
    log = Log()
    log.segment(1, [1, 2])
    log.segment(2, [3])
    log.damage(1, log.positions[1] + 30)
    recovered = recover_log(log.files, 1)
    assert found(recovered) == [1] and segment_name(1) in recovered.dropped
    assert not log.files.exists(segment_name(2))
    assert reopen_last(log.files, recovered, 2048) is not None
    again = recover_log(log.files, 1)
    assert found(again) == [1] and not again.dropped


def test_damage_to_durable_records_is_refused() -> None:
    """If a later segment knew the damaged place to be durable, nothing is opened or changed."""
    log = Log()
    log.segment(1, [1, 2])
    log.durable = log.offset
    log.segment(2, [3])
    log.damage(1, log.positions[1] + 30)
    for _ in range(2):
        with pytest.raises(CorruptionError, match="durable"):
            recover_log(log.files, 1)


def test_missing_segment_is_refused() -> None:
    """Segment numbers have no gaps."""
    log = Log()
    log.segment(1, [1])
    log.segment(2, [2])
    log.segment(3, [3])
    log.files.unlink(segment_name(2))
    with pytest.raises(CorruptionError, match="missing"):
        recover_log(log.files, 1)
    with pytest.raises(CorruptionError, match="missing"):
        recover_log(log.files, 2)


def test_flushed_segments_are_removed() -> None:
    """What lies before the log's start is in tables; the rest continues at its base offset."""
    log = Log()
    log.segment(1, [1])
    base = log.offset
    log.segment(2, [2])
    assert found(recover_log(log.files, 2, base)) == [2]
    assert not log.files.exists(segment_name(1))


def test_lost_first_segment_with_durable_followers_is_refused() -> None:
    """A first segment whose header is gone, followed by records that knew it durable."""
    log = Log()
    log.segment(1, [1])
    log.durable = log.offset
    log.segment(2, [2])
    file = log.files.open_append(segment_name(1))
    file.write_at(0, bytes(40))
    with pytest.raises(CorruptionError, match="durable"):
        recover_log(log.files, 1)


def test_rewritten_records_supersede_the_old_ones() -> None:
    """After a failed sync: old copies behind the new segment's base are ignored, whole or not."""
    log = Log()
    log.segment(1, [1])
    durable = log.offset
    log.durable = durable
    log.segment(2, [2, 3])
    log.damage(2, 60)
    # The first attempt to write again did not even get a header.
    log.files.create(segment_name(3)).preallocate(2048)
    log.segment(4, [2, 3, 4], base=durable)
    recovered = recover_log(log.files, 1)
    assert found(recovered) == [1, 2, 3, 4] and not recovered.dropped


def test_used_up_segment_is_not_reopened() -> None:
    """A segment that is nearly full stays sealed; appending goes on in a new one."""
    log = Log()
    log.segment(1, list(range(1, 25)))
    assert reopen_last(log.files, recover_log(log.files, 1), 2048) is None


def test_power_cut_while_segments_were_dropped_left_a_gap() -> None:
    """Whichever removals a power cut keeps, no segment is missing between two others."""
    log = Log()
    log.segment(1, [1, 2])
    log.segment(2, [3])
    log.segment(3, [4])
    log.damage(1, log.positions[1] + 30)
    log.sync()
    undisturbed = log.files.process_clone()
    recover_log(undisturbed, 1)
    for number in range(1, undisturbed.calls + 1):
        crashed = log.files.process_clone()
        crashed.on_call = crash_at(number)
        with pytest.raises(SimulatedCrash):
            recover_log(crashed, 1)
        for seed in range(40):
            assert found(recover_log(crashed.crash_clone(Random(seed), "torn"), 1)) == [1]


def test_records_whose_sync_had_failed_were_taken_for_durable() -> None:
    """After a failed sync and a restart, a later sync alone would not write the lost pages."""
    log = Log()
    log.segment(1, [1])
    log.sync()
    log.durable = log.offset
    log.segment(2, [2])
    log.files.sync_dir()
    log.files.on_call = fail_at(log.files.calls + 2, errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        log.files.open_append(segment_name(2)).sync()
    restarted = log.files.process_clone()
    recovered = recover_log(restarted, 1)
    writer = reopen_last(restarted, recovered, 2048)
    assert writer is not None and found(recovered) == [1, 2]
    writer.append(payload(3), recovered.end_offset)
    writer.file.sync()
    after = restarted.crash_clone(Random(1), "dropped")
    assert found(recover_log(after, 1)) == [1, 2, 3]


def test_header_that_was_cut_short_kept_the_log_from_opening() -> None:
    """A segment whose header could only be written in part was never started."""
    log = Log()
    log.segment(1, [1])
    log.segment(2, [])
    log.files.open_append(segment_name(2)).write_at(20, bytes(20))
    recovered = recover_log(log.files, 1)
    assert found(recovered) == [1] and recovered.last_number == 1


def test_a_last_segment_without_its_header_was_dropped_without_a_word() -> None:
    """Its first page was lost and others were not; an empty spare is nothing to speak of."""
    log = Log()
    log.segment(1, [1, 2])
    log.sync()
    log.segment(2, [3])
    header = SegmentHeader(2, 0, 2).encode()
    log.files.open_append(segment_name(2)).write_at(0, bytes(len(header)))
    log.files.create(segment_name(3)).preallocate(2048)
    recovered = recover_log(log.files, 1)
    assert found(recovered) == [1, 2]
    assert recovered.dropped == f"{segment_name(2)}, whose header never reached the disk"
    assert recover_log(log.files, 1).dropped == ""
