"""The manifest log: edits appended durably, replayed at start, rewritten when long.

    file    := header record*
    header  := magic 8 | format u32 | number u64 | crc32c u32
    record  := length u32 | sequence u64 | head crc32c u32 | body crc32c u32 | edit
    CURRENT := name of the manifest in use | space | crc32c of the name, 8 hex digits | newline

The first record of every file is a snapshot: the edit that makes the whole state out of nothing.
Appending is `append` and `sync`; only then does the edit count. CURRENT is replaced atomically:
written under another name, synced, renamed, directory synced.

After a failed append nobody knows whether the edit is on disk. The log is then *in doubt*: the
next append starts a new file with a snapshot of what is certain, and until that has succeeded no
file that the doubtful edit added may be unlinked, nor one that it removed.

A process may die between an edit's write (or the renaming of CURRENT) and the sync. The next one
reads the edit from the page cache, so it counts; `settle` makes it durable before anything is
removed because of it.

At the end of a file a record that does not check is a torn append and is forgotten, unless a later
record checks: appends are synced one by one, so then durable bytes were damaged. The head has a
checksum of its own so that a damaged length is not taken for a torn tail.

These bytes are on disk; see docs/formats/manifest.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from attrs import evolve

from storage.codec import checksum
from storage.errors import ClosedError, CorruptionError, FormatVersionError
from storage.filenames import CURRENT, FileKind, manifest_name, parse_name, temporary_name
from storage.files import File, FileSystem
from storage.manifest.edit import VersionEdit, decode_edit, encode_edit
from storage.manifest.state import ManifestState

FORMAT = 1
MAGIC = b"MERIDMAN"
ROTATE_BYTES = 4 << 20

_HEADER = struct.Struct(">8sIQI")
HEADER_BYTES = _HEADER.size  # 24
_RECORD = struct.Struct(">IQII")
RECORD_BYTES = _RECORD.size  # 20
_HEAD_CHECKED_BYTES = 12
_EDIT_BYTES_MAX = 1 << 30


class ManifestLog:
    """The open manifest of one directory. All methods block; one caller at a time.

    Attributes:
        state: the result of all edits that are certainly durable.
        in_doubt: an append failed, and no later one has succeeded yet.
    """

    def __init__(
        self, files: FileSystem, state: ManifestState, *, rotate_bytes: int = ROTATE_BYTES
    ) -> None:
        """Make a log that will start a new file at its first append; use `open_manifest`."""
        self.state = state
        self.in_doubt = False
        self._files = files
        self._rotate_bytes = rotate_bytes
        self._file: File | None = None
        self._number = 0
        self._sequence = 0
        self._seed = 0
        self._rotate_at = 0
        self._last_record_at = 0
        self._is_closed = False

    @property
    def number(self) -> int:
        """File number of the manifest in use; 0 before the first append to a new directory."""
        return self._number

    @property
    def size_bytes(self) -> int:
        """Length of the manifest in use."""
        return self._file.position if self._file is not None else 0

    def append(self, edit: VersionEdit) -> ManifestState:
        """Make an edit durable and return the state after it.

        Raises:
            CorruptionError: the edit does not fit the state; nothing was written.
            OSError: the edit is in doubt (see the module's docstring).
            ClosedError: closed.
        """
        if self._is_closed:
            raise ClosedError
        after = self.state.apply(edit)
        try:
            if self._file is None or self.in_doubt or self._file.position >= self._rotate_at:
                after = self._rotate(after)
            else:
                self._write_record(self._file, encode_edit(edit))
                self._file.sync()
        except OSError:
            self.in_doubt = True
            raise
        self.in_doubt = False
        self.state = after
        return after

    def settle(self) -> None:
        """Make what was replayed durable; nothing may be removed before.

        Only the last record can be un-synced, and only if nothing torn follows it. It is written
        again, because a sync that failed in the former process may have left its pages marked as
        clean (see `storage.files`).

        Raises:
            OSError: what is durable is not known.
        """
        file, start = self._file, self._last_record_at
        if file is not None:
            file.write_at(start, file.read_at(start, file.position - start))
            file.sync()
        self._files.sync_dir()

    def close(self) -> None:
        """Close the file; everything appended is durable already."""
        self._is_closed = True
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_record(self, file: File, body: bytes) -> None:
        assert len(body) <= _EDIT_BYTES_MAX, len(body)
        file.append(encode_record(body, self._sequence + 1, self._seed))
        self._sequence += 1

    def _rotate(self, state: ManifestState) -> ManifestState:
        """Write `state` as the snapshot of a new file and make that file CURRENT."""
        former = self._file
        number = max(state.next_file_number, self._number + 1)
        state = evolve(state, next_file_number=number + 1)
        name = manifest_name(number)
        file = self._files.create(name)
        # From here on the file and its number are taken, whatever happens.
        self._file, self._number, self._sequence = file, number, 0
        if former is not None:
            former.close()
        header = encode_header(number)
        self._seed = checksum(header)
        file.append(header)
        self._write_record(file, encode_edit(state.snapshot()))
        file.sync()
        self._files.sync_dir()
        self._install_current(name)
        self._rotate_at = max(self._rotate_bytes, 4 * file.position)
        self._remove_others(name)
        return state

    def _install_current(self, name: str) -> None:
        temporary = temporary_name(CURRENT)
        file = self._files.create(temporary)
        try:
            file.append(encode_current(name))
            file.sync()
        finally:
            file.close()
        self._files.rename(temporary, CURRENT)
        self._files.sync_dir()

    def _remove_others(self, name: str) -> None:
        for other in self._files.names():
            parsed = parse_name(other)
            if parsed is not None and parsed[0] is FileKind.MANIFEST and other != name:
                try:
                    self._files.unlink(other)
                except OSError:
                    # It is only space; the next rotation tries again.
                    continue

    def _resume(self, name: str, sequence: int, end: int, seed: int) -> None:
        """Go on appending to a file that was replayed to its very end."""
        file = self._files.open_append(name)
        file.position = end
        self._file, self._sequence, self._seed = file, sequence, seed
        self._rotate_at = max(self._rotate_bytes, end)


def open_manifest(files: FileSystem, *, rotate_bytes: int = ROTATE_BYTES) -> ManifestLog:
    """Replay the manifest that CURRENT names; a new directory gives an empty state.

    Nothing is written: a torn tail is left behind by starting a new file at the first append.
    Who is going to change the directory calls `settle` first.

    Raises:
        CorruptionError: CURRENT or durable bytes of the manifest are damaged or missing.
        FormatVersionError: written by a newer version.
        OSError: cannot be read.
    """
    if not files.exists(CURRENT):
        kinds = {parsed[0] for name in files.names() if (parsed := parse_name(name)) is not None}
        if FileKind.TABLE in kinds:
            raise CorruptionError(CURRENT, None, "it is missing, but there are tables")
        return ManifestLog(files, ManifestState(), rotate_bytes=rotate_bytes)
    name = decode_current(files.read(CURRENT))
    if not files.exists(name):
        raise CorruptionError(CURRENT, None, f"it names {name}, which is missing")
    data = files.read(name)
    number, seed = decode_header(data, name)
    state = ManifestState()
    sequence, start, end = 0, HEADER_BYTES, HEADER_BYTES
    for body in iterate_records(data, seed, name):
        try:
            state = state.apply(decode_edit(body))
        except CorruptionError as error:
            raise CorruptionError(name, end, error.detail) from error
        sequence += 1
        start, end = end, end + RECORD_BYTES + len(body)
    if sequence == 0:
        raise CorruptionError(name, HEADER_BYTES, "the snapshot at its start is damaged")
    state = evolve(state, next_file_number=max(state.next_file_number, number + 1))
    log = ManifestLog(files, state, rotate_bytes=rotate_bytes)
    log._number, log._last_record_at = number, start
    if end == len(data):
        log._resume(name, sequence, end, seed)
    return log


def encode_header(number: int) -> bytes:
    """Return a manifest file's first bytes."""
    head = _HEADER.pack(MAGIC, FORMAT, number, 0)[:-4]
    return head + checksum(head).to_bytes(4, "big")


def decode_header(data: bytes, name: str) -> tuple[int, int]:
    """Return (file number, seed of the records' checksums).

    Raises:
        CorruptionError, FormatVersionError: no header, damaged, or newer.
    """
    head = data[:HEADER_BYTES]
    if len(head) < HEADER_BYTES or head[:8] != MAGIC:
        raise CorruptionError(name, 0, "no manifest header")
    _, version, number, crc = _HEADER.unpack(head)
    if crc != checksum(head[:-4]):
        raise CorruptionError(name, 0, "the header's checksum does not match")
    if version != FORMAT:
        raise FormatVersionError(name, version, FORMAT)
    return number, checksum(head)


def encode_record(body: bytes, sequence: int, seed: int) -> bytes:
    """Return one record; `seed` is `checksum` of the file's header."""
    head = _RECORD.pack(len(body), sequence, 0, 0)[:_HEAD_CHECKED_BYTES]
    crcs = checksum(head, seed), checksum(body, seed)
    return _RECORD.pack(len(body), sequence, *crcs) + body


def iterate_records(data: bytes, seed: int, name: str) -> Iterator[bytes]:
    """Yield the edits' bytes up to the end or a torn tail.

    Raises:
        CorruptionError: a record is damaged and a later one is not.
    """
    offset, sequence = HEADER_BYTES, 0
    while offset < len(data):
        body = _record_at(data, offset, seed, sequence + 1)
        if body is None:
            if _has_later_record(data, offset + 1, seed, sequence + 1):
                raise CorruptionError(name, offset, "a record's checksum does not match")
            return
        offset += RECORD_BYTES + len(body)
        sequence += 1
        yield body


def encode_current(name: str) -> bytes:
    """Return the content of CURRENT."""
    return f"{name} {checksum(name.encode()):08x}\n".encode()


def decode_current(data: bytes) -> str:
    """Return the name that CURRENT holds.

    Raises:
        CorruptionError: anything but one checked manifest name.
    """
    name, _, rest = data.partition(b" ")
    text = name.decode("ascii", "replace")
    parsed = parse_name(text)
    if rest != b"%08x\n" % checksum(name) or parsed is None or parsed[0] is not FileKind.MANIFEST:
        raise CorruptionError(CURRENT, 0, "it does not hold the name of a manifest")
    return text


def _record_at(data: bytes, offset: int, seed: int, sequence: int) -> bytes | None:
    """Return the edit of a sound record with at least this sequence, else None."""
    if offset + RECORD_BYTES > len(data):
        return None
    length, found, head_crc, body_crc = _RECORD.unpack_from(data, offset)
    if head_crc != checksum(data[offset : offset + _HEAD_CHECKED_BYTES], seed):
        return None
    start = offset + RECORD_BYTES
    body = data[start : start + length]
    if found < sequence or len(body) != length or body_crc != checksum(body, seed):
        return None
    return body


def _has_later_record(data: bytes, start: int, seed: int, sequence: int) -> bool:
    places = range(start, len(data) - RECORD_BYTES + 1)
    return any(_record_at(data, place, seed, sequence) is not None for place in places)
