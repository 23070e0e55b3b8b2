from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.identity import NodeId
from cluster.membership.suspicion import Suspicion, confirmations_wanted, suspicion_bounds_s

A = NodeId("a")


def suspicion(confirmations: int = 3) -> Suspicion:
    """Raised by A at 10, between 2 and 30 seconds."""
    return Suspicion(A, 10.0, confirmations=confirmations, min_s=2.0, max_s=30.0)


def test_timeout_shrinks_with_confirmations() -> None:
    """From the greatest to the least timeout, logarithmically, as in the Lifeguard paper."""
    made = suspicion()
    deadlines = [made.deadline()]
    for number in range(3):
        assert made.confirm(NodeId(f"b{number}"))
        deadlines.append(made.deadline())
    expected = [40.0 - 28.0 * math.log(1 + n) / math.log(4) for n in range(4)]
    assert deadlines == pytest.approx(expected)
    assert deadlines[-1] == 12.0


def test_only_new_accusers_count_and_not_too_many() -> None:
    """The first accuser and a repeated one confirm nothing; beyond the wanted number none does."""
    made = suspicion(confirmations=1)
    assert not made.confirm(A)
    assert made.confirm(NodeId("b"))
    assert not made.confirm(NodeId("b"))
    assert not made.confirm(NodeId("c"))
    assert made.accusers == {A, NodeId("b")}


def test_without_confirmers_the_timeout_is_the_least() -> None:
    """A cluster too small to confirm does not wait for what cannot come."""
    assert suspicion(confirmations=0).deadline() == 12.0
    assert confirmations_wanted(3, 4) == 0
    assert confirmations_wanted(4, 4) == 2


@given(st.integers(1, 10_000))
def test_bounds_grow_with_the_logarithm_of_the_cluster(nodes: int) -> None:
    """4 * log10(N) probe intervals, at least 4, and six times that."""
    least, greatest = suspicion_bounds_s(nodes, 1.0, multiplier=4, max_multiplier=6)
    assert least == pytest.approx(4 * max(1.0, math.log10(nodes)))
    assert greatest == pytest.approx(6 * least)
