from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.membership.awareness import Awareness


@given(st.lists(st.integers(-4, 4)))
def test_score_stays_within_its_bounds(deltas: list[int]) -> None:
    """0 is as well as can be, and the worst is one below the maximum."""
    awareness = Awareness(8)
    for delta in deltas:
        before = awareness.score
        awareness.apply(delta)
        assert awareness.score == min(max(before + delta, 0), 7)
        assert awareness.scale(0.5) == 0.5 * (awareness.score + 1)
