"""The table builder: order, metadata, equal input gives equal bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.filenames import table_name
from storage.options import TableOptions
from storage.records import encode_string, encode_tombstone, is_tombstone, version_of
from storage.sstable.builder import TableBuilder, separator
from tests.harness.tables import SMALL_BLOCKS, MemoryFiles, build_table, entries_of_tables


@given(entries_of_tables, st.integers(0, 40))
def test_how_entries_come_does_not_matter(entries, cut):
    """One by one, or in bulk in any portions: the same bytes and metadata."""
    files = MemoryFiles()
    expected = build_table(files, 1, entries)
    keys = sorted(entries)
    values = [entries[key] for key in keys]
    builder = TableBuilder(files.create("other"), SMALL_BLOCKS, number=1)
    builder.extend(keys[:cut], values[:cut])
    builder.extend(keys[cut:], values[cut:])
    assert expected == builder.finish()
    assert files.contents[table_name(1)] == files.contents["other"]


@given(entries_of_tables)
def test_metadata_tells_the_truth(entries):
    """Bounds, counts and versions are those of the entries."""
    files = MemoryFiles()
    metadata = build_table(files, 7, entries)
    assert metadata.number == 7
    assert metadata.size == files.size(table_name(7))
    assert metadata.entries == len(entries)
    assert metadata.tombstones == sum(map(is_tombstone, entries.values()))
    if entries:
        versions = [version_of(record) for record in entries.values()]
        assert (metadata.smallest, metadata.largest) == (min(entries), max(entries))
        assert metadata.end == max(entries) + b"\x00"
        assert (metadata.oldest_version, metadata.newest_version) == (min(versions), max(versions))
        assert metadata.raw_bytes == sum(len(key) + len(entries[key]) for key in entries)


def test_bounds_include_range_tombstones():
    """A range tombstone beyond the keys widens the bounds; its end stays excluded."""
    metadata = build_table(
        MemoryFiles(), 1, {b"m": encode_string(5, b"")}, [(b"a", b"c", 3), (b"x", b"z", 9)]
    )
    assert (metadata.smallest, metadata.end) == (b"a", b"z")
    assert metadata.range_tombstones == 2
    assert (metadata.oldest_version, metadata.newest_version) == (3, 9)
    assert metadata.overlaps(b"y", b"zz") and not metadata.overlaps(b"z", b"zz")


def test_order_is_enforced():
    """Equal or descending keys are refused, within a portion and between portions."""
    record = encode_string(1, b"x" * 100)
    builder = TableBuilder(MemoryFiles().create("t"), SMALL_BLOCKS)
    with pytest.raises(ValueError, match="ascending"):
        builder.extend([b"a", b"a"], [record, record])
    builder = TableBuilder(MemoryFiles().create("t"), SMALL_BLOCKS)
    builder.extend([b"b", b"c"], [record, record])
    with pytest.raises(ValueError, match="ascending"):
        builder.extend([b"a"], [record])


def test_short_records_are_refused():
    """What has no header is no record."""
    builder = TableBuilder(MemoryFiles().create("t"), SMALL_BLOCKS)
    builder.add(b"a", b"short")
    with pytest.raises(ValueError, match="header"):
        builder.finish()


def test_blocks_have_the_wanted_size():
    """Bytes written grow as entries come, and smaller blocks mean a larger file."""
    entries = {b"key%04d" % number: encode_string(number, bytes(50)) for number in range(500)}
    files = MemoryFiles()
    small = build_table(files, 1, entries, options=TableOptions(block_bytes=512))
    large = build_table(files, 2, entries, options=TableOptions(block_bytes=8192))
    packed = build_table(files, 3, entries, options=TableOptions(8192, 10, 3))
    assert packed.size < large.size < small.size < 2 * large.size
    builder = TableBuilder(files.create("t"), SMALL_BLOCKS)
    seen = [builder.bytes_written]
    for key in sorted(entries):
        builder.add(key, entries[key])
        seen.append(builder.bytes_written)
    assert seen == sorted(seen) and seen[-1] >= 500 * 50
    assert builder.entries == 500


def test_tombstones_only():
    """A table may hold nothing but deletions."""
    metadata = build_table(MemoryFiles(), 1, {b"a": encode_tombstone(4, 2)})
    assert (metadata.entries, metadata.tombstones) == (1, 1)


def test_failed_writes_close_the_file():
    """A write error in `finish` comes through; abandoning afterwards is allowed."""
    files = MemoryFiles()
    builder = TableBuilder(files.create("t"), SMALL_BLOCKS)
    builder.add(b"a", encode_string(1, b""))
    files.fail_at = len(files.steps) + 1
    with pytest.raises(OSError, match="no luck"):
        builder.finish()
    builder.abandon()


@given(st.binary(max_size=6), st.binary(max_size=6))
def test_separators(left, right):
    """A separator is greater than the key before, not greater than the key behind, and short."""
    low, high = sorted((left, right))
    if low < high:
        between = separator(low, high)
        assert low < between <= high
        assert not any(low < between[:size] for size in range(len(between)))
