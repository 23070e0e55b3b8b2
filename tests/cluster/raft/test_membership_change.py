from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import MembershipChangeError
from cluster.raft.configuration import Configuration
from cluster.raft.events import ChangeMembership, Transition
from cluster.raft.membership_change import (
    ConfigurationHistory,
    leave_joint,
    next_configuration,
)
from cluster.raft.quorum import majority_of

THREE = Configuration.of("1", "2", "3")
names = st.lists(st.sampled_from("123456"), max_size=3, unique=True).map(tuple)


def change(**wanted: tuple[str, ...]) -> ChangeMembership:
    """A change without a choice of transition."""
    return ChangeMembership(token=1, **wanted)  # type: ignore[arg-type]  # names are node sets


def test_one_voter_more_or_less_takes_one_step() -> None:
    """Majorities of neighbouring sizes meet, so no joint configuration is needed."""
    assert next_configuration(THREE, change(voters=("4",))) == Configuration.of(*"1234")
    assert next_configuration(THREE, change(removed=("3",))) == Configuration.of("1", "2")
    demoted = Configuration.of("1", "2", learners=("3",))
    assert next_configuration(THREE, change(learners=("3",))) == demoted
    assert next_configuration(demoted, change(voters=("3",))) == THREE


def test_larger_changes_are_joint() -> None:
    """Both majorities decide; voters that become learners do so only afterwards."""
    joint = next_configuration(THREE, change(voters=("4", "5"), learners=("3",)))
    assert joint == Configuration(
        voters=frozenset("1245"),
        outgoing=frozenset("123"),
        learners_next=frozenset("3"),
        is_auto_leave=True,
    )
    assert leave_joint(joint) == Configuration.of(*"1245", learners=("3",))
    assert next_configuration(joint, change()) == leave_joint(joint)


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        (THREE, {}),
        (THREE, {"voters": ("1",)}),
        (THREE, {"removed": ("9",)}),
        (THREE, {"removed": ("1", "2", "3")}),
        (THREE, {"voters": ("4",), "learners": ("4",)}),
        (THREE, {"voters": ("4",), "removed": ("4",)}),
        (Configuration(voters=frozenset("1"), outgoing=frozenset("23")), {"voters": ("4",)}),
    ],
)
def test_senseless_changes_are_refused(
    current: Configuration, wanted: dict[str, tuple[str, ...]]
) -> None:
    """What contradicts itself, changes nothing or leaves nobody is refused with a reason."""
    with pytest.raises(MembershipChangeError, match=r"\w+"):
        next_configuration(current, change(**wanted))


@given(names, names, names, st.sampled_from(list(Transition)))
def test_majorities_before_and_after_always_meet(
    voters: tuple[str, ...],
    learners: tuple[str, ...],
    removed: tuple[str, ...],
    transition: Transition,
) -> None:
    """No change lets a majority of the new configuration decide without one of the old."""
    wanted = ChangeMembership(
        token=1, voters=voters, learners=learners, removed=removed, transition=transition
    )
    try:
        after = next_configuration(THREE, wanted)
    except MembershipChangeError:
        return
    after.check_invariants()
    if after.is_joint:
        assert after.outgoing == THREE.voters
        leave_joint(after).check_invariants()
    else:
        union = THREE.voters | after.voters
        smallest = majority_of(len(THREE.voters)) + majority_of(len(after.voters))
        assert smallest > len(union)


def test_history_falls_back_when_the_log_is_cut() -> None:
    """A configuration is in force as long as its entry is in the log."""
    history = ConfigurationHistory(0, THREE)
    four, five = Configuration.of(*"1234"), Configuration.of(*"12345")
    history.append(3, four)
    history.append(7, five)
    assert (history.current, history.at(6), history.at(2)) == (five, four, THREE)
    assert not history.truncate(8)
    assert history.truncate(7)
    assert (history.current, history.index) == (four, 3)
    history.forget_before(5)
    history.check_invariants()
    with pytest.raises(AssertionError):
        history.truncate(3)


def test_a_leaving_node_is_needed_until_its_leaving_is_committed() -> None:
    """Its log may be the only one that is good enough (thesis 4.2.2)."""
    history = ConfigurationHistory(0, THREE)
    history.append(3, Configuration.of("1", "2"))
    assert history.may_need("3", commit=2)
    assert not history.may_need("3", commit=3)
    assert history.may_need("1", commit=3)
    history.restart(9, Configuration.of("3"))
    assert history.may_need("3", commit=9)
