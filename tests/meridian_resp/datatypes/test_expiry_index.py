"""Tests of the calendar of expiries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.datatypes.expiry_index import ExpiryIndex

times = st.integers(0, 3000)


@given(st.lists(times, max_size=40), times, st.integers(1, 50))
def test_takes_exactly_what_is_due(expiries: list[int], now_ms: int, limit: int) -> None:
    """Repeated taking gives every key whose tenth of a second is over, once, and no other."""
    index = ExpiryIndex()
    for number, at_ms in enumerate(expiries):
        index.add(at_ms, 7, b"%d" % number)
    taken: list[tuple[int, bytes]] = []
    while due := index.take_due(now_ms, limit):
        assert len(due) <= limit
        taken += due
    expected = {
        (7, b"%d" % number)
        for number, at_ms in enumerate(expiries)
        if at_ms // 100 < now_ms // 100
    }
    assert expected == set(taken)
    assert len(expected) == len(taken)
    assert len(expiries) - len(taken) == len(index)


def test_earliest_first() -> None:
    """With little room the keys that expired first are taken first."""
    index = ExpiryIndex()
    for at_ms in (900, 100, 500):
        index.add(at_ms, 0, b"%d" % at_ms)
    assert index.take_due(10_000, 2) == [(0, b"100"), (0, b"500")]


def test_a_full_calendar_forgets_and_says_so() -> None:
    """Beyond its bound keys are not entered; asking tells once, when there is room again."""
    index = ExpiryIndex(items_max=4)
    for number in range(6):
        index.add(100, 0, b"%d" % number)
    assert len(index) == 4
    assert not index.take_overflowed()
    assert len(index.take_due(10_000, 10)) == 4
    assert index.take_overflowed()
    assert not index.take_overflowed()


def test_memory_of_an_emptied_tenth_is_reused() -> None:
    """A tenth of a second that was taken empty can be filled and taken again."""
    index = ExpiryIndex()
    index.add(100, 0, b"a")
    assert index.take_due(10_000, 10) == [(0, b"a")]
    index.add(100, 0, b"b")
    assert index.take_due(10_000, 10) == [(0, b"b")]
    assert len(index) == 0
