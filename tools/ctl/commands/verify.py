"""`meridian-ctl verify DIR`: does every byte of a data directory still say what was written?

Checked: the manifest replays; every table it names is there and intact (all checksums, order of
keys, filter, counts); every segment of the log that is still needed reads to its end. Nothing is
changed. The directory is held while it is checked, so that no server starts on it meanwhile; a
directory that a server holds is refused, because its files come and go.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from storage.batch_format import decode_batch
from storage.errors import StorageError
from storage.filenames import LOCK, FileKind, parse_name, table_name
from storage.manifest.log import open_manifest
from storage.manifest.state import ManifestState
from storage.os_files import OsFileSystem
from storage.sstable.metadata import TableMetadata
from storage.sstable.reader import Table
from storage.wal_format import HEADER_BYTES, decode_header
from storage.wal_reader import SegmentReader
from tools.ctl.commands import add_command
from tools.ctl.data_files import open_directory
from tools.ctl.output import Failure, Line, Value

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    verify = add_command(commands, "verify", run, "check every byte of a data directory")
    verify.add_argument("directory", help="of a server that is not running, for example data")


def run(options: argparse.Namespace) -> Iterator[Line]:
    """Check everything, show a line per file.

    Raises:
        Failure: something is damaged, or the directory holds no data.
        DirectoryLockedError: a server is running on it.
    """
    files = open_directory(options.directory)
    kinds = {parsed[0] for name in files.names() if (parsed := parse_name(name)) is not None}
    if not kinds & {FileKind.CURRENT, FileKind.SEGMENT, FileKind.TABLE}:
        raise Failure(f"{options.directory}: no data of Meridian in it")
    lock = files.lock(LOCK)
    try:
        damaged = 0
        for line in check(files):
            damaged += line.data["ok"] is False
            yield line
    finally:
        lock.release()
    if damaged:
        raise Failure(f"{options.directory}: {damaged} damaged")
    yield Line("everything is intact", {"intact": True})


def check(files: OsFileSystem) -> Iterator[Line]:
    """Check the manifest, then every table and every segment that it needs."""
    try:
        manifest = open_manifest(files)
    except (StorageError, OSError) as error:
        yield verdict("manifest", error)
        return
    state = manifest.state
    manifest.close()
    tables = list(state.version.tables())
    yield Line(f"ok       manifest: {len(tables)} tables", {"file": "manifest", "ok": True})
    for metadata in tables:
        yield check_table(files, metadata)
    yield from check_segments(files, state)


def check_table(files: OsFileSystem, metadata: TableMetadata) -> Line:
    """Check one table."""
    name = table_name(metadata.number)
    try:
        table = Table(files, name, metadata, None)
        try:
            entries = table.verify()
        finally:
            table.close()
    except (StorageError, OSError) as error:
        return verdict(name, error)
    return Line(
        f"ok       {name}: {entries} entries", {"file": name, "ok": True, "entries": entries}
    )


def check_segments(files: OsFileSystem, state: ManifestState) -> Iterator[Line]:
    """Check the segments whose content is not in tables yet, the newest first.

    A segment counts up to where a later one takes over, which the later one's header says.
    """
    limit: int | None = None
    for name in reversed(files.names()):
        parsed = parse_name(name)
        if not parsed or parsed[0] is not FileKind.SEGMENT or parsed[1] in state.obsolete_segments:
            continue
        try:
            data = files.map(name)
            header = decode_header(bytes(data[:HEADER_BYTES]), name)
            if header is None:
                facts: dict[str, Value] = {"file": name, "ok": True, "batches": 0}
                yield Line(f"ok       {name}: reserved, not used yet", facts)
                continue
            yield check_segment(SegmentReader(data, name, limit), limit)
            limit = header.base_offset if limit is None else min(limit, header.base_offset)
        except (StorageError, OSError) as error:
            yield verdict(name, error)


def check_segment(reader: SegmentReader, limit: int | None) -> Line:
    """Check one segment: all batches decode, and it reaches the one that follows.

    Only the newest one (`limit` None) may end in a torn write.

    Raises:
        CorruptionError, FormatVersionError: a batch does not decode.
    """
    batches = 0
    for payload in reader.payloads():
        decode_batch(payload)
        batches += 1
    damage = reader.damage
    if damage is None and limit is not None and reader.end_offset < limit:
        damage = f"it ends at offset {reader.end_offset}, the next begins at {limit}"
    facts: dict[str, Value] = {"file": reader.name, "batches": batches, "damage": damage}
    if damage is None:
        return Line(f"ok       {reader.name}: {batches} batches", {**facts, "ok": True})
    place = f"{reader.name}: after {batches} batches, at byte {reader.end_position}: {damage}"
    if limit is None and reader.witness() <= reader.end_offset:
        note = "a write cut off by a crash; the next start drops it"
        return Line(f"ok       {place} ({note})", {**facts, "ok": True})
    return Line(f"DAMAGED  {place}", {**facts, "ok": False})


def verdict(name: str, error: Exception) -> Line:
    """The line of a file that did not pass."""
    text = str(error) if isinstance(error, StorageError) else f"{name}: {error}"
    return Line(f"DAMAGED  {text}", {"file": name, "ok": False, "damage": str(error)})
