"""Names of the files in a data directory: name <-> (kind, number).

    segment_0000000001.wal    a segment of the write-ahead log
    table_0000000007.sst      an immutable sorted table
    MANIFEST_0000000003       the log of version edits
    CURRENT                   the name of the manifest in use, one line
    LOCK                      held (flock) by the process that has the directory open
    *.tmp                     something being written; removed at recovery

Numbers of segments are contiguous; tables and manifests draw from one counter of their own.
Numbers have at least ten digits, so names sort like numbers.
"""

from __future__ import annotations

import enum
import re

CURRENT = "CURRENT"
LOCK = "LOCK"


class FileKind(enum.Enum):
    """What a file in the data directory is."""

    SEGMENT = "segment"
    TABLE = "table"
    MANIFEST = "manifest"
    CURRENT = "current"
    LOCK = "lock"
    TEMPORARY = "temporary"


_NUMBERED = re.compile(r"(segment|table|MANIFEST)_(\d{10,})(\.wal|\.sst|)")
_KINDS = {
    ("segment", ".wal"): FileKind.SEGMENT,
    ("table", ".sst"): FileKind.TABLE,
    ("MANIFEST", ""): FileKind.MANIFEST,
}


def segment_name(number: int) -> str:
    """Return the name of a WAL segment."""
    return f"segment_{number:010d}.wal"


def table_name(number: int) -> str:
    """Return the name of a table file."""
    return f"table_{number:010d}.sst"


def manifest_name(number: int) -> str:
    """Return the name of a manifest file."""
    return f"MANIFEST_{number:010d}"


def temporary_name(name: str) -> str:
    """Return the name under which a file is written before it is renamed to `name`."""
    return f"{name}.tmp"


def parse_name(name: str) -> tuple[FileKind, int] | None:
    """Return (kind, number), the number 0 for kinds without one; None for foreign files."""
    if name == CURRENT:
        return FileKind.CURRENT, 0
    if name == LOCK:
        return FileKind.LOCK, 0
    if name.endswith(".tmp"):
        return FileKind.TEMPORARY, 0
    match = _NUMBERED.fullmatch(name)
    if match is None:
        return None
    kind = _KINDS.get((match[1], match[3]))
    return None if kind is None else (kind, int(match[2]))
