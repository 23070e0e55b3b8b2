"""Bring the write-ahead log back after any kind of end.

1. List the segments from the manifest's log number on; older ones are already in tables and go.
2. Read the headers. A segment whose header is zeros was reserved and never used. Every later
   segment's base offset limits what counts of the ones before it.
3. Replay in order, each segment into a memtable of its own, until the first place that does not
   check or does not continue where the one before ended.
4. If anything good stands behind that place and knew it to be durable, that is corruption and the
   engine does not open. If not, it is the torn end of writes that were never durable: it and all
   segments behind it are dropped, the last one first and durably one by one, so that a crash in
   between leaves no gap in the numbers.
5. Make the segments that stay durable: after a mere process crash the page cache holds bytes that
   were never synced, and readers are about to see them. What no record knows to be durable is
   written again before the sync, because a sync that failed in the former process may have left
   its pages marked as clean.

Opening twice gives the same, because what is dropped is decided by bytes that recovery does not
change until the decision is durable.
"""

from __future__ import annotations

import contextlib
from itertools import pairwise
from typing import TYPE_CHECKING

from attrs import define, frozen

from storage.batch_format import decode_batch
from storage.errors import CorruptionError
from storage.filenames import FileKind, parse_name, segment_name
from storage.memtable import Memtable
from storage.wal_format import HEADER_BYTES, SegmentHeader, decode_header
from storage.wal_reader import SegmentReader
from storage.wal_writer import SegmentWriter

if TYPE_CHECKING:
    from storage.files import File, FileSystem, Mapped

_WRITE_BYTES = 1 << 20


@frozen
class RecoveredSegment:
    """One segment that stays, with its records in memory.

    Attributes:
        header: the segment's header.
        end_position: bytes of the file that count.
        end_offset: offset of the log after its last record that counts.
        memtable: its effects.
    """

    header: SegmentHeader
    end_position: int
    end_offset: int
    memtable: Memtable


@define
class RecoveredLog:
    """What recovery found.

    Attributes:
        segments: the segments that stay, in order.
        last_number: the highest segment number taken; the next segment is one above.
        end_offset: offset of the log after the last record.
        durable_offset: up to where good records knew the log to be durable.
        batches: number of batches replayed.
        dropped: text about what was dropped as a torn end, empty if nothing was.
    """

    segments: list[RecoveredSegment]
    last_number: int
    end_offset: int
    durable_offset: int = 0
    batches: int = 0
    dropped: str = ""


@frozen
class _Found:
    name: str
    number: int
    header: SegmentHeader | None


def recover_log(files: FileSystem, log_number: int, base_offset: int = 0) -> RecoveredLog:
    """Replay the segments numbered `log_number` and above, and remove all others.

    Args:
        files: the data directory.
        log_number: the first segment whose effects are not in tables.
        base_offset: the log offset at which that segment begins.

    Raises:
        CorruptionError: durable records are damaged or missing.
        FormatVersionError: a segment was written by a newer version.
        OSError: the directory cannot be read or changed.
    """
    found = _find_segments(files, log_number)
    recovered = RecoveredLog([], log_number - 1, base_offset)
    used = 0
    for index, segment in enumerate(found):
        limit = _limit(found, index)
        if segment.header is None:
            if limit is not None and limit <= recovered.end_offset:
                continue  # reserved, given up; a later segment goes on where the log stands
            break
        if not _continues(recovered, segment.header, limit):
            break
        used = index + 1
        reader = _replay(files, segment, limit, recovered)
        if reader.damage is not None or (limit is not None and reader.end_offset < limit):
            _judge_damage(files, reader, found[used:], recovered)
            break
    rest = found[used:]
    if rest and not recovered.dropped:
        _judge_rest(files, rest, recovered)
    _settle(files, recovered, rest)
    return recovered


def reopen_last(
    files: FileSystem, recovered: RecoveredLog, segment_bytes: int
) -> SegmentWriter | None:
    """Open the last segment for appending again, cut to what counts; None if it is used up.

    A restart thus needs no new segment, and leaves no tiny table behind.

    Raises:
        OSError: no room to reserve the rest of the segment, or another failure.
    """
    if not recovered.segments:
        return None
    last = recovered.segments[-1]
    superseded = last.end_offset < last.header.base_offset
    if superseded or last.end_position > segment_bytes * 3 // 4:
        return None
    file = files.open_append(segment_name(last.header.number))
    try:
        file.truncate(last.end_position)
        file.preallocate(segment_bytes)
        file.sync()
    except OSError:
        file.close()
        raise
    file.position = last.end_position
    return SegmentWriter(file, last.header)


def _find_segments(files: FileSystem, log_number: int) -> list[_Found]:
    found = []
    for name in files.names():
        parsed = parse_name(name)
        if parsed is None or parsed[0] is not FileKind.SEGMENT:
            continue
        if parsed[1] < log_number:
            with contextlib.suppress(OSError):
                files.unlink(name)
            continue
        header = decode_header(bytes(files.map(name)[:HEADER_BYTES]), name)
        if header is not None and header.number != parsed[1]:
            raise CorruptionError(name, 0, f"the header says segment {header.number}")
        found.append(_Found(name, parsed[1], header))
    found.sort(key=lambda segment: segment.number)
    for before, after in pairwise(found):
        if after.number != before.number + 1:
            raise CorruptionError(segment_name(before.number + 1), None, "the segment is missing")
    if found and found[0].number != log_number and found[0].header is not None:
        raise CorruptionError(segment_name(log_number), None, "the segment is missing")
    return found


def _limit(found: list[_Found], index: int) -> int | None:
    later = [segment.header.base_offset for segment in found[index + 1 :] if segment.header]
    return min(later) if later else None


def _continues(recovered: RecoveredLog, header: SegmentHeader, limit: int | None) -> bool:
    """Say whether a segment follows on what was replayed so far, or is superseded as a whole."""
    if limit is not None and limit <= header.base_offset:
        return True
    return header.base_offset <= recovered.end_offset


def _replay(
    files: FileSystem, segment: _Found, limit: int | None, recovered: RecoveredLog
) -> SegmentReader:
    assert segment.header is not None
    data = files.map(segment.name)
    memtable = Memtable()
    reader = SegmentReader(data, segment.name, limit)
    for payload in reader.payloads():
        _, batch = decode_batch(payload)
        memtable.apply_logged(batch, len(payload))
        recovered.batches += 1
    memtable.recount()
    recovered.durable_offset = max(recovered.durable_offset, reader.durable_offset)
    superseded = limit is not None and limit <= segment.header.base_offset
    end = recovered.end_offset if superseded else reader.end_offset
    recovered.segments.append(RecoveredSegment(segment.header, reader.end_position, end, memtable))
    recovered.last_number = segment.number
    recovered.end_offset = end
    return reader


def _judge_damage(
    files: FileSystem, reader: SegmentReader, later: list[_Found], recovered: RecoveredLog
) -> None:
    """Tell a torn end from corruption; note the torn end.

    Raises:
        CorruptionError: a later good record knew the damaged place to be durable.
    """
    damage = reader.damage or "the segment ends before the next one begins"
    durable = reader.durable_offset if reader.damage is None else reader.witness()
    durable = max([durable, *(_knowledge(files, segment) for segment in later)])
    if durable > reader.end_offset:
        detail = f"{damage}, but it was durable up to offset {durable}"
        raise CorruptionError(reader.name, reader.end_position, detail)
    recovered.dropped = f"{reader.name} from byte {reader.end_position} on: {damage}"


def _judge_rest(files: FileSystem, rest: list[_Found], recovered: RecoveredLog) -> None:
    """Judge segments behind one that was never started or does not continue the log."""
    started = [segment for segment in rest if segment.header is not None]
    if not started:
        headless = [segment.name for segment in rest if _holds_bytes(files.map(segment.name))]
        if headless:
            # Also what is left of a log that was being written again, none of which counts yet.
            recovered.dropped = f"{', '.join(headless)}, whose header never reached the disk"
        return
    first = started[0].name
    durable = max(_knowledge(files, segment) for segment in started)
    if durable > recovered.end_offset:
        end = recovered.end_offset
        detail = f"the log ends at offset {end}, but was durable up to {durable}"
        raise CorruptionError(first, 0, detail)
    recovered.dropped = f"{first} and all later segments: what came before them is lost"


def _holds_bytes(data: Mapped) -> bool:
    """Say whether anything but zeros stands in the megabyte behind the place of the header.

    Records are written one behind the other; all of a spare would be read at every start.
    """
    return bool(bytes(data[HEADER_BYTES : HEADER_BYTES + _WRITE_BYTES]).strip(b"\x00"))


def _knowledge(files: FileSystem, segment: _Found) -> int:
    """Return the highest offset that a segment's good records knew to be durable."""
    if segment.header is None:
        return 0
    reader = SegmentReader(files.map(segment.name), segment.name)
    for _ in reader.payloads():
        pass
    return reader.durable_offset if reader.damage is None else reader.witness()


def _settle(files: FileSystem, recovered: RecoveredLog, rest: list[_Found]) -> None:
    """Remove what was dropped and make the decision, and what stays, durable."""
    for segment in reversed(rest):
        files.unlink(segment.name)
        files.sync_dir()
    for kept in recovered.segments:
        name = segment_name(kept.header.number)
        file = files.open_append(name)
        try:
            _write_again(file, files.map(name), _doubtful_from(kept, recovered), kept.end_position)
            file.sync()
        finally:
            file.close()


def _doubtful_from(kept: RecoveredSegment, recovered: RecoveredLog) -> int:
    """Return the position in a segment from which on nobody knows what is durable."""
    known = recovered.durable_offset - kept.header.base_offset
    return HEADER_BYTES + known if known > 0 else 0


def _write_again(file: File, data: Mapped, start: int, end: int) -> None:
    for position in range(start, end, _WRITE_BYTES):
        file.write_at(position, bytes(data[position : min(position + _WRITE_BYTES, end)]))
