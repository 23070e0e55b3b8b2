"""The engine's options out of the settings."""

from __future__ import annotations

import attrs
import pytest

from meridian_resp.config.choices import AppendFsync, CompactionStyle, Compression
from meridian_resp.config.parameters import find
from meridian_resp.config.settings import Settings
from meridian_resp.config.storage_options import CHANGEABLE_NAMES, storage_options
from meridian_resp.config.values import IntegerType
from storage.options import CompactionStrategy, FsyncPolicy, StorageOptions


def test_defaults_are_those_of_the_engine() -> None:
    """Without options the engine runs with its own defaults, but for what the user may bound."""
    ours = storage_options(Settings(dir="somewhere"))
    own = StorageOptions("somewhere")
    names = [field.name for field in attrs.fields(StorageOptions)]
    differing = {name for name in names if getattr(ours, name) != getattr(own, name)}
    assert differing <= {"compaction_throughput_mb"}


def test_every_choice_reaches_the_engine() -> None:
    """Words of options become the engine's policies."""
    for word in AppendFsync:
        assert storage_options(Settings(appendfsync=word)).fsync is FsyncPolicy(word.value)
    for style in CompactionStyle:
        options = storage_options(Settings(compaction_style=style))
        assert options.compaction is CompactionStrategy(style.value)


def test_a_level_of_compression_holds_only_with_compression() -> None:
    """Without it the level is 0."""
    settings = Settings(compression_level=9)
    assert storage_options(settings).compression_level == 0
    settings.compression = Compression.ZSTD
    assert storage_options(settings).compression_level == 9


NUMBERS = {
    "memtable-size-mb": "memtable_size_mb",
    "wal-archive-retention-days": "wal_archive_days",
    "sealed-memtables-max": "sealed_memtables_max",
    "level0-compaction-tables": "level0_compaction_tables",
    "table-size-mb": "table_size_mb",
    "level1-size-mb": "level1_size_mb",
    "level-ratio": "level_ratio",
    "block-cache-size-mb": "cache_size_mb",
    "compaction-throughput-mb": "compaction_throughput_mb",
    "compaction-workers": "workers",
}


@pytest.mark.parametrize("name", NUMBERS)
def test_the_engine_takes_all_that_the_table_takes(name: str) -> None:
    """Both bounds of the table are within the engine's, and reach the right option."""
    parameter = find(name)
    assert parameter is not None
    assert isinstance(parameter.type, IntegerType)
    for number in (parameter.type.minimum, parameter.type.maximum):
        settings = Settings()
        setattr(settings, parameter.attribute, number)
        assert getattr(storage_options(settings), NUMBERS[name]) == number


def test_changeable_names_are_parameters() -> None:
    """Whoever registers hooks for these finds them in the table."""
    for name in CHANGEABLE_NAMES:
        Settings().on_change(name, lambda: None)
