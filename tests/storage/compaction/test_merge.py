"""Compaction against a model: what can be read stays, what cannot goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.codec import U64_MAX
from storage.compaction.job import CompactionJob, InputTable, KeyRange
from storage.compaction.merge import KeyRanges, compact
from storage.filenames import table_name
from storage.keys import (
    after_prefix,
    element_key,
    is_metadata_key,
    metadata_key,
    system_key,
)
from storage.options import TableOptions
from storage.records import (
    Record,
    RecordType,
    encode_record,
    encode_string,
    encode_tombstone,
    is_tombstone,
    version_of,
)
from storage.sstable.reader import Table
from tests.harness.tables import SMALL_BLOCKS, MemoryFiles, build_table

EVERYTHING = KeyRange(b"", b"\xff" * 20)


def finish(slices):
    """Run slices to the end and return the result."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return end.value


def job_of(files, sources, **fields):
    """A job over tables made of these (level, entries, ranges), newest first."""
    inputs = []
    for number, (level, entries, ranges) in enumerate(sources, 1):
        if entries or ranges:
            inputs.append(InputTable(level, build_table(files, number, entries, ranges)))
    fields = {"table_bytes": 1 << 20, "first_output_number": 100, "outputs_max": 50, **fields}
    return CompactionJob("", tuple(inputs), 2, SMALL_BLOCKS, **fields)


def compacted(files, job):
    """Run the job; return its result, all entries of the outputs, and the outputs."""
    result = finish(compact(files, job))
    tables = [Table(files, table_name(one.number), one, None) for one in result.tables]
    for table in tables:
        table.verify()
    return result, dict(pair for table in tables for pair in table.scan()), tables


USER_KEYS = [b"", b"a", b"b\x00", b"b\x00\x00", b"c"]
data_keys = st.builds(metadata_key, st.integers(0, 1), st.sampled_from(USER_KEYS)) | st.builds(
    element_key,
    st.builds(metadata_key, st.integers(0, 1), st.sampled_from(USER_KEYS)),
    st.integers(0, 2),
    st.just(1),
    st.sampled_from([b"", b"x", b"\x00\x00"]),
)
strings = st.dictionaries(data_keys, st.integers(0, 9), max_size=15)
edges = st.sampled_from([metadata_key(0, key) for key in USER_KEYS])
ranges = st.lists(st.tuples(edges, edges, st.integers(0, 99)), max_size=2)


@given(
    st.lists(st.tuples(strings, ranges), min_size=1, max_size=4),
    st.sampled_from([300, 1 << 20]),
    st.booleans(),
)
def test_newest_visible_record_stays(given_sources, table_bytes, has_deeper):
    """Of plain records the newest of each key stays, unless a range tombstone hides it."""
    files, expected, sources, hiding = MemoryFiles(), {}, [], []
    for age, (entries, given_ranges) in enumerate(given_sources):
        # Newer sources have higher versions, as in a store.
        base = 10 * (len(given_sources) - age)
        records = {key: encode_string(base + low, b"value") for key, low in entries.items()}
        level_ranges = [part for part in given_ranges if part[0] < part[1]]
        level = 0 if age < len(given_sources) - 1 else 1
        sources.append((level, records, level_ranges))
        hiding += level_ranges
        expected = {**records, **expected}
    expected = {
        key: record
        for key, record in expected.items()
        if not any(s <= key < e and version_of(record) <= v for s, e, v in hiding)
    }
    deeper = (EVERYTHING,) if has_deeper else ()
    job = job_of(files, sources, table_bytes=table_bytes, deeper=deeper)
    if not job.inputs:
        return
    result, found, tables = compacted(files, job)
    assert expected == found
    assert result.entries_written == len(expected)
    # Outputs are disjoint, and together they hide in deeper levels what the inputs hid.
    for left, right in zip(result.tables, result.tables[1:], strict=False):
        assert left.end <= right.smallest
    for key in [metadata_key(0, key) for key in USER_KEYS]:
        wanted = max((v for s, e, v in hiding if s <= key < e), default=-1) if has_deeper else -1
        assert wanted == max((table.ranges.version_at(key) for table in tables), default=-1)


KEY = metadata_key(0, b"k")


def collection(version, generation, *, tombstone=False, expiry_ms=None):
    """The metadata record of a hash."""
    return encode_record(Record(version, b"", RecordType.HASH, tombstone, expiry_ms, generation))


def one_source(entries, **fields):
    """What is left of one table's entries, and the result."""
    files = MemoryFiles()
    result, found, _ = compacted(files, job_of(files, [(1, entries, [])], **fields))
    return found, result


def element(generation, name=b"f", key=KEY):
    """The storage key of an element."""
    return element_key(key, generation, 1, name)


def test_elements_of_past_generations_go():
    """Elements below the generation of their metadata record go; its own and later ones stay."""
    entries = {KEY: collection(9, 2)}
    entries.update({element(generation): encode_string(5, b"") for generation in range(4)})
    found, _ = one_source(entries, deeper=(EVERYTHING,), others=(EVERYTHING,))
    assert {KEY, element(2), element(3)} == set(found)


def test_elements_without_metadata_stay():
    """Where the metadata record is not in the job, no element is judged; nor by a neighbour's."""
    other = metadata_key(0, b"k\x00z")
    entries = {KEY: collection(9, 5), element(1, key=other): encode_string(5, b"")}
    assert entries == one_source(entries)[0]


def test_elements_of_a_deleted_collection_go_with_it():
    """At the bottom a deleted collection disappears as a whole."""
    entries = {KEY: collection(9, 3, tombstone=True), element(2): encode_string(5, b"")}
    assert one_source(entries)[0] == {}


def test_tombstones_stay_above_older_data():
    """A tombstone stays as long as a deeper table may hold its key, and goes at the bottom."""
    for key, record in ((KEY, encode_tombstone(9)), (element(1), encode_tombstone(9))):
        below = KeyRange(key, key + b"\x00")
        assert {key: record} == one_source({key: record}, deeper=(below,))[0]
        before = KeyRange(b"", key)
        assert one_source({key: record}, deeper=(before,))[0] == {}


def test_generation_tombstones_stay_above_elements_anywhere():
    """A tombstone with a generation stays while any other table may hold elements of its key."""
    record = collection(9, 3, tombstone=True)
    behind = KeyRange(element(0), element(0) + b"\x00")
    assert {KEY: record} == one_source({KEY: record}, others=(behind,))[0]
    far = KeyRange(after_prefix(KEY), b"\xff")
    assert one_source({KEY: record}, others=(far,))[0] == {}
    # A string's tombstone protects no elements.
    assert one_source({KEY: encode_tombstone(9)}, others=(behind,))[0] == {}


def test_young_tombstones_stay():
    """Tombstones and range tombstones newer than the grace bound stay even at the bottom."""
    files = MemoryFiles()
    entries = {KEY: encode_tombstone(50), metadata_key(0, b"l"): encode_tombstone(51)}
    young, old = (b"\x00", b"\x01", 51), (b"\x02", b"\x03", 50)
    job = job_of(files, [(1, entries, [young, old])], tombstone_version_max=50)
    _, found, tables = compacted(files, job)
    assert {metadata_key(0, b"l"): entries[metadata_key(0, b"l")]} == found
    assert [part.version for table in tables for part in table.ranges] == [51]


def test_dead_keyspaces_go():
    """Records of keyspaces that are not alive go, tombstones too; system records stay."""
    dead, alive = metadata_key(7, b"k"), metadata_key(8, b"k")
    entries = {
        dead: encode_string(1, b""),
        element(1, key=dead): encode_tombstone(1),
        alive: encode_string(1, b""),
        system_key("keyspaces"): encode_string(1, b""),
    }
    found, _ = one_source(entries, live_keyspaces=frozenset((8,)), deeper=(EVERYTHING,))
    assert {alive, system_key("keyspaces")} == set(found)
    assert entries == one_source(entries, live_keyspaces=None, deeper=(EVERYTHING,))[0]


def test_expired_metadata_is_kept_and_reported():
    """Expired metadata records stay and are named, up to the bound; others are not."""
    entries = {
        metadata_key(0, b"k%d" % number): encode_record(
            Record(number, b"v", expiry_ms=1000 + number)
        )
        for number in range(10)
    }
    tombstone = metadata_key(0, b"t")
    entries[tombstone] = encode_record(Record(1, b"", 0, True, 5))
    found, result = one_source(entries, now_ms=1004, expired_max=100, deeper=(EVERYTHING,))
    assert entries == found
    assert sorted(range(5)) == sorted(one.version for one in result.expired)
    assert all(entries[one.key] is not None for one in result.expired)
    _, result = one_source(entries, now_ms=1004, expired_max=2)
    assert len(result.expired) == 2


@given(
    st.dictionaries(
        data_keys, st.tuples(st.integers(0, 9), st.integers(0, 2), st.booleans()), max_size=25
    ),
    st.booleans(),
)
def test_what_can_be_read_never_changes(entries, has_others):
    """With live, dead and past-generation records of all kinds, what is alive reads as before."""
    records = {
        key: encode_record(Record(version, b"v", RecordType.HASH, tombstone, None, generation))
        for key, (version, generation, tombstone) in entries.items()
    }
    others = (EVERYTHING,) if has_others else ()
    found, _ = one_source(records, others=others) if records else ({}, None)
    for key, record in records.items():
        if key in found:
            assert record == found[key]
            continue
        owners = [one for one in records if key != one and key.startswith(one)]
        outlived = any(
            key[len(one) : len(one) + 8] < entries[one][1].to_bytes(8, "big") for one in owners
        )
        assert is_tombstone(record) or outlived
        if has_others and is_metadata_key(key):
            # A tombstone with a generation protects elements elsewhere.
            assert entries[key][1] == 0


def test_output_size_and_count():
    """Outputs end at about their size; past the reserved numbers the last one takes the rest."""
    entries = {
        metadata_key(0, b"%04d" % number): encode_string(1, bytes(90)) for number in range(400)
    }
    files = MemoryFiles()
    options = TableOptions(block_bytes=512)
    job = CompactionJob(
        "",
        (InputTable(1, build_table(files, 1, entries, options=options)),),
        2,
        options,
        table_bytes=10_000,
        first_output_number=100,
        outputs_max=3,
    )
    result, found, _ = compacted(files, job)
    assert entries == found
    assert [table.number for table in result.tables] == [100, 101, 102]
    assert all(table.raw_bytes < 13_000 for table in result.tables[:2])
    assert result.tables[2].raw_bytes > 15_000
    assert result.bytes_written == sum(table.size for table in result.tables)
    assert (result.entries_read, result.bytes_read) == (400, job.input_bytes)


def test_nothing_left_writes_nothing():
    """If all is dropped there is no table, and no file."""
    files = MemoryFiles()
    job = job_of(files, [(1, {KEY: encode_tombstone(1)}, [(b"a", b"b", 1)])])
    result = finish(compact(files, job))
    assert result.tables == ()
    assert [table_name(1)] == files.names()


def test_only_range_tombstones_left():
    """Range tombstones that must stay get a table even if no record is left."""
    files = MemoryFiles()
    job = job_of(files, [(0, {}, [(b"a", b"b", 4)])], deeper=(EVERYTHING,))
    result, found, tables = compacted(files, job)
    assert found == {}
    assert result.tables[0].smallest == b"a" and result.tables[0].end == b"b"
    assert tables[0].ranges.version_at(b"a") == 4


@pytest.mark.parametrize("fail", range(1, 8))
def test_failures_leave_nothing(fail):
    """A write that fails at any call leaves no output behind."""
    files = MemoryFiles()
    job = job_of(files, [(0, {KEY: encode_string(1, b"")}, [])])
    files.fail_at = len(files.steps) + fail
    try:
        result = finish(compact(files, job))
    except OSError:
        assert [table_name(1)] == files.names()
    else:
        assert len(result.tables) == 1


def test_ended_early_leaves_nothing():
    """Closing the generator in the middle unlinks the outputs."""
    files = MemoryFiles()
    entries = {
        metadata_key(0, b"%04d" % number): encode_string(1, bytes(90)) for number in range(99)
    }
    slices = compact(files, job_of(files, [(0, entries, [])], table_bytes=1000))
    while not files.exists(table_name(102)):
        next(slices)
    slices.close()
    assert [table_name(1)] == files.names()


@given(
    st.lists(st.tuples(st.binary(max_size=2), st.binary(max_size=2)), max_size=6),
    st.binary(max_size=2),
    st.binary(max_size=2),
)
def test_key_ranges(pairs, start, end):
    """A set of ranges covers and meets what one of its ranges does."""
    united = KeyRanges(KeyRange(low, high) for low, high in pairs)
    assert any(low <= start < high for low, high in pairs) == united.covers(start)
    if start < end:
        expected = any(low < high and max(low, start) < min(high, end) for low, high in pairs)
        assert expected == united.meets(start, end)


def test_no_bound_by_default():
    """A job drops tombstones of any age unless told otherwise."""
    assert CompactionJob("", (), 1, SMALL_BLOCKS, 1).tombstone_version_max == U64_MAX
