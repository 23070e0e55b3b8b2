from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.raft.inflights import Inflights


def test_full_by_number_and_by_bytes() -> None:
    """Either limit closes the window; answers open it again."""
    window = Inflights(2, 100)
    window.add(1, 10)
    assert not window.is_full
    window.add(2, 10)
    assert window.is_full
    window.free_to(1)
    assert not window.is_full
    window.add(3, 500)
    assert window.is_full
    window.free_first()
    assert window.is_full
    window.free_to(3)
    assert (len(window), window.bytes) == (0, 0)


def test_adding_to_a_full_window_is_a_mistake() -> None:
    """Whoever sends must look first."""
    window = Inflights(1, 100)
    window.add(1, 1)
    with pytest.raises(AssertionError):
        window.add(2, 1)


@given(st.lists(st.one_of(st.integers(1, 30), st.none(), st.just("clear"))))
def test_bytes_are_those_of_the_unanswered(steps: list[int | str | None]) -> None:
    """Whatever is added and freed, the sum stays the sum of what is in the window."""
    window, index = Inflights(4, 64), 0
    for step in steps:
        if step is None:
            window.free_first()
        elif isinstance(step, str):
            window.clear()
        elif window.is_full:
            window.free_to(index - 1)
        else:
            index += 1
            window.add(index, step)
        window.check_invariants()
