"""Texts of errors: they are read by people in a hurry."""

from __future__ import annotations

import pytest

from storage import errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.CorruptionError("a.sst", 7, "bad"), "a.sst at byte 7 is damaged: bad"),
        (errors.CorruptionError("a.sst", None, "bad"), "a.sst is damaged: bad"),
        (errors.FormatVersionError("x", 9, 1), "x has format version 9; this build reads up to 1"),
        (
            errors.DirectoryLockedError("d", "12"),
            "the data directory d is in use by another process (process 12)",
        ),
        (errors.WorkerError("flush", "died"), "flush failed in its worker: died"),
        (errors.OptionError("n", 0, "at least 1"), "n must be at least 1, not 0"),
        (errors.DiskFullError("full"), "full"),
        (errors.ClosedError(), "the storage engine is not open"),
    ],
)
def test_texts(error: errors.StorageError, text: str) -> None:
    """Each error names the thing, the place and what was wrong."""
    assert text == str(error)


def test_disk_full_is_a_refusal() -> None:
    """Whoever handles refused writes handles a full disk as well."""
    assert issubclass(errors.DiskFullError, errors.WriteRefusedError)
    assert issubclass(errors.WriteRefusedError, errors.StorageError)
