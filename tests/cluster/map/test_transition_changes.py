from __future__ import annotations

import pytest

from cluster.map.commands import (
    AbortTransition,
    AddMember,
    AdvanceTransition,
    AdvanceTransitions,
    BeginTransitions,
    PlannedChange,
    SetReplicates,
)
from cluster.map.values import ClusterMap, Placements, TransitionStep
from tests.cluster.map.maps import first_map, member, node_id, refusal, run

A, B, C, D = (node_id(i) for i in range(4))
TO_D: Placements = (("dc1", (D, A, B)),)


def begun() -> ClusterMap:
    """Three members with all data; partition 0 begins to move to D."""
    current = run(first_map(3), AddMember(member(3)))
    return run(current, BeginTransitions((PlannedChange(0, TO_D),), current.epoch))


def test_a_move_goes_step_by_step() -> None:
    """The old place holds up to STREAM, the new one from READ_NEW on; each step is an epoch."""
    current = begun()
    old = current.partitions[0].placements
    seen = []
    for step in TransitionStep:
        partition = current.partitions[0]
        assert partition.transition is not None
        assert step == partition.transition.step
        assert current.epoch == partition.epoch
        seen.append(partition.placements)
        current = run(current, AdvanceTransition(0, step))
    assert [old, old, old, TO_D, TO_D] == seen
    assert (current.partitions[0].transition, current.partitions[0].placements) == (None, TO_D)


@pytest.mark.parametrize("steps", range(5))
def test_there_is_a_way_back_until_reads_move(steps: int) -> None:
    """An abort restores the old place, from READ_NEW on it is refused."""
    current = begun()
    old = current.partitions[0].placements
    for step in tuple(TransitionStep)[:steps]:
        current = run(current, AdvanceTransition(0, step))
    if steps < 3:
        back = run(current, AbortTransition(0)).partitions[0]
        assert (old, None) == (back.placements, back.transition)
    else:
        assert "new place" in refusal(current, AbortTransition(0))


def test_several_moves_advance_in_one_commit() -> None:
    """Those that are elsewhere stay where they are; if all are, the command is refused."""
    current = run(first_map(3), AddMember(member(3)))
    changes = (PlannedChange(0, TO_D), PlannedChange(1, TO_D))
    current = run(current, BeginTransitions(changes, current.epoch))
    first = AdvanceTransition(0, TransitionStep.ALLOW_BOTH)
    second = AdvanceTransition(1, TransitionStep.ALLOW_BOTH)
    both = run(current, AdvanceTransitions((first, second)))
    assert current.epoch + 1 == both.epoch
    steps = [p.transition.step for p in both.partitions.values() if p.transition is not None]
    assert steps == [TransitionStep.WRITE_BOTH] * 2
    late = AdvanceTransition(1, TransitionStep.WRITE_BOTH)
    mixed = run(both, AdvanceTransitions((first, late)))
    transition = mixed.partitions[1].transition
    assert transition is not None and transition.step == TransitionStep.STREAM
    assert "not at ALLOW_BOTH" in refusal(both, AdvanceTransitions((first, second)))
    assert "no moves" in refusal(both, AdvanceTransitions(()))


def test_a_step_is_taken_once() -> None:
    """Who advances names the step; one that is over, or not there yet, is refused."""
    current = run(begun(), AdvanceTransition(0, TransitionStep.ALLOW_BOTH))
    assert "WRITE_BOTH" in refusal(current, AdvanceTransition(0, TransitionStep.ALLOW_BOTH))
    assert "WRITE_BOTH" in refusal(current, AdvanceTransition(0, TransitionStep.STREAM))
    assert "not moving" in refusal(current, AdvanceTransition(1, TransitionStep.ALLOW_BOTH))
    assert "not moving" in refusal(current, AbortTransition(1))
    assert "not moving" in refusal(current, AbortTransition(9999))


def test_a_plan_for_an_earlier_map_is_refused() -> None:
    """What it was computed from is no longer so."""
    current = begun()
    late = BeginTransitions((PlannedChange(1, TO_D),), current.epoch - 1)
    assert "moved on" in refusal(current, late)


@pytest.mark.parametrize(
    ("placements", "reason"),
    [
        ((), "nowhere"),
        ((("dc1", ()),), "nowhere"),
        ((("dc1", (A,)), ("dc2", ())), "no replicas"),
        ((("dc1", (A, A)),), "twice"),
        ((("dc1", (node_id(9),)),), "not a member"),
        ((("dc2", (A,)),), "not in datacenter"),
        ((("dc2", (A,)), ("dc1", (B,))), "order"),
    ],
)
def test_changes_that_make_no_sense(placements: Placements, reason: str) -> None:
    """A placement that could not stand is refused before anything begins to move."""
    current = begun()
    change = BeginTransitions((PlannedChange(1, placements),), current.epoch)
    assert reason in refusal(current, change)


def test_one_change_per_partition() -> None:
    """A moving partition, one named twice or one that is there already: all or none begin."""
    current = begun()
    good = PlannedChange(1, TO_D)
    same = PlannedChange(2, current.partitions[2].placements)
    for changes in ((), (good, good), (good, PlannedChange(0, TO_D)), (good, same)):
        assert refusal(current, BeginTransitions(changes, current.epoch))


def test_a_follower_that_is_moved_to_the_lead_follows_nobody() -> None:
    """It becomes a master when it leads, not before."""
    current = run(first_map(3), AddMember(member(3)), SetReplicates(D, A))
    number = current.partitions_led_by(B)[0].number
    change = PlannedChange(number, (("dc1", (D,)),))
    current = run(current, BeginTransitions((change,), current.epoch))
    for step in TransitionStep:
        assert (step <= TransitionStep.STREAM) == (current.members[D].replicates == A)
        current = run(current, AdvanceTransition(number, step))
    assert current.members[D].replicates is None
