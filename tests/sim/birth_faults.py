"""Faults against the birth of a cluster: by chance from a seed, and at every single step.

A run ends well when nobody was ever in two clusters or groups (checked after each step by the
world) and, once the network is whole and the nodes are back, all are formed in one cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

import attrs

from cluster.birth.events import ClaimSlots, FormNow
from cluster.slots import SlotSet
from tests.sim.birth_nodes import Process
from tests.sim.birth_world import BirthWorld, Crash

_FAULTS_S = 90.0
_HEALING_S = 600.0


def run_seed(seed: int) -> BirthWorld:
    """Let chance do its worst for a while, then heal; everybody must be in one cluster."""
    rng = Random(seed)
    count = rng.randrange(3, 8)
    world = BirthWorld(count, seed=seed)
    numbers = set(world.processes)
    world.loss = rng.choice((0.0, 0.05, 0.3))
    world.duplication = rng.choice((0.0, 0.2))
    world.delay_max_s = rng.choice((0.01, 0.3, 3.0))
    world.save_max_s = rng.choice((0.01, 0.5, 4.0))
    crash_chance = rng.choice((0.0, 0.01, 0.05))
    is_over = False

    def before_step(process: Process, step: str) -> None:
        del step
        if not is_over and rng.random() < crash_chance:
            back_s = rng.choice((0.1, 5.0, 70.0)) * (0.5 + rng.random())
            world.after(back_s, lambda: _return(world, process.number))
            raise Crash

    world.before_step = before_step
    for _ in range(rng.randrange(4)):
        number = rng.choice(sorted(numbers))
        slots = SlotSet.span(number * 100, number * 100 + 99)
        world.after(rng.random() * 3, partial(world.tell, number, ClaimSlots(1, slots)))
    for _ in range(rng.randrange(2)):
        number = rng.choice(sorted(numbers))
        world.after(rng.random() * 30, partial(world.tell, number, FormNow(2)))
    try:
        end = _FAULTS_S * rng.random()
        while world.now < end:
            _next_fault(world, rng)
        is_over = True
        world.loss = world.duplication = 0.0
        world.delay_max_s = world.save_max_s = 0.01
        world.heal()
        for number in numbers:
            _return(world, number)
        world.run(_HEALING_S, until=lambda: world.is_settled(numbers))
        assert world.is_settled(numbers), "not all nodes ended in one cluster"
    except AssertionError as failure:
        raise AssertionError(f"seed {seed}: {failure}\n{world.story()}") from failure
    return world


def _next_fault(world: BirthWorld, rng: Random) -> None:
    numbers = sorted(world.processes)
    match rng.randrange(5):
        case 0:
            side = {n for n in numbers if rng.random() < 0.5}
            world.partition(side, set(numbers) - side)
        case 1:
            world.heal()
        case 2:
            number = rng.choice(numbers)
            world.crash(number)
            world.after(rng.choice((1.0, 10.0, 80.0)), lambda: _return(world, number))
        case _:
            pass
    world.run(rng.choice((0.5, 3.0, 20.0)) * rng.random())


def _return(world: BirthWorld, number: int) -> None:
    if world.processes[number].core is None:
        world.start(number)


@attrs.frozen
class CrashPoint:
    """The step of a node at which it crashes, counted from its start."""

    number: int
    step: int


def crash_points(count: int) -> list[CrashPoint]:
    """Every step of every node in an undisturbed birth of `count` nodes."""
    world = BirthWorld(count)
    steps = dict.fromkeys(world.processes, 0)

    def before_step(process: Process, step: str) -> None:
        del step
        steps[process.number] += 1

    world.before_step = before_step
    world.run(30, until=lambda: world.is_settled(set(world.processes)))
    return [CrashPoint(n, step) for n, total in steps.items() for step in range(1, total + 1)]


def run_crash(count: int, point: CrashPoint, *, back_s: float | None) -> BirthWorld:
    """Crash a node at this step; it comes back after so many seconds, or never (None)."""
    world = BirthWorld(count)
    taken = 0

    def before_step(process: Process, step: str) -> None:
        nonlocal taken
        del step
        if process.number == point.number:
            taken += 1
            if taken == point.step:
                if back_s is not None:
                    world.after(back_s, lambda: _return(world, point.number))
                raise Crash

    world.before_step = before_step
    numbers = set(world.processes)
    waited = numbers if back_s is not None else numbers - {point.number}
    try:
        world.run(_HEALING_S, until=lambda: taken >= point.step and world.is_settled(waited))
        assert world.is_settled(waited), "not all nodes ended in one cluster"
    except AssertionError as failure:
        raise AssertionError(f"{point} back={back_s}: {failure}\n{world.story()}") from failure
    return world


def all_crashes(count: int, back_s: float | None) -> Iterator[BirthWorld]:
    """Run every crash point."""
    for point in crash_points(count):
        yield run_crash(count, point, back_s=back_s)
