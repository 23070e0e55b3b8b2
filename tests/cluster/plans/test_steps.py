from __future__ import annotations

import attrs
import pytest

from cluster.map.commands import (
    AbortTransition,
    AddMember,
    AdvanceTransition,
    BeginTransitions,
    Freeze,
    MapCommand,
    PlannedChange,
    RemoveMember,
    SetMemberState,
    UnassignSlots,
)
from cluster.map.values import ClusterMap, MemberState, TransitionStep, is_write_held
from cluster.plans.steps import KeyReport, StepLimits, next_commands, next_steps
from cluster.slots import SLOT_COUNT, SlotSet
from tests.cluster.map.maps import first_map, member, node_id, run
from tests.cluster.plans.driving import commit_plan, counted

A, B, D = node_id(0), node_id(1), node_id(3)


def moving_lead() -> ClusterMap:
    """Partition 0 begins to move its lead to D."""
    current = run(first_map(3), AddMember(member(3)))
    change = PlannedChange(0, (("dc1", (D, A, B)),))
    return run(current, BeginTransitions((change,), current.epoch))


def leader(current: ClusterMap) -> str:
    """Who leads partition 0."""
    found = current.leader_of(0)
    assert found is not None
    return found


def test_a_lead_moves_by_two_counts() -> None:
    """Before writes go to both and after they are held: each time the old leader tells 0 keys."""
    current = moving_lead()
    old, asked = leader(current), []
    while current.partitions[0].transition is not None:
        steps = next_steps(current, {})
        if steps.counts:
            (question,) = steps.counts
            assert (old, current.epoch) == (question.node, question.epoch)
            assert current.partitions[0].slots == question.slots
            assert "has not told yet" in steps.waits[0]
            asked.append(current.partitions[0].transition.step)
        (command,) = next_commands(current, counted(current))
        current = run(current, command)
    assert asked == [TransitionStep.ALLOW_BOTH, TransitionStep.STREAM]
    assert leader(current) == D


def test_a_lead_with_keys_waits_at_the_start() -> None:
    """It holds nobody up, its writes are not held, and the text says how many keys there are."""
    current = moving_lead()
    steps = next_steps(current, counted(current, {0: 5}))
    assert (steps.commands, len(steps.counts)) == ((), 1)
    assert "5 keys" in steps.waits[0] and "replication" in steps.waits[0]
    assert not is_write_held(current.partitions[0], "dc1")


def test_nobody_waits_for_the_keys_of_a_node_that_was_given_up() -> None:
    """An operator has accepted their loss: the move goes on without a question."""
    current = moving_lead()
    leader = current.leader_of(0)
    assert leader is not None
    current = run(current, SetMemberState(leader, MemberState.LOST))
    steps = next_steps(current, {})
    assert AdvanceTransition(0, TransitionStep.ALLOW_BOTH) in steps.commands
    assert not [wanted for wanted in steps.counts if wanted.partition == 0]


@pytest.mark.parametrize("flaw", ["early", "of another node"])
def test_a_count_that_proves_nothing_is_not_believed(flaw: str) -> None:
    """One of an earlier map, where writes were not held, or of a node that did not lead."""
    current = moving_lead()
    for step in (TransitionStep.ALLOW_BOTH, TransitionStep.WRITE_BOTH):
        current = run(current, AdvanceTransition(0, step))
    good = counted(current)[0]
    assert [AdvanceTransition(0, TransitionStep.STREAM)] == next_commands(current, {0: good})
    flawed = {
        "early": attrs.evolve(good, epoch=current.epoch - 1),
        "of another node": attrs.evolve(good, node=D),
    }[flaw]
    steps = next_steps(current, {0: flawed})
    assert (steps.commands, len(steps.counts)) == ((), 1)


def test_a_key_that_came_in_between_ends_the_move() -> None:
    """Writes that add keys are not held for long: the move is given up, to be planned again."""
    current = moving_lead()
    for step in (TransitionStep.ALLOW_BOTH, TransitionStep.WRITE_BOTH):
        current = run(current, AdvanceTransition(0, step))
    assert is_write_held(current.partitions[0], "dc1")
    steps = next_steps(current, counted(current, {0: 1}))
    assert (AbortTransition(0),) == steps.commands
    assert "1 keys came in" in steps.waits[0]


def test_moves_that_leave_the_leader_wait_for_nothing() -> None:
    """Nothing is copied yet: replicas come and go without a count."""
    current = first_map(3)
    replicas = current.partitions[0].replicas("dc1")
    change = PlannedChange(0, (("dc1", replicas[:2]),))
    current = run(current, BeginTransitions((change,), current.epoch))
    for step in TransitionStep:
        steps = next_steps(current, {})
        assert ((AdvanceTransition(0, step),), ()) == (steps.commands, steps.counts)
        current = run(current, *steps.commands)
    assert next_steps(current, {}).commands == ()


def test_few_moves_are_under_way_at_a_time() -> None:
    """The others of the plan wait, by name, where nothing was done yet."""
    current = commit_plan(run(first_map(3), AddMember(member(3))))
    limits = StepLimits(transitions_max=2)
    steps = next_steps(current, counted(current), limits)
    assert len(steps.commands) == 2
    assert all("limit" in text for text in steps.waits.values())
    begun = run(current, *steps.commands)
    again = next_commands(begun, counted(begun), limits)
    assert [c.partition for c in steps.commands if isinstance(c, AdvanceTransition)] == [
        c.partition for c in again if isinstance(c, AdvanceTransition)
    ]


def test_moves_that_cannot_start_do_not_use_up_the_limit() -> None:
    """Those with keys are passed by."""
    current = commit_plan(run(first_map(3), AddMember(member(3))))
    moving = [n for n, p in sorted(current.partitions.items()) if p.transition is not None]
    keys = dict.fromkeys(moving[:20], 3)
    commands = next_commands(current, counted(current, keys), StepLimits(transitions_max=2))
    started = {c.partition for c in commands if isinstance(c, AdvanceTransition)}
    assert len(started) == 2
    assert all(
        number not in keys or current.leader_of(number) == _target_leader(current, number)
        for number in started
    )


def _target_leader(current: ClusterMap, number: int) -> str:
    return current.partitions[number].target[0][1][0]


def test_members_that_left_are_removed() -> None:
    """Once they hold nothing, and never the last one."""
    current = run(first_map(2), AddMember(member(3)), SetMemberState(D, MemberState.LEAVING))
    assert [RemoveMember(D)] == next_commands(current, {})
    current = run(current, SetMemberState(A, MemberState.LEAVING))
    assert [RemoveMember(D)] == next_commands(current, {})
    empty: list[MapCommand] = [
        UnassignSlots(SlotSet.span(0, SLOT_COUNT - 1)),
        SetMemberState(B, MemberState.LEAVING),
    ]
    assert [RemoveMember(A), RemoveMember(B)] == next_commands(run(current, *empty), {})


def test_a_frozen_cluster_takes_no_steps() -> None:
    """They would all be rejected."""
    assert next_steps(run(moving_lead(), Freeze()), {}).commands == ()


def test_reports_are_values() -> None:
    """Equal counts are equal."""
    assert KeyReport(0, 1, A) == KeyReport(0, 1, A)
