"""The store: log, memtable, sealed memtables and tables as one sorted map. No task, no waiting.

This is the synchronous heart of the engine; `engine.py` adds the tasks that sync, flush and
compact. One task owns it (the reactor); background work gets immutable files and hands results
back through `install_*` methods, which only swap references.

Life of a write: `commit` encodes the batch, appends it to the log as one record, then stores its
entries in the memtable. If the append fails nothing has changed anywhere. When the segment is
full or the memtable's memory bound is reached, and the next segment is reserved, both are sealed:
the memtable becomes a read-only source, and its segment is later turned into a level-0 table by a
worker. A segment and its memtable always hold the same effects.

Refusals. `refusal` says why writes should not be tried; it is set
* hard (commit raises without trying): no usable segment, an append failed, a sync failed;
* soft (commit still works while it can, so that expiry and the like may use what is left): no next
  segment could be reserved and the current one is nearly used up, or flushes are far behind.
Each is cleared by the keeper task when the cause has gone.
"""

from __future__ import annotations

import errno
import secrets
from typing import TYPE_CHECKING

from attrs import define

from storage.batch_format import decode_batch, encode_batch
from storage.errors import ClosedError, DiskFullError, StorageError, WriteRefusedError
from storage.memtable import ENTRY_BYTES, SHARDS, Memtable
from storage.options import FsyncPolicy, StorageOptions
from storage.read_view import Entry, ReadView, Source, with_ranges
from storage.records import WriteBatch, version_of
from storage.sstable.range_tombstones import RangeTombstone, RangeTombstones
from storage.write_ahead_log import Rewrite, WriteAheadLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from storage.files import File, FileSystem
    from storage.recovery import RecoveredLog
    from storage.seal_groups import Contents
    from storage.wal_writer import SegmentWriter


#: Batches longer than this are looked through for effects that later ones in them supersede.
_COALESCE_BYTES = 1 << 18
#: And those that begin with a longer record even before they are encoded, as that takes memory.
_LONG_RECORD_BYTES = 1 << 13


def random_salt() -> int:
    """Return a fresh segment salt."""
    return secrets.randbits(64)


@define(eq=False)
class Seal:
    """A sealed memtable and the log segment that holds the same effects.

    Attributes:
        number: the segment's number.
        base_offset: where the segment begins in the log.
        end_offset: up to where its records count.
        memtable: its effects; read-only.
        contents: what is left in the memtable, once the flusher has measured it.
    """

    number: int
    base_offset: int
    end_offset: int
    memtable: Memtable
    contents: Contents | None = None


class Store:
    """Sorted map of records with a log below it; see the module's docstring.

    Attributes:
        options: as given.
        refusal: why writes are refused now, None if they are not.
        seals: sealed memtables that wait for their flush, oldest first.
    """

    def __init__(
        self,
        options: StorageOptions,
        files: FileSystem,
        salt: Callable[[], int] = random_salt,
    ) -> None:
        options.validate()
        self.options = options
        self.files = files
        self.refusal: str | None = None
        self.seals: list[Seal] = []
        keep = options.fsync is not FsyncPolicy.NO
        self.log = WriteAheadLog(files, options.segment_bytes, salt, keep_unsynced=keep)
        self._blocked: str | None = str(ClosedError())
        self._append_error: OSError | None = None
        self._reserve_error: OSError | None = None
        self._sync_error: OSError | None = None
        self._is_open = False
        self._seal_wanted = False
        self._memtable_bytes_max = options.memtable_bytes_max
        self._memtable = Memtable()
        self._shards = self._memtable.shards
        self._tables: tuple[Source, ...] = ()
        self._table_ranges: tuple[RangeTombstone, ...] = ()
        self._older = ReadView((), RangeTombstones())
        # Doorbells, set by the engine: bytes appended; work for the keeper; trouble for flushes.
        self.on_appended: Callable[[], None] | None = None
        self.on_attention: Callable[[], None] = _nothing
        self.on_trouble: Callable[[], None] = _nothing

    # Reads

    def get(self, key: bytes) -> bytes | None:
        """Return the newest record of a key, tombstones included (0.1 us from the memtable).

        None if the key was never written, or a delete-range hides it.
        """
        record = self._shards[key[0]].get(key)
        if record is not None:
            return record
        return self._older.get(key)

    def scan(self, start: bytes, end: bytes, batch: WriteBatch | None = None) -> Iterator[Entry]:
        """Yield the newest (key, record) of each key of `[start, end)`, sorted.

        Tombstones are included. `batch` lays effects over that are not yet committed. The
        iterator may be kept while writes go on: it yields every key that was there at its
        start and was not removed since, with its record of then or a newer one.
        """
        return self.view().scan(start, end, batch)

    def prepare_scan(self, start: bytes) -> bool:
        """Do a part (0.5 ms) of what a scan from `start` on begins with; True if more is left.

        For callers that scan bit by bit: without it the first bit of each memtable's shard takes
        5 ms with a hundred thousand keys.
        """
        first = start[0] if start else 0
        memtables = (self._memtable, *[seal.memtable for seal in self.seals])
        return any(
            memtable.sort_step(number)
            for number in range(first, min(first + 2, SHARDS))
            for memtable in memtables
        )

    def view(self) -> ReadView:
        """Return a pinned view of all sources."""
        older = self._older
        return ReadView((self._memtable, *older.sources), older.ranges)

    # Writes

    def commit(self, batch: WriteBatch) -> int:
        """Log and apply a batch; return the log offset after it (`appended_offset`).

        The batch is atomic: if this raises, nothing of it is left in memory, and it does not
        come back at recovery. Writes must come in the order of their versions; use
        `commit_checked` for others.

        Raises:
            WriteRefusedError, DiskFullError: it cannot be logged now.
            ClosedError: the store is not open.
        """
        if self._blocked is not None:
            raise self._refused()
        if self._seal_wanted and self.log.spare is not None:
            self._try_seal()
            self.on_attention()
        entries = batch.entries
        if not entries and not batch.ranges:
            return self.log.appended_offset
        if len(entries) > 1 and len(entries[0][1]) > _LONG_RECORD_BYTES:
            _coalesce(entries)
        payload = encode_batch(batch)
        if len(payload) > _COALESCE_BYTES and _coalesce(entries):
            payload = encode_batch(batch)
        self._check_size(len(payload))
        try:
            end = self.log.append(payload)
        except OSError as error:
            raise self._append_failed(error) from error
        shards = self._shards
        for key, record in entries:
            shards[key[0]][key] = record
        if batch.ranges:
            self._apply_ranges(batch.ranges)
        memtable = self._memtable
        memtable.puts += len(entries)
        memtable.logged_bytes += len(payload)
        memtable.estimated_bytes += len(payload) + ENTRY_BYTES * len(entries)
        if memtable.estimated_bytes > self._memtable_bytes_max or self.log.is_full():
            self._want_seal()
        if self.on_appended is not None:
            self.on_appended()
        return end

    def commit_checked(self, batch: WriteBatch) -> int:
        """Log and apply the winners of a batch whose effects may be out of order.

        An entry with a lower version than what is stored (or than a delete-range that covers its
        key) loses and is not logged, so that within a segment the last effect of a key is always
        its newest. Delete-ranges carry their own version and are logged as they are.

        Raises:
            as `commit`.
        """
        winners = WriteBatch()
        winners.ranges.extend(batch.ranges)
        newest: dict[bytes, int] = {}
        covering = self._older.ranges.version_at
        for key, record in batch.entries:
            known = newest.get(key)
            if known is None:
                stored = self.get(key)
                known = -1 if stored is None else version_of(stored)
                known = max(known, covering(key))
            version = version_of(record)
            if version >= known:
                newest[key] = version
                winners.entries.append((key, record))
        return self.commit(winners)

    def _check_size(self, length: int) -> None:
        if length > self.options.wal_record_bytes_max:
            limit = self.options.wal_record_bytes_max
            raise WriteRefusedError(f"a batch of {length} bytes exceeds the limit of {limit}")
        if not self.log.has_room(length):
            self._seal_wanted = True
            self.on_attention()
            raise WriteRefusedError("the log segment is full and the next one is not ready")

    def _apply_ranges(self, ranges: list[tuple[bytes, bytes, int]]) -> None:
        self._memtable.apply_ranges(ranges)
        older = self._older
        self._older = ReadView(older.sources, with_ranges(older.ranges, ranges))

    def _want_seal(self) -> None:
        """Ask for a seal, unless only the (high) estimate of memory says that it is time."""
        wanted_before = self._seal_wanted
        if self.log.is_full():
            self._seal_wanted = True
        elif not wanted_before:
            self._memtable.reestimate()
            # A little early: the next look would come after less and less was written.
            self._seal_wanted = self._memtable.estimated_bytes > self._memtable_bytes_max * 3 // 4
        if self._reserve_error is not None:
            self.assess()
        if wanted_before != self._seal_wanted:
            self.on_attention()

    # Seal

    def seal(self) -> bool:
        """Seal the memtable and open the spare segment; False if there is nothing to seal.

        Raises:
            OSError: the spare segment could not be started; it was given up.
        """
        writer = self.log.writer
        if self.log.is_empty() and not (writer is not None and writer.broken):
            self._seal_wanted = False
            return False
        self.log.rotate()
        assert writer is not None
        header = writer.header
        self._push_seal(header.number, header.base_offset, self.log.appended_offset)
        self.assess()
        return True

    def _push_seal(self, number: int, base_offset: int, end_offset: int) -> None:
        self.seals.append(Seal(number, base_offset, end_offset, self._memtable))
        self._start_memtable(Memtable())

    def _start_memtable(self, memtable: Memtable) -> None:
        self._memtable = memtable
        self._shards = memtable.shards
        self._seal_wanted = False
        self.rebuild_view()
        self.on_attention()

    def seal_if_wanted(self) -> None:
        """Seal if that is due and the next segment is there; an idle store seals by this."""
        if self._seal_wanted and self.log.spare is not None and self._blocked is None:
            self._try_seal()

    def _try_seal(self) -> None:
        try:
            self.seal()
        except OSError as error:
            # The open segment takes more than its reserved bytes; another spare will come.
            self.note_reserve_error(error)

    def rebuild_view(self) -> None:
        """Make the list of older sources and all ranges anew."""
        sealed = [seal.memtable for seal in reversed(self.seals)]
        ranges = RangeTombstones(self._table_ranges)
        for memtable in (self._memtable, *sealed):
            if memtable.ranges:
                ranges = with_ranges(ranges, memtable.ranges)
        self._older = ReadView((*sealed, *self._tables), ranges)

    def install_tables(self, tables: Iterable[Source], ranges: Iterable[RangeTombstone]) -> None:
        """Take other tables (newest first) and their delete-ranges into use."""
        self._tables = tuple(tables)
        self._table_ranges = tuple(ranges)
        self.rebuild_view()

    def log_start(self, seals: Sequence[Seal]) -> tuple[int, int]:
        """Return (number, base offset) of the segment where replay begins if `seals` are left."""
        if seals:
            return seals[0].number, seals[0].base_offset
        writer = self.log.writer
        if writer is not None:
            return writer.number, writer.header.base_offset
        return self.log.last_number + 1, self.log.appended_offset

    # Open and close

    def begin(self, recovered: RecoveredLog, writer: SegmentWriter | None) -> None:
        """Take over what recovery found; `writer` continues the last segment if it can."""
        segments = list(recovered.segments)
        current = None
        if writer is not None and segments and segments[-1].header == writer.header:
            current = segments.pop()
        for segment in segments:
            header = segment.header
            self.seals.append(
                Seal(header.number, header.base_offset, segment.end_offset, segment.memtable)
            )
        self.log.begin(recovered.last_number, recovered.end_offset, writer)
        self._is_open = True
        self._start_memtable(Memtable() if current is None else current.memtable)
        self.assess()

    def close(self) -> None:
        """Close the log's files without syncing; later writes raise `ClosedError`."""
        self._is_open = False
        self.assess()
        self.log.close()

    # Trouble

    def _append_failed(self, error: OSError) -> StorageError:
        self._append_error = error
        self.assess()
        self.on_attention()
        return self._refused()

    def _refused(self) -> StorageError:
        if not self._is_open:
            return ClosedError()
        assert self._blocked is not None
        error = self._append_error or self._sync_error or self._reserve_error
        if error is not None and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFullError(self._blocked)
        return WriteRefusedError(self._blocked)

    def assess(self) -> None:
        """Work out `refusal` from what is known to be wrong."""
        log = self.log
        blocked: str | None = None
        if not self._is_open:
            blocked = str(ClosedError())
        elif log.sync_failed:
            blocked = f"the write-ahead log could not be synced ({_text(self._sync_error)})"
        elif self._append_error is not None:
            blocked = f"the write-ahead log takes no writes ({_text(self._append_error)})"
        elif log.writer is None:
            blocked = f"there is no log segment to write to ({_text(self._reserve_error)})"
        self._blocked = blocked
        refusal = blocked
        if self._reserve_error is not None and log.room_bytes() < self._reserve_bytes():
            refusal = refusal or (
                f"no room for the next log segment ({_text(self._reserve_error)})"
            )
        if refusal is None and len(self.seals) > 2 * self.options.sealed_memtables_max:
            refusal = f"{len(self.seals)} memtables wait to be flushed"
        self.refusal = refusal
        if self.is_in_trouble:
            self.on_trouble()

    @property
    def is_in_trouble(self) -> bool:
        """Writes are refused, or soon will be because no segment can be reserved."""
        return self.refusal is not None or self._reserve_error is not None

    def _reserve_bytes(self) -> int:
        return min(self.options.wal_reserve_bytes, self.options.segment_bytes // 4)

    # What the keeper and the syncer report

    def note_spare(self, file: File) -> None:
        """Take a reserved segment file; opens it at once if the store has none to write to."""
        self._reserve_error = None
        self.log.adopt_spare(file)
        self.use_spare()

    def use_spare(self) -> None:
        """Go over to the spare segment if there is one and the open one is missing or broken."""
        writer = self.log.writer
        if self.log.spare is not None and not self.log.sync_failed:
            if writer is None:
                self._open_first_segment()
            elif writer.broken:
                self._try_seal()
                if self.log.writer is not writer:
                    self._append_error = None
        self.assess()

    def _open_first_segment(self) -> None:
        try:
            self.log.rotate()
        except OSError as error:
            self._reserve_error = error

    def note_reserve_error(self, error: OSError) -> None:
        """Remember that no next segment can be had now."""
        self._reserve_error = error
        self.assess()

    def needs_probe(self) -> bool:
        """Say whether an append failed and the segment may be usable again."""
        writer = self.log.writer
        return self._append_error is not None and writer is not None and not writer.broken

    def note_probe(self, error: OSError | None) -> None:
        """Take the outcome of writing zeros where the failed append was to go."""
        self._append_error = error
        self.assess()

    def note_sync_error(self, error: OSError) -> None:
        """Stop writes until the un-synced records are written again elsewhere."""
        self._sync_error = error
        self.log.note_sync_failure()
        self.assess()

    def install_rewrite(self, rewrite: Rewrite, writer: SegmentWriter) -> None:
        """Go on in the segment to which the un-synced records were written again.

        The sealed memtables keep what is durable of theirs; a segment with nothing durable is
        superseded as a whole and forgotten. What was written again fills the new memtable.
        """
        base = rewrite.header.base_offset
        old = self.log.writer
        appended = self.log.appended_offset
        self.log.adopt_rewrite(writer)
        self.seals = [seal for seal in self.seals if seal.base_offset < base]
        for seal in self.seals:
            seal.end_offset = min(seal.end_offset, base)
        if old is not None and old.header.base_offset < base:
            header = old.header
            end = min(base, appended)
            self.seals.append(Seal(header.number, header.base_offset, end, self._memtable))
        memtable = Memtable()
        for payload in rewrite.payloads:
            _, batch = decode_batch(payload)
            memtable.apply_logged(batch, len(payload))
        self._append_error = self._sync_error = None
        self._start_memtable(memtable)
        self.assess()


def _text(error: OSError | None) -> str:
    return "reason unknown" if error is None else (error.strerror or str(error))


def _nothing() -> None:
    pass


def _coalesce(entries: list[tuple[bytes, bytes]]) -> bool:
    """Keep the last effect of each key; say whether others went.

    APPENDs to one long value in a pipeline would log it at every length.
    """
    newest = dict(entries)
    if len(newest) == len(entries):
        return False
    entries[:] = newest.items()
    return True
