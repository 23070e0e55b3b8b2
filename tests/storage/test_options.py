"""Bounds of options."""

from __future__ import annotations

from typing import Any

import pytest

from storage.errors import OptionError
from storage.options import StorageOptions


def test_defaults_are_valid_and_the_specified_ones() -> None:
    """Sizes, ratio and bloom bits are those of the specification."""
    options = StorageOptions("data")
    options.validate()
    megabyte = 1 << 20
    assert 64 * megabyte == options.segment_bytes == options.table_bytes
    assert [640 * megabyte, 6400 * megabyte] == [options.level_bytes_max(n) for n in (1, 2)]
    assert [options.table_options(n).bloom_bits_per_key for n in range(4)] == [10, 14, 20, 20]


@pytest.mark.parametrize(
    "changes",
    [
        {"directory": ""},
        {"memtable_size_mb": 0},
        {"level_ratio": 1},
        {"compression_level": 23},
        {"level0_tables_stop": 5},
        {"bloom_bits_per_level": ()},
    ],
)
def test_values_out_of_bounds_are_named(changes: dict[str, Any]) -> None:
    """A wrong value is refused with its name and what was given."""
    options = StorageOptions(**{"directory": "data", **changes})
    with pytest.raises(OptionError) as caught:
        options.validate()
    assert next(iter(changes)) in str(caught.value)


def test_compression_is_for_deep_levels() -> None:
    """Levels 0 and 1 are rewritten soon and stay uncompressed."""
    options = StorageOptions("data", compression_level=3)
    assert [options.table_options(level).compression_level for level in range(3)] == [0, 0, 3]
