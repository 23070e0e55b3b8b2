"""The write-ahead log: a row of segments, one open, one reserved ahead, some not yet synced.

Offsets count the bytes of all records ever appended; a segment's base offset says where its first
record stands. `synced_offset` is what is known to be durable. The log itself never waits and never
starts a thread: the blocking steps (`reserve`, `SyncTarget.sync`, `Rewrite.run`) are separate
calls that touch no state of the log and may run in a thread; their results are handed back by
`adopt_spare`, `synced` and `adopt_rewrite` from the task that owns the log.

A failed append undoes itself (see `wal_writer`). A failed *sync* is never repeated on the same
file: the kernel may have marked the lost pages clean, so that the second attempt would report a
success that is none. Instead the records since the last good sync, which are kept in memory until
then, are written again to a fresh segment whose base offset is `synced_offset`; readers ignore
what older segments hold beyond that. Until this has succeeded nothing can be appended. With
`keep_unsynced=False` (fsync policy `no`, where nothing was promised) there is nothing to write
again; the log just goes on in a fresh segment.

Segments are reserved (fallocate) long before they are needed, so a full disk is noticed while
there is room in the current one. The bytes are described in docs/formats/wal.md.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from attrs import frozen

from storage.filenames import segment_name
from storage.wal_format import HEADER_BYTES, SegmentHeader
from storage.wal_writer import SegmentWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.files import File, FileSystem

#: Copies of durable records that are dropped at a time.
_FORGOTTEN_AT_ONCE: Final = 64


@frozen
class SyncTarget:
    """What one sync must cover.

    Attributes:
        offset: up to where the log is durable after it.
        sealed: files to which nothing is appended any more, oldest first.
        open_file: the one that takes appends, if there is one.
    """

    offset: int
    sealed: tuple[File, ...]
    open_file: File | None

    def sync(self) -> None:
        """Make them durable, and close the sealed ones (blocking).

        To close a segment that was flushed and removed meanwhile frees its blocks: 5 to 20 ms.

        Raises:
            OSError: nothing may be assumed about what is durable beyond the last good sync.
        """
        for file in self.sealed:
            file.sync()
        if self.open_file is not None:
            self.open_file.sync()
        for file in self.sealed:
            with contextlib.suppress(OSError):  # It is durable whatever this says.
                file.close()


@frozen
class Rewrite:
    """The records to be written again after a failed sync, and where."""

    file: File
    header: SegmentHeader
    payloads: tuple[bytes, ...]

    def run(self) -> SegmentWriter:
        """Write and sync them (blocking); return the writer of the new segment.

        The header, which makes readers turn away from the old copies, is written last: a process
        that dies in between loses nothing.

        Raises:
            OSError: the new segment is as useless as the old one.
        """
        self.file.position = HEADER_BYTES
        writer = SegmentWriter(self.file, self.header)
        for payload in self.payloads:
            writer.append(payload, self.header.base_offset)
        self.file.write_at(0, self.header.encode())
        self.file.sync()
        return writer


class WriteAheadLog:
    """Segments of the log; owned by one task.

    Attributes:
        writer: the open segment; None while there is none (disk full at start, failed sync).
        spare: the reserved next segment's file; None while there is none.
        appended_offset: offset after the last record appended.
        synced_offset: offset up to which the log is durable.
        last_number: highest segment number in use (the open one's).
        sync_failed: a sync failed and its records were not yet written again.
    """

    def __init__(
        self,
        files: FileSystem,
        segment_bytes: int,
        salt: Callable[[], int],
        *,
        keep_unsynced: bool = True,
    ) -> None:
        self.writer: SegmentWriter | None = None
        self.spare: File | None = None
        self.appended_offset = 0
        self.synced_offset = 0
        self.last_number = 0
        self.sync_failed = False
        self._files = files
        self._segment_bytes = segment_bytes
        # Rotate a little before the reserved bytes end, so that a record seldom grows the file.
        self._rotate_at = segment_bytes - segment_bytes // 64
        self._salt = salt
        self._keeps_copies = keep_unsynced
        #: Copies of all records behind it that are not durable are there.
        self._copies_from = 0
        self._sealed_unsynced: list[SegmentWriter] = []
        #: Copies, oldest first, and the offset behind each. Not one row of pairs: pairs are
        #: objects that the garbage collector visits, and made it run several times a second.
        self._copies: deque[bytes] = deque()
        self._copy_ends: deque[int] = deque()

    # Start

    def begin(self, last_number: int, offset: int, writer: SegmentWriter | None) -> None:
        """Take over what recovery found, all of it durable."""
        self.last_number = last_number
        self.appended_offset = self.synced_offset = offset
        self.writer = writer

    # Append and rotate

    def append(self, payload: bytes) -> int:
        """Append one record; return the offset after it.

        Raises:
            OSError: nothing was appended; `writer.broken` says if the segment is still usable.
        """
        writer = self.writer
        assert writer is not None and not writer.broken
        end = writer.append(payload, self.synced_offset)
        if self._keeps_copies:
            copies, ends, synced = self._copies, self._copy_ends, self.synced_offset
            copies.append(payload)
            ends.append(end)
            # Two for one, until nothing is left of what the last sync made superfluous.
            if ends[0] <= synced:
                ends.popleft()
                copies.popleft()
                if ends[0] <= synced:
                    ends.popleft()
                    copies.popleft()
        self.appended_offset = end
        return end

    def is_full(self) -> bool:
        """Say whether the open segment should be sealed now."""
        return self.writer is not None and self.writer.file.position >= self._rotate_at

    def has_room(self, length: int) -> bool:
        """Say whether the open segment can take a record of this length at all."""
        return self.writer is not None and self.writer.has_room(length)

    def room_bytes(self) -> int:
        """Return the reserved bytes left in the open segment."""
        if self.writer is None:
            return 0
        return max(0, self._segment_bytes - self.writer.file.position)

    def is_empty(self) -> bool:
        """Say whether the open segment holds no record."""
        return self.writer is None or self.writer.file.position <= HEADER_BYTES

    def rotate(self) -> SegmentWriter | None:
        """Open the spare segment; return the one sealed by that, if there was one.

        Raises:
            OSError: the new segment's header could not be written; the spare is given up.
        """
        spare, self.spare = self.spare, None
        assert spare is not None and not self.sync_failed
        header = SegmentHeader(self.last_number + 1, self.appended_offset, self._salt())
        try:
            writer = SegmentWriter.start(spare, header)
        except OSError:
            spare.close()
            raise
        sealed, self.writer = self.writer, writer
        self.last_number += 1
        if sealed is not None:
            self._sealed_unsynced.append(sealed)
        return sealed

    # Reserve

    def spare_name(self) -> str:
        """Return the name of the next segment's file."""
        return segment_name(self.last_number + 1)

    def reserve(self, name: str) -> File:
        """Create and reserve a segment's file, durably (blocking, any thread).

        Raises:
            OSError: no room, or another failure; no file is left behind if that can be helped.
        """
        file = self._files.create(name)
        try:
            file.preallocate(self._segment_bytes)
            file.sync()
            self._files.sync_dir()
        except OSError:
            file.close()
            # A shorter file would be recreated by the next attempt anyway.
            with contextlib.suppress(OSError):
                self._files.unlink(name)
            raise
        return file

    def adopt_spare(self, file: File) -> bool:
        """Keep a reserved file as the next segment; False (and closed) if it came too late."""
        if self.spare is not None or file.name != self.spare_name():
            file.close()
            return False
        self.spare = file
        return True

    # Sync

    def sync_target(self) -> SyncTarget | None:
        """Return what a sync has to cover now; None if all is durable or cannot become so.

        It may be that all is durable but there are sealed segments to be closed.
        """
        if self.sync_failed:
            return None
        if self.appended_offset == self.synced_offset and not self._sealed_unsynced:
            return None
        sealed = tuple([writer.file for writer in self._sealed_unsynced])
        open_file = None if self.writer is None else self.writer.file
        return SyncTarget(self.appended_offset, sealed, open_file)

    def has_sealed_unsynced(self) -> bool:
        """Say whether sealed segments wait for a sync."""
        return bool(self._sealed_unsynced)

    def synced(self, target: SyncTarget) -> None:
        """Note that a target was synced: what it covers is durable, its sealed files are closed.

        A segment that was sealed meanwhile is still open: the next target closes it.
        """
        assert self.synced_offset <= target.offset <= self.appended_offset
        self.synced_offset = target.offset
        self._sealed_unsynced = [
            writer for writer in self._sealed_unsynced if writer.file not in target.sealed
        ]

    def forget_durable(self) -> bool:
        """Drop some copies of records that are durable now; say whether more are left.

        Appends drop two each, so there are more only if few came after many. A second's worth at
        once would be 2 ms in which nobody is served.
        """
        copies, ends, synced = self._copies, self._copy_ends, self.synced_offset
        for _ in range(min(_FORGOTTEN_AT_ONCE, len(ends))):
            if ends[0] > synced:
                return False
            ends.popleft()
            copies.popleft()
        return bool(ends) and ends[0] <= synced

    def keep_copies(self, keep: bool) -> None:
        """Begin or cease to keep copies of the records that are not yet durable."""
        if keep and not self._keeps_copies:
            self._copies_from = self.appended_offset
        elif not keep:
            self._drop_copies()
        self._keeps_copies = keep

    def note_sync_failure(self) -> None:
        """Give up every file with bytes that are not durable; `rewrite` comes next."""
        self.sync_failed = True

    def unsynced_payloads(self) -> tuple[bytes, ...]:
        """Return the payloads of the records that are not known to be durable."""
        first = bisect_right(self._copy_ends, self.synced_offset)
        return tuple(islice(self._copies, first, None))

    def rewrite(self) -> Rewrite:
        """Prepare writing the un-synced records again, to the spare segment."""
        spare, self.spare = self.spare, None
        assert spare is not None and self.sync_failed
        # What nothing was kept of (policy `no`) stands in the old segments, as well as it may.
        base = self.appended_offset
        if self._keeps_copies:
            base = max(self.synced_offset, self._copies_from)
        self.last_number += 1
        header = SegmentHeader(self.last_number, base, self._salt())
        return Rewrite(spare, header, self.unsynced_payloads())

    def adopt_rewrite(self, writer: SegmentWriter) -> None:
        """Go on in the segment that a rewrite filled; everything is durable now."""
        for old in self._sealed_unsynced:
            old.file.close()
        self._sealed_unsynced.clear()
        if self.writer is not None:
            self.writer.file.close()
        self.writer = writer
        self._drop_copies()
        # Record headers are position-independent in length, so the offsets come out the same.
        self.appended_offset = self.synced_offset = writer.appended_offset
        self.sync_failed = False

    def _drop_copies(self) -> None:
        self._copies.clear()
        self._copy_ends.clear()

    def close(self) -> None:
        """Close all files without syncing."""
        for writer in self._sealed_unsynced:
            writer.file.close()
        if self.writer is not None:
            self.writer.file.close()
            self.writer = None
        if self.spare is not None:
            self.spare.close()
            self.spare = None
