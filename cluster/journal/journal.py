"""The journal: what this node must not forget, in one append-only file.

Records are appended and synced; then they count. A rewrite replaces all of them by one atomic
step: the new file is written under a temporary name, synced, renamed to the next number, the
directory synced, and only then the former file removed. So the named file with the highest number
is the journal, whatever the moment of a crash.

A journal belongs to one node id, and files of other ids are none of it. So a node that begins
anew under another id writes the journal of that id beside the former one, and it is the change of
the id that makes the one or the other count (`state_directory`).

After a failed write or sync nobody knows what the disk holds, and a later sync that succeeds
proves nothing. The file is then left as it is: everything since the last good sync is forgotten
here (whoever appended it appends it again), and the next `sync` writes a fresh file with the
durable records and what was appended since. Until that has succeeded the former file stays. For
the same reason `open` writes a new file: what it read may only be in the page cache, left there by
a process that was killed or whose last sync failed, and nobody could say so any more.

Methods block; one call at a time, from whatever thread. Bytes: docs/formats/cluster-journal.md.
Rejected: a place in the storage engine's log (it is cut off by flushes, which the metadata log is
not), and an SQLite table (one more meaning of durable to trust).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.identity import NodeId
from cluster.journal.file_format import (
    HEADER_BYTES,
    FileHeader,
    encode_records,
    encoded_bytes,
    file_name,
    file_number,
    is_temporary,
    temporary_name,
)
from cluster.journal.file_reader import FileContent, read_file
from cluster.journal.records import Record
from storage.errors import CorruptionError
from storage.files import File, FileSystem

DIRECTORY_NAME = "cluster"
#: The owner of a journal that stands alone.
NOBODY: Final = NodeId("00000000-0000-0000-0000-000000000000")


class Journal:
    """The open journal of one directory.

    Attributes:
        torn_bytes: how many bytes of a write that never became durable were dropped by `open`.
        is_in_doubt: a write or sync failed, and no later one has succeeded yet.
    """

    def __init__(self, files: FileSystem, owner: NodeId) -> None:
        """Make one that has no file yet; use `Journal.open` or `Journal.create`."""
        self.torn_bytes = 0
        self.is_in_doubt = True
        self._files = files
        self._owner = owner
        self._number = 0
        self._file: File | None = None
        self._seed = 0
        self._durable = 0
        self._unsynced: list[Record] = []
        self._is_closed = False

    @classmethod
    def open(cls, files: FileSystem, owner: NodeId = NOBODY) -> tuple[Journal, list[Record]]:
        """Return the journal of a node and its records; a new one is made if there is none.

        Raises:
            CorruptionError: bytes that were durable are damaged.
            FormatVersionError: written by a newer version.
            OSError: the disk refuses.
        """
        journal = cls(files, owner)
        records: list[Record] = []
        content = newest_content(files, owner)
        if content is not None:
            journal.torn_bytes = content.torn_bytes
            records += content.records
        journal._number = max(_complete(files.names()), default=0)
        journal.rewrite(records)
        return journal, records

    @classmethod
    def create(cls, files: FileSystem, owner: NodeId, records: Sequence[Record]) -> Journal:
        """Make the first journal of a node that begins to be, beside those of other ids.

        Raises:
            OSError: the disk refuses.
        """
        journal = cls(files, owner)
        journal._number = max(_complete(files.names()), default=0)
        journal._begin(records)
        return journal

    @property
    def name(self) -> str:
        """The name of the file in use."""
        return file_name(self._number)

    @property
    def size_bytes(self) -> int:
        """How many bytes of the file in use are durable."""
        return self._durable

    def append(self, records: Sequence[Record]) -> None:
        """Add records behind those that are there; they count once `sync` has returned.

        Raises:
            OSError: neither these nor others since the last sync count; append them again.
        """
        assert not self._is_closed, "closed"
        file = self._file
        if file is not None and not self.is_in_doubt:
            data = encode_records(records, file.position, durable=self._durable, seed=self._seed)
            try:
                file.append(data)
            except OSError:
                self._doubt()
                raise
        self._unsynced += records

    def sync(self) -> None:
        """Make everything appended so far durable.

        Raises:
            OSError: what was appended since the last sync does not count; append it again.
            CorruptionError: a fresh file is needed, and the former one cannot be read.
        """
        file = self._file
        if file is None or self.is_in_doubt:
            records, self._unsynced = self._unsynced, []
            self.rewrite([*self._durable_records(), *records])
            return
        if not self._unsynced:
            return
        try:
            file.sync()
        except OSError:
            self._doubt()
            raise
        self._durable = file.position
        self._unsynced.clear()

    def rewrite(self, records: Sequence[Record]) -> None:
        """Replace everything by these records, durably and by one step.

        Raises:
            OSError: after a crash either the former records or these are found; as long as this
                process lives the former ones count.
        """
        try:
            self._begin(records)
        except OSError:
            self._doubt()
            raise
        self.remove_others()

    def remove_others(self) -> None:
        """Remove what this journal has made useless, as far as the disk lets us.

        It is only space: what is left is removed by the next rewrite or start.
        """
        try:
            names = self._files.names()
            useless = [name for name in names if is_temporary(name)]
            useless += [file_name(n) for n in _complete(names) if n != self._number]
            for name in useless:
                self._files.unlink(name)
        except OSError:
            return

    def close(self) -> None:
        """Close the file without syncing; closing twice is allowed."""
        self._is_closed = True
        if self._file is not None:
            self._file.close()

    def _begin(self, records: Sequence[Record]) -> None:
        """Go on in a new file that holds these records."""
        assert not self._is_closed, "closed"
        # A former attempt may have got this name before it failed; this one replaces it.
        number = self._number + 1
        header = FileHeader(number, self._owner, HEADER_BYTES + encoded_bytes(records))
        seed = header.seed()
        data = encode_records(records, HEADER_BYTES, durable=HEADER_BYTES, seed=seed)
        file = _create(self._files, number, header.encode() + data)
        if self._file is not None:
            self._file.close()
        self._number, self._file, self._seed = number, file, seed
        self._durable = file.position
        self._unsynced.clear()
        self.is_in_doubt = False

    def _doubt(self) -> None:
        self.is_in_doubt = True
        self._unsynced.clear()

    def _durable_records(self) -> tuple[Record, ...]:
        """Read back what certainly is on disk."""
        content = _read(self._files, self._number, self._durable)
        if content.end != self._durable:
            text = "a record that was durable does not check any more"
            raise CorruptionError(display_name(self.name), content.end, text)
        return content.records


def newest_content(files: FileSystem, owner: NodeId | None) -> FileContent | None:
    """Return what the journal of a node holds (None: whosever it is); None if there is none.

    Raises:
        CorruptionError: bytes that were durable are damaged.
        FormatVersionError: written by a newer version.
        OSError: the disk refuses.
    """
    for number in reversed(_complete(files.names())):
        content = _read(files, number)
        if owner is None or content.header.owner == owner:
            return content
    return None


def display_name(name: str) -> str:
    """Return how a file of this directory is called in messages, from the data directory on."""
    return f"{DIRECTORY_NAME}/{name}"


def _create(files: FileSystem, number: int, data: bytes) -> File:
    """Write a complete journal and give it its name; return it open at its end."""
    temporary = temporary_name(number)
    file = files.create(temporary)
    try:
        file.append(data)
        file.sync()
        files.rename(temporary, file_name(number))
        files.sync_dir()
    except BaseException:
        file.close()
        raise
    return file


def _read(files: FileSystem, number: int, length: int | None = None) -> FileContent:
    """Read the journal of this number, or its first `length` bytes."""
    name = file_name(number)
    content = read_file(files.read(name)[:length], display_name(name))
    if content.header.number != number:
        text = f"the header is that of journal {content.header.number}"
        raise CorruptionError(display_name(name), 0, text)
    return content


def _complete(names: Sequence[str]) -> list[int]:
    """Return the numbers of the journals that got their names, rising."""
    return sorted(number for name in names if (number := file_number(name)) is not None)
