"""Format versions."""

from __future__ import annotations

from storage import batch_format, format_version


def test_writers_write_the_newest() -> None:
    """The newest version of each format is the highest number, and the one written."""
    assert max(format_version.WalVersion) == format_version.WAL_NEWEST
    assert max(format_version.BatchVersion) == format_version.BATCH_NEWEST == batch_format.FORMAT
