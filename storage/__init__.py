"""Storage: a log-structured merge tree of records under storage keys.

Knows bytes, records and files; nothing of Redis or of other nodes. This is the facade: the layers
above import from here only. `Engine` is loaded on first use, because worker processes import
parts of this package and must start quickly, without Trio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.errors import (
    ClosedError,
    CorruptionError,
    DirectoryLockedError,
    DiskFullError,
    FormatVersionError,
    OptionError,
    StorageError,
    WorkerError,
    WriteRefusedError,
)
from storage.options import CompactionStrategy, FsyncPolicy, StorageOptions
from storage.records import Record, RecordType, VectorEntry, WriteBatch

if TYPE_CHECKING:
    from storage.engine import Engine
    from storage.statistics import StorageStatistics

__all__ = [
    "ClosedError",
    "CompactionStrategy",
    "CorruptionError",
    "DirectoryLockedError",
    "DiskFullError",
    "Engine",
    "FormatVersionError",
    "FsyncPolicy",
    "OptionError",
    "Record",
    "RecordType",
    "StorageError",
    "StorageOptions",
    "StorageStatistics",
    "VectorEntry",
    "WorkerError",
    "WriteBatch",
    "WriteRefusedError",
]


def __getattr__(name: str) -> object:
    if name == "Engine":
        from storage.engine import Engine

        return Engine
    if name == "StorageStatistics":
        from storage.statistics import StorageStatistics

        return StorageStatistics
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
