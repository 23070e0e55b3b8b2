"""`meridian-ctl sstable dump FILE`: what a table file says of itself, and its entries."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from storage.filenames import FileKind
from storage.sstable.metadata import TableMetadata
from storage.sstable.reader import Table
from tools.ctl.commands import add_command, add_group
from tools.ctl.data_files import open_file
from tools.ctl.entries import describe_put, time_text, version_text
from tools.ctl.output import Line

if TYPE_CHECKING:
    from tools.ctl.commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    verbs = add_group(commands, "sstable", "sorted tables")
    dump = add_command(verbs, "dump", run_dump, "show a table and, with --keys, all its entries")
    dump.add_argument("file", nargs="+", help="for example data/table_0000000002.sst")
    dump.add_argument("--keys", action="store_true", help="show every entry")


def run_dump(options: argparse.Namespace) -> Iterator[Line]:
    """Show the metadata of every file, and the entries when they are asked for.

    Raises:
        Failure: there is no such file.
        CorruptionError: the table is damaged.
    """
    for path in options.file:
        files, name = open_file(path, FileKind.TABLE)
        table = Table(files, name, None, None)
        try:
            yield metadata_line(table.metadata)
            if options.keys:
                for key, record in table.scan():
                    text, data = describe_put(key, record)
                    yield Line(f"  {text.removeprefix('put ')}", data)
        finally:
            table.close()


def metadata_line(metadata: TableMetadata) -> Line:
    """What the table says of itself."""
    lines = [
        f"table {metadata.number}, written {time_text(metadata.created_ms)}",
        f"  {metadata.entries} entries, of which {metadata.tombstones} tombstones; "
        f"{metadata.range_tombstones} range tombstones",
        f"  {metadata.size} bytes on disk, {metadata.raw_bytes} before compression",
        f"  oldest {version_text(metadata.oldest_version)}",
        f"  newest {version_text(metadata.newest_version)}",
        f"  keys from {metadata.smallest.hex()} to {metadata.largest.hex()}",
    ]
    return Line(
        "\n".join(lines),
        {
            "table": metadata.number,
            "created_ms": metadata.created_ms,
            "entries": metadata.entries,
            "tombstones": metadata.tombstones,
            "range_tombstones": metadata.range_tombstones,
            "size_bytes": metadata.size,
            "raw_bytes": metadata.raw_bytes,
            "oldest_version": metadata.oldest_version,
            "newest_version": metadata.newest_version,
            "smallest": metadata.smallest.hex(),
            "largest": metadata.largest.hex(),
        },
    )
