from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.replay_window import WINDOW, ReplayWindow, ReplayWindows


@given(st.lists(st.integers(-5, 5 * WINDOW), max_size=60))
def test_it_is_a_set_that_forgets_what_is_far_behind(numbers: list[int]) -> None:
    """Accepted: never seen, at least 1, and less than a window behind the greatest."""
    window = ReplayWindow()
    seen: set[int] = set()
    for number in numbers:
        is_new = number >= 1 and number not in seen and number > max(seen, default=0) - WINDOW
        assert window.accept(number) is is_new
        if is_new:
            seen.add(number)


def test_the_edges_of_the_window() -> None:
    """1023 behind is known, 1024 behind is not."""
    window = ReplayWindow()
    assert window.accept(2000)
    assert window.accept(2000 - WINDOW + 1) and not window.accept(2000 - WINDOW + 1)
    assert not window.accept(2000 - WINDOW)
    assert window.accept(2**64 - 1) and not window.accept(2000)


def test_the_sender_that_was_silent_longest_is_forgotten() -> None:
    """The table is bounded, and lives count by themselves."""
    windows = ReplayWindows(2)
    assert windows.accept(b"a", 1) and windows.accept(b"b", 1) and windows.accept(b"a", 2)
    assert windows.accept(b"c", 1) and len(windows) == 2
    assert not windows.accept(b"a", 1)
    assert windows.accept(b"b", 1), "forgotten, so taken for new"
