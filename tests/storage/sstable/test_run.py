"""A sorted run: many disjoint tables read like one."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from storage.filenames import table_name
from storage.sstable.cache import BlockCache
from storage.sstable.reader import Table
from storage.sstable.run import SortedRun
from tests.harness.tables import MemoryFiles, build_table, entries_of_tables, short_keys


def run_of(entries, cuts):
    """A run that holds the entries in tables cut at positions."""
    files, cache, keys = MemoryFiles(), BlockCache(1 << 20), sorted(entries)
    edges = sorted({0, len(keys), *(min(cut, len(keys)) for cut in cuts)})
    tables = []
    for number, (low, high) in enumerate(itertools.pairwise(edges)):
        part = {key: entries[key] for key in keys[low:high]}
        tables.append(Table(files, table_name(number), build_table(files, number, part), cache))
    return SortedRun(tables)


@given(
    entries_of_tables,
    st.lists(st.integers(0, 40), max_size=5),
    st.lists(short_keys, max_size=9),
    short_keys,
    st.none() | short_keys,
)
def test_like_one_dict(entries, cuts, others, start, end):
    """Lookups and scans do not notice where one table ends and the next begins."""
    run = run_of(entries, cuts)
    for key in [*entries, *others]:
        assert entries.get(key) == run.get(key)
    expected = [
        (key, entries[key])
        for key in sorted(entries)
        if start <= key and (end is None or key < end)
    ]
    assert expected == list(run.scan(start, end))


def test_empty_run():
    """A level without tables holds nothing."""
    assert SortedRun([]).get(b"a") is None
    assert list(SortedRun([]).scan()) == []
