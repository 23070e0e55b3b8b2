"""Carries plans out on a map, as the leader of the metadata log does, with made-up counts."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from cluster.map.state_machine import apply_command
from cluster.map.values import ClusterMap, TransitionStep
from cluster.plans.planning import make_cluster_plan
from cluster.plans.steps import TRANSITIONS_MAX, KeyReport, next_steps

ROUNDS_MAX = 4000


def counted(current: ClusterMap, keys: Mapping[int, int] | None = None) -> dict[int, KeyReport]:
    """What all old leaders tell under this map: no keys, except those given by partition."""
    reports = {}
    for number in current.partitions:
        leader = current.leader_of(number)
        assert leader is not None
        reports[number] = KeyReport((keys or {}).get(number, 0), current.epoch, leader)
    return reports


def under_way(current: ClusterMap) -> int:
    """How many moves have done something."""
    moves = [p.transition for p in current.partitions.values() if p.transition is not None]
    return sum(move.step > TransitionStep.ALLOW_BOTH for move in moves)


def carry_out(current: ClusterMap, rng: Random) -> ClusterMap:
    """Take steps in any order until none is left; every map on the way is sound."""
    most = max(TRANSITIONS_MAX, under_way(current))
    for _ in range(ROUNDS_MAX):
        steps = next_steps(current, counted(current))
        if not steps.commands:
            return current
        # Some commands are lost with the leader that proposed them; the next one starts anew.
        chosen = rng.sample(steps.commands, rng.randint(1, len(steps.commands)))
        for command in chosen:
            current, result = apply_command(current.published(), 0, command)
            assert result.is_applied, (command, result.text)
        assert under_way(current) <= most
        if rng.random() < 0.05:
            current.check_invariants()
    raise AssertionError("the moves do not end")


def commit_plan(current: ClusterMap) -> ClusterMap:
    """Apply what a plan made now proposes, with everybody live."""
    plan = make_cluster_plan(current, current.members)
    for command in plan.commands:
        current, result = apply_command(current.published(), 0, command)
        assert result.is_applied, (command, result.text)
    return current


def settle(current: ClusterMap, rng: Random) -> ClusterMap:
    """Plan and carry out until there is nothing to do; it takes few plans."""
    for _ in range(4):
        current = carry_out(current, rng)
        if make_cluster_plan(current, current.members).is_empty:
            return current
        current = commit_plan(current)
    raise AssertionError("there is always another plan")
