"""What can go wrong in storage, as situations.

StorageError
├─ CorruptionError        bytes on disk are not what was once written and synced there
├─ FormatVersionError     the bytes were written by a newer (or unknown) version of this software
├─ DirectoryLockedError   another process has the data directory open
├─ ClosedError            the engine is not open (not started yet, or already closed)
├─ WriteRefusedError      writes cannot be made durable now; reads go on, it clears by itself
│  └─ DiskFullError       the special case that an operator can cure by making room
├─ WorkerError            a background job (flush, compaction) failed in its worker
└─ OptionError            an option has a value outside its bounds

`OSError` crosses the file layer unchanged and is translated once, in the store. `assert` is for
our own mistakes.
"""

from __future__ import annotations


class StorageError(Exception):
    """Base of every error that storage raises on purpose."""


class CorruptionError(StorageError):
    """Bytes that were durable cannot be trusted any more.

    Args:
        name: file name inside the data directory.
        offset: byte position where the damage was noticed, or None if the whole file is meant.
        detail: what was expected and what was found.
    """

    def __init__(self, name: str, offset: int | None, detail: str) -> None:
        super().__init__(name, offset, detail)
        self.name = name
        self.offset = offset
        self.detail = detail

    def __str__(self) -> str:
        where = self.name if self.offset is None else f"{self.name} at byte {self.offset}"
        return f"{where} is damaged: {self.detail}"


class FormatVersionError(StorageError):
    """A file carries a format version that this software does not read."""

    def __init__(self, name: str, found: int, supported: int) -> None:
        super().__init__(name, found, supported)
        self.name = name
        self.found = found
        self.supported = supported

    def __str__(self) -> str:
        known = self.supported
        return f"{self.name} has format version {self.found}; this build reads up to {known}"


class DirectoryLockedError(StorageError):
    """The data directory belongs to a living process."""

    def __init__(self, directory: str, owner: str = "") -> None:
        super().__init__(directory, owner)
        self.directory = directory
        self.owner = owner

    def __str__(self) -> str:
        by = f" (process {self.owner})" if self.owner else ""
        return f"the data directory {self.directory} is in use by another process{by}"


class ClosedError(StorageError):
    """The engine is not open."""

    def __str__(self) -> str:
        return "the storage engine is not open"


class WriteRefusedError(StorageError):
    """Nothing can be written now; nothing of the refused batch was left behind.

    Args:
        reason: text for people: what is wrong and what clears it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class DiskFullError(WriteRefusedError):
    """The disk has no room for the write."""


class WorkerError(StorageError):
    """A background job failed in its worker.

    Args:
        job: short name of the job, for the log.
        detail: the worker's own words.
    """

    def __init__(self, job: str, detail: str) -> None:
        super().__init__(job, detail)
        self.job = job
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.job} failed in its worker: {self.detail}"


class OptionError(StorageError):
    """An option has a value outside its bounds."""

    def __init__(self, name: str, given: object, allowed: str) -> None:
        super().__init__(name, given, allowed)
        self.name = name
        self.given = given
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.name} must be {self.allowed}, not {self.given!r}"
