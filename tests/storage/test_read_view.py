"""Merged reads over several sources."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from storage.read_view import Entry, ReadView, merge_newest, with_ranges
from storage.records import WriteBatch, encode_string
from storage.sstable.range_tombstones import RangeTombstones

SOURCES = st.lists(st.dictionaries(st.binary(max_size=2), st.integers(1, 99)), max_size=5)


class DictSource:
    """A source made of a dict from key to version."""

    def __init__(self, versions: dict[bytes, int]) -> None:
        self.records = {key: encode_string(version, b"") for key, version in versions.items()}

    def get(self, key: bytes) -> bytes | None:
        """Look up."""
        return self.records.get(key)

    def scan(self, start: bytes, end: bytes) -> Iterator[Entry]:
        """Iterate in order."""
        return iter(sorted((k, r) for k, r in self.records.items() if start <= k < end))


@given(SOURCES, st.binary(max_size=2), st.binary(max_size=2), st.integers(0, 99))
def test_newest_source_wins_and_ranges_hide(
    sources: list[dict[bytes, int]], start: bytes, end: bytes, version: int
) -> None:
    """Get and scan agree with dicts laid over each other, less what the range hides."""
    view = ReadView(
        [DictSource(source) for source in sources],
        with_ranges(RangeTombstones(), [(start, end, version)]),
    )
    expected: dict[bytes, int] = {}
    for source in reversed(sources):
        expected.update(source)
    visible = {
        key: encode_string(found, b"")
        for key, found in expected.items()
        if not (start <= key < end and found <= version)
    }
    assert sorted(visible.items()) == list(view.scan(b"", b"\xff\xff\xff"))
    assert all(visible.get(key) == view.get(key) for key in expected)


def test_batch_lies_over_everything() -> None:
    """Effects not yet committed are seen by a scan, the last one per key, ranges included."""
    view = ReadView([DictSource({b"a": 1, b"b": 1, b"c": 1})], RangeTombstones())
    batch = WriteBatch()
    batch.put(b"b", encode_string(2, b"old"))
    batch.put(b"b", encode_string(3, b"new"))
    batch.put(b"d", encode_string(3, b""))
    batch.delete_range(b"c", b"cc", 5)
    found = list(view.scan(b"a", b"dd", batch))
    expected = [(b"a", 1, b""), (b"b", 3, b"new"), (b"d", 3, b"")]
    assert [(key, encode_string(version, value)) for key, version, value in expected] == found


def test_merge_of_nothing_is_empty() -> None:
    """No sources, or empty ones, give an empty scan."""
    assert list(merge_newest([])) == []
    assert list(merge_newest([iter(()), iter(())])) == []
