"""Merging sorted runs: the newest source wins, order is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.iterators import chunked, merge_chunks, merge_pairs

runs = st.lists(
    st.dictionaries(st.binary(max_size=2), st.binary(max_size=3), max_size=30), max_size=5
)


def model(sources):
    """What merging must give: later (older) sources do not replace earlier ones."""
    merged = {}
    for source in reversed(sources):
        merged.update(source)
    return sorted(merged.items())


def in_chunks(source, size):
    """The entries of a dict as sorted chunks of a size."""
    keys = sorted(source)
    for start in range(0, len(keys), size):
        part = keys[start : start + size]
        yield part, [source[key] for key in part]


@given(runs, st.integers(1, 7))
def test_chunks_merge_to_the_newest(sources, size):
    """However sources are cut, each key comes once, in order, from its newest source."""
    chunks = list(merge_chunks([in_chunks(source, size) for source in sources]))
    assert all(len(keys) == len(records) > 0 for keys, records in chunks)
    merged = [pair for keys, records in chunks for pair in zip(keys, records, strict=True)]
    assert model(sources) == merged


@given(runs)
def test_pairs_merge_to_the_newest(sources):
    """Pairs merge like chunks."""
    scans = [iter(sorted(source.items())) for source in sources]
    assert model(sources) == list(merge_pairs(scans))


def test_single_source_passes_untouched():
    """Chunks of a source that is alone are handed on as the same objects."""
    keys, records = [b"a", b"b"], [b"1", b"2"]
    ((got_keys, got_records),) = merge_chunks([iter([(keys, records)]), iter([])])
    assert got_keys is keys and got_records is records


def test_short_scans_read_little_ahead():
    """Taking one merged pair takes at most a small first chunk from each source."""
    taken = []

    def source(prefix):
        for number in range(10_000):
            taken.append(prefix)
            yield prefix + b"%05d" % number, b""

    next(merge_pairs([source(b"a"), source(b"b")]))
    assert len(taken) <= 40


@given(st.dictionaries(st.binary(max_size=3), st.just(b""), max_size=200))
def test_chunked_keeps_everything(source):
    """Cutting pairs into chunks loses and changes nothing."""
    pairs = sorted(source.items())
    again = [
        pair for keys, records in chunked(iter(pairs)) for pair in zip(keys, records, strict=True)
    ]
    assert pairs == again
