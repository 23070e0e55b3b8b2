"""Histories of a whole cluster under faults, from a seed and a story of faults.

    python -m tests.sim.cluster_simulation --seeds 1000            every story in turn
    python -m tests.sim.cluster_simulation --faults mixed --seed 7 --trace

A history is trouble for as long as the story says, then peace. During both the checkers look on;
at the end everybody has to agree. A violation prints the line that replays it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial

from attrs import frozen

from cluster.control.options import ControlOptions
from cluster.control.requests import AddSlots, Meet, SetConfigEpoch
from cluster.slots import SLOT_COUNT, SlotSet
from tests.sim.cluster_checkers import EverybodyAgrees, Violation
from tests.sim.cluster_faults import Faults, load, names
from tests.sim.cluster_nemeses import Nemeses
from tests.sim.cluster_network import Network
from tests.sim.cluster_workloads import Workloads
from tests.sim.cluster_world import SimulatedMachine, World

#: Small limits, so that snapshots, rewrites and replacements of voters happen in a short history.
_JOURNAL_REWRITE_BYTES = 20_000
#: For so long no map may have changed before the end is judged, and how long that may take.
_CALM_S = 10.0
_CALM_MAX_S = 600.0


@frozen
class Outcome:
    """What a history came to.

    Attributes:
        digest: everything that happened, in one number.
        epochs, terms: how many maps and how many leaders there were.
        formed_s: when the last of the first machines had a map; None if never.
    """

    seed: int
    faults: str
    digest: str
    events: int
    epochs: int
    terms: int
    formed_s: float | None


class Simulation:
    """One history."""

    def __init__(self, seed: int, name: str) -> None:
        self.seed, self.name = seed, name
        self.faults: Faults = load(name)
        self.network = Network(seed, self.faults.network)
        self.world = World(self.network, self.faults.disk_s)
        self.formed_s: float | None = None
        self._rng = self.network.random
        self._first: list[SimulatedMachine] = []

    def options(self) -> ControlOptions:
        """Options of every node of a history."""
        return ControlOptions(journal_rewrite_bytes=_JOURNAL_REWRITE_BYTES)

    def run(self) -> Outcome:
        """Play it.

        Raises:
            Violation: a promise was broken.
            AssertionError: an invariant inside a core was.
        """
        faults, network, world = self.faults, self.network, self.world
        count = faults.draw_nodes(self._rng)
        for _ in range(count):
            drift = self._rng.uniform(-faults.clock_drift, faults.clock_drift)
            self._first.append(world.add(self.options(), clock_rate=1.0 + drift))
        self._introduce()
        nemeses = Nemeses(world, faults)
        workloads = Workloads(world, faults, self.options)
        nemeses.begin()
        workloads.begin()
        self._watch_birth()
        network.run_until(faults.duration_s)
        nemeses.end()
        workloads.end()
        network.run_until(faults.duration_s + faults.settle_s)
        self._wait_calm()
        EverybodyAgrees().at_end(world.seen())
        return Outcome(
            self.seed,
            self.name,
            network.digest(),
            network.events_count,
            world.one_map.epochs,
            world.one_leader.terms,
            self.formed_s,
        )

    def _wait_calm(self) -> None:
        """Let moves of partitions that are under way come to their end."""
        epochs, end = -1, self.network.now + _CALM_MAX_S
        while epochs != self.world.one_map.epochs and self.network.now < end:
            epochs = self.world.one_map.epochs
            self.network.run_until(self.network.now + _CALM_S)

    def _introduce(self) -> None:
        """Let the first machines know of each other, as the story says."""
        if self.faults.start == "claims":
            share = SLOT_COUNT // len(self._first)
            for number, machine in enumerate(self._first):
                last = SLOT_COUNT - 1 if number == len(self._first) - 1 else None
                end = last if last is not None else (number + 1) * share - 1
                self.world.ask(machine, AddSlots(SlotSet.span(number * share, end)))
                self.world.ask(machine, SetConfigEpoch(number + 1))
        first = self._first[0]
        for number, machine in enumerate(self._first[1:]):
            # In either direction: who is asked and who asks must not matter.
            pair = (first, machine) if number % 2 else (machine, first)
            self.network.after(0.2, partial(self._introduce_again, *pair))

    def _introduce_again(self, one: SimulatedMachine, other: SimulatedMachine) -> None:
        """A person repeats CLUSTER MEET until both have a cluster.

        Who was killed before it had one has forgotten whom it met.
        """
        if (one.map is None or other.map is None) and one.process is not None:
            self.world.ask(one, Meet((other.port.endpoint,)))
        if self.network.now < self.faults.duration_s + self.faults.settle_s / 2:
            self.network.after(5.0, partial(self._introduce_again, one, other))

    def _watch_birth(self) -> None:
        machines = self._first
        if all(m.map is not None or m.process is None for m in machines):
            self.formed_s = self.network.now
            return
        self.network.after(0.1, self._watch_birth)


def run_seed(seed: int, name: str) -> Outcome:
    """Play one history."""
    return Simulation(seed, name).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Play histories; the exit code is 1 after a violation."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.sim.cluster_simulation",
        description="Play seeded histories of a cluster under faults.",
        epilog="example: python -m tests.sim.cluster_simulation --faults mixed --seed 7 --trace",
    )
    parser.add_argument("--faults", choices=names(), action="append", help="stories; default all")
    parser.add_argument("--seed", type=int, help="play this seed only")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds (default 20)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default 1)")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    given = parser.parse_args(arguments)
    stories = given.faults or names()
    seeds = (
        [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    )
    failures = 0
    started = time.perf_counter()
    for seed in seeds:
        name = stories[seed % len(stories)]
        simulation = Simulation(seed, name)
        if given.trace:
            simulation.network.print_line = lambda line: print(line)
        try:
            outcome = simulation.run()
        except AssertionError as failure:
            failures += 1
            kind = "violation" if isinstance(failure, Violation) else "broken invariant"
            sys.stderr.write(
                f"{kind} at {simulation.network.now:.3f} s: {failure}\n"
                f"  replay: python -m tests.sim.cluster_simulation --faults {name} "
                f"--seed {seed} --trace\n"
            )
            if given.seed is not None:
                raise
            continue
        formed = "-" if outcome.formed_s is None else f"{outcome.formed_s:.1f} s"
        sys.stdout.write(
            f"seed {seed:5} {name:10} {outcome.events:8} events, {outcome.epochs:4} maps, "
            f"{outcome.terms:3} leaders, formed after {formed}, {outcome.digest[:12]}\n"
        )
    took = time.perf_counter() - started
    sys.stdout.write(f"{len(list(seeds))} histories, {failures} violations, {took:.0f} s\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
