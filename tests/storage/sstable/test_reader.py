"""The table reader against a dict, and against damage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import ClosedError, CorruptionError, FormatVersionError, StorageError
from storage.filenames import table_name
from storage.options import TableOptions
from storage.os_files import OsFileSystem
from storage.records import encode_string
from storage.sstable.builder import TableBuilder
from storage.sstable.cache import BlockCache
from storage.sstable.format import decode_footer
from storage.sstable.reader import Table
from tests.harness.tables import MemoryFiles, build_table, entries_of_tables, short_keys

table_options = st.builds(
    TableOptions,
    block_bytes=st.sampled_from([1, 64, 4096]),
    bloom_bits_per_key=st.sampled_from([0, 10]),
    compression_level=st.sampled_from([0, 3]),
)
caches = st.sampled_from([0, 2000, 1 << 20])


def opened(files, number, metadata, cache_bytes=1 << 20):
    """A table with a cache of its own."""
    return Table(files, table_name(number), metadata, BlockCache(cache_bytes))


@given(entries_of_tables, table_options, caches, st.lists(short_keys, max_size=20))
def test_get_like_a_dict(entries, options, cache_bytes, others):
    """Every key gives its record and every other key nothing, cached or not."""
    files = MemoryFiles()
    table = opened(files, 1, build_table(files, 1, entries, options=options), cache_bytes)
    for _ in range(2):
        for key in [*entries, *others]:
            assert entries.get(key) == table.get(key)
    assert len(entries) == table.verify()


@given(entries_of_tables, table_options, caches, short_keys, st.none() | short_keys)
def test_scan_like_a_sorted_dict(entries, options, cache_bytes, start, end):
    """A scan gives what lies in its range, in order; so do chunks that bypass the cache."""
    files = MemoryFiles()
    table = opened(files, 1, build_table(files, 1, entries, options=options), cache_bytes)
    expected = [
        (key, entries[key])
        for key in sorted(entries)
        if start <= key and (end is None or key < end)
    ]
    assert expected == list(table.scan(start, end))
    chunks = list(table.chunks(start, end, keep=False))
    assert all(len(keys) > 0 for keys, _ in chunks)
    assert expected == [pair for chunk in chunks for pair in zip(*chunk, strict=True)]


@given(
    entries_of_tables,
    st.lists(st.tuples(short_keys, short_keys, st.integers(0, 9)), max_size=4),
    table_options,
)
def test_reopened_without_manifest(entries, ranges, options):
    """A table tells its own metadata and range tombstones."""
    files = MemoryFiles()
    metadata = build_table(files, 1, entries, ranges, options)
    table = opened(files, 1, None)
    assert metadata == table.metadata
    for key in [b"", b"a", b"ab", b"\xff"]:
        covering = [version for start, end, version in ranges if start <= key < end]
        assert max(covering, default=-1) == table.ranges.version_at(key)


ENTRIES = {b"key%02d" % number: encode_string(number, b"v" * number) for number in range(12)}
FLIP_OPTIONS = [TableOptions(64, 10, 0), TableOptions(64, 10, 3), TableOptions(64, 0, 0)]


@pytest.mark.parametrize("options", FLIP_OPTIONS)
def test_every_flipped_byte_is_found(options):
    """Damage anywhere raises when it is read: a get is right or raises, `verify` raises."""
    files = MemoryFiles()
    metadata = build_table(files, 1, ENTRIES, [(b"a", b"b", 3)], options)
    sound = bytes(files.contents[table_name(1)])
    bloom = decode_footer(sound, "").filter
    # The filter of a tiny table is 8 KB of nearly nothing: one byte in 97 of it will do.
    places = [
        place
        for place in range(len(sound))
        if not bloom.offset + 6 < place < bloom.end - 6 or place % 97 == 0
    ]
    for place in places:
        damaged = bytearray(sound)
        damaged[place] ^= 1 << place % 8
        files.contents[table_name(1)] = damaged
        with pytest.raises(StorageError):
            opened(files, 1, metadata).verify()
        assert _answers_are_right_or_refused(files, metadata), place


def _answers_are_right_or_refused(files, metadata):
    """Whether every lookup gives the truth or raises."""
    for key in ENTRIES:
        try:
            if opened(files, 1, metadata).get(key) != ENTRIES[key]:
                return False
        except (CorruptionError, FormatVersionError):
            continue
    return True


@given(entries_of_tables, st.data())
def test_truncated_files_are_refused(entries, data):
    """A table that lost its tail does not open."""
    files = MemoryFiles()
    metadata = build_table(files, 1, entries)
    content = files.contents[table_name(1)]
    del content[data.draw(st.integers(0, len(content) - 1)) :]
    with pytest.raises(StorageError):
        opened(files, 1, metadata)


def test_wrong_file_is_refused():
    """A sound table that is not the one the manifest means does not open."""
    files = MemoryFiles()
    first = build_table(files, 1, ENTRIES)
    build_table(files, 2, {b"other": ENTRIES[b"key01"]})
    with pytest.raises(CorruptionError, match="manifest"):
        opened(files, 2, first)


def test_bloom_counters():
    """Lookups of absent keys are counted as turned away or as false positives."""
    entries = {b"key%05d" % number: encode_string(1, b"") for number in range(8000)}
    files = MemoryFiles()
    table = opened(files, 1, build_table(files, 1, entries, options=TableOptions()))
    for key in entries:
        table.get(key)
    assert (table.negatives, table.false_positives) == (0, 0)
    for number in range(5000):
        assert table.get(b"absent%05d" % number) is None
    counters = table.bloom_counters()
    assert counters.negatives + counters.false_positives == 5000
    assert 0 < counters.false_positives < 100


def test_cache_is_used_and_shared():
    """The second lookup in a block parses nothing; two tables share one bound."""
    files = MemoryFiles()
    cache = BlockCache(1 << 20)
    tables = [
        Table(files, table_name(number), build_table(files, number, ENTRIES), cache)
        for number in (1, 2)
    ]
    for table in tables:
        for key in ENTRIES:
            table.get(key)
    misses = cache.statistics().misses
    for table in tables:
        assert ENTRIES[b"key03"] == table.get(b"key03")
    assert misses == cache.statistics().misses == cache.statistics().blocks


def test_closed_tables_say_so():
    """After `close` nothing is answered wrongly: a lookup raises."""
    files = MemoryFiles()
    table = opened(files, 1, build_table(files, 1, ENTRIES), 0)
    scan = table.scan()
    first = next(scan)
    table.close()
    assert first == (b"key00", ENTRIES[b"key00"])
    with pytest.raises(ClosedError):
        table.get(b"key03")
    with pytest.raises(ClosedError):
        list(scan)


def test_real_file_outlives_its_name(tmp_path):
    """A mapped table answers after its file was unlinked, and what it gave is plain bytes."""
    files = OsFileSystem(str(tmp_path))
    builder = TableBuilder(files.create(table_name(1)), TableOptions(64), number=1)
    for key, record in ENTRIES.items():
        builder.add(key, record)
    table = Table(files, table_name(1), builder.finish(), BlockCache(1 << 16))
    files.unlink(table_name(1))
    assert list(ENTRIES.items()) == list(table.scan())
    assert type(table.get(b"key05")) is bytes
    assert table.get(b"key99") is None
    table.close()


def test_a_released_table_still_answers(tmp_path):
    """A retired table is let go bit by bit; a scan that still holds it reads on."""
    files = OsFileSystem(str(tmp_path))
    builder = TableBuilder(files.create(table_name(1)), TableOptions(64), number=1)
    for key, record in ENTRIES.items():
        builder.add(key, record)
    table = Table(files, table_name(1), builder.finish(), BlockCache(0))
    scan = table.scan()
    first = next(scan)
    assert len(list(table.release_slices())) == 1
    assert [first, *scan] == list(ENTRIES.items())
    table.close()
    assert list(table.release_slices()) == []
