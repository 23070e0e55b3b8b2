from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.raft.configuration import Configuration
from cluster.raft.quorum import (
    UNBOUNDED,
    VoteResult,
    majority_of,
    majority_result,
    reached,
    reached_by_majority,
    vote_result,
)

NAMES = "abcdefg"
voters = st.frozensets(st.sampled_from(NAMES), min_size=1)
values = st.fixed_dictionaries({name: st.integers(0, 9) for name in NAMES})
votes = st.dictionaries(st.sampled_from(NAMES), st.booleans())


@pytest.mark.parametrize(("count", "majority"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)])
def test_majorities(count: int, majority: int) -> None:
    """A majority is more than half, so two of them always meet."""
    assert majority_of(count) == majority
    assert 2 * majority > count


@given(voters, values)
def test_reached_is_what_some_majority_has(voters: frozenset[str], value: dict[str, int]) -> None:
    """The definition, by trying all majorities: the best of their worst members."""
    majorities = combinations(sorted(voters), majority_of(len(voters)))
    expected = max(min(value[name] for name in group) for group in majorities)
    assert reached_by_majority(voters, value.__getitem__) == expected


@given(voters, voters, values)
def test_joint_is_the_smaller(new: frozenset[str], old: frozenset[str], v: dict[str, int]) -> None:
    """A joint configuration has reached what both of its sets have."""
    both = reached(Configuration(voters=new, outgoing=old), v.__getitem__)
    alone = [reached_by_majority(group, v.__getitem__) for group in (new, old)]
    assert both == min(alone)


@given(voters, votes)
def test_result_is_open_until_nothing_can_change_it(
    group: frozenset[str], cast: dict[str, bool]
) -> None:
    """Won or lost is what no missing vote can change; open is what they can."""
    missing = [name for name in group if name not in cast]
    best = majority_result(group, cast | dict.fromkeys(missing, True))
    worst = majority_result(group, cast | dict.fromkeys(missing, False))
    assert VoteResult.OPEN not in (best, worst)
    expected = best if best is worst else VoteResult.OPEN
    assert majority_result(group, cast) is expected


@given(voters, voters, votes)
def test_joint_vote_needs_both(
    new: frozenset[str], old: frozenset[str], cast: dict[str, bool]
) -> None:
    """Lost by one set is lost; won only by both."""
    results = {majority_result(new, cast), majority_result(old, cast)}
    found = vote_result(Configuration(voters=new, outgoing=old), cast)
    if VoteResult.LOST in results:
        assert found is VoteResult.LOST
    else:
        assert (found is VoteResult.WON) == (results == {VoteResult.WON})


def test_nobody_holds_nobody_back() -> None:
    """An empty set of voters agrees to everything."""
    assert reached_by_majority((), lambda name: 0) == UNBOUNDED
    assert majority_result((), {}) is VoteResult.WON
