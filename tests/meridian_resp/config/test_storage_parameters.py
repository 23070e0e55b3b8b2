"""Defaults of the storage's part of the table."""

from __future__ import annotations

from meridian_resp.config.choices import AppendFsync, CompactionStyle
from meridian_resp.config.storage_parameters import StorageParameters


def test_defaults_are_those_of_the_specification() -> None:
    """Levels, sizes, ratio and Bloom filters of section 4; leveled compaction."""
    storage = StorageParameters()
    assert (storage.memtable_size_mb, storage.table_size_mb) == (64, 64)
    assert (storage.level1_size_mb, storage.level_ratio) == (640, 10)
    assert storage.bloom_bits_per_level == (10, 14, 20)
    assert storage.compaction_style is CompactionStyle.LEVELED
    assert storage.wal_archive_retention_days == 7


def test_writes_are_always_logged() -> None:
    """The log is on, and forced to the disk every second."""
    storage = StorageParameters()
    assert storage.appendonly
    assert storage.appendfsync is AppendFsync.EVERYSEC
