"""Random histories of a Raft group under faults: `python -m tests.sim.raft_simulation --seed N`.

A seed fixes everything: how many nodes, which options, how bad the network is, who crashes when,
who is cut off, which members come and go. Most of a history is trouble; then everything heals, and
the group must elect a leader, commit something new and converge.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cluster.raft import (
    Configuration,
    Propose,
    RaftOptions,
    Read,
    Snapshot,
    Wake,
)
from tests.sim.raft_checkers import Violation
from tests.sim.raft_faults import Faults
from tests.sim.raft_world import NetworkOptions, SimulatedNode, World
from tests.sim.seeds import play_seeds

TROUBLE_S = 20.0
HEALED_S = 8.0
CLOCK_DRIFT = 0.02


class Simulation:
    """One history, from a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.world = World(seed, RaftOptions(), NetworkOptions())
        self.random = self.world.random
        self.world.options = self._options()
        self.world.network = NetworkOptions(
            loss=self.random.choice((0.0, 0.02, 0.1)),
            duplication=self.random.choice((0.0, 0.02, 0.1)),
            delay_max_s=self.random.choice((0.005, 0.05, 0.15)),
        )
        self.world.disk_delay_max_s = self.random.choice((0.01, 0.1, 0.4))
        count = self.random.randint(3, 7)
        self.names = [f"n{number}" for number in range(1, count + 1)]
        voters = self.names[: self.random.randint(min(3, count), min(5, count))]
        for name in self.names:
            first = Configuration.of(*voters) if name in voters else Configuration()
            rate = 1.0 + self.random.uniform(-CLOCK_DRIFT, CLOCK_DRIFT)
            self.world.add(name, first, rate)
        self.faults = Faults(self.world, self.names)

    def _options(self) -> RaftOptions:
        chance = self.random.random
        is_check_quorum = chance() < 0.8
        return RaftOptions(
            is_pre_vote=chance() < 0.7,
            is_check_quorum=is_check_quorum,
            is_lease_reads=is_check_quorum and chance() < 0.5,
            is_forwarding=chance() < 0.5,
            append_bytes_max=self.random.choice((60, 400, 1 << 20)),
            inflight_messages_max=self.random.choice((1, 4, 64)),
            uncommitted_bytes_max=self.random.choice((1000, 1 << 20)),
            apply_bytes_max=self.random.choice((60, 1 << 20)),
            snapshot_timeout_s=2.0,
            hibernate_after_s=0.5 if chance() < 0.3 else None,
        )

    def run(self) -> None:
        """Play the history.

        Raises:
            Violation: a promise was broken.
            AssertionError: an invariant inside a core was.
        """
        self.world.after(0.1, self._propose)
        self.world.after(0.2, self._read)
        self.world.after(0.5, self.faults.strike)
        self.world.after(0.3, self._compact)
        self.world.after(1.0, self._suspect)
        self.world.run_until(TROUBLE_S)
        self._heal()
        self.world.run_until(TROUBLE_S + HEALED_S)
        self._check_convergence()

    # Work.

    def _propose(self) -> None:
        world = self.world
        name = self.random.choice(self.names)
        leader = world.leader()
        if leader is not None and self.random.random() < 0.6:
            name = leader.name
        for _ in range(self.random.choice((1, 1, 3))):
            token = world.token()
            world.tell(name, Propose(token, b"c%d" % token))
        world.after(self.random.uniform(0.01, 0.2), self._propose)

    def _read(self) -> None:
        world = self.world
        world.tell(self.random.choice(self.names), Read(world.token()))
        world.after(self.random.uniform(0.01, 0.1), self._read)

    def _compact(self) -> None:
        """Some node makes a snapshot of its state and drops entries before it."""
        node = self.world.nodes[self.random.choice(self.names)]
        disk, group = node.disk, node.group
        if group is not None and node.applied > disk.snapshot().index + 5 and not node.saving:
            term = disk.term_at(node.applied)
            if term is not None:
                configuration = group.configuration_at(node.applied)
                disk.set_snapshot(Snapshot(node.applied, term, configuration))
                disk.compact(node.applied - self.random.choice((0, 3)))
        self.world.after(self.random.uniform(0.1, 1.0), self._compact)

    def _suspect(self) -> None:
        """What a failure detector does for groups that hibernate."""
        for name in self.names:
            group = self.world.nodes[name].group
            if group is None or group.leader is None:
                continue
            if self.world.nodes[group.leader].group is None or self.random.random() < 0.1:
                self.world.tell(name, Wake())
        self.world.after(1.0, self._suspect)

    # The end.

    def _heal(self) -> None:
        self.faults.stop()
        self.world.network = NetworkOptions(loss=0.0, duplication=0.0, straggler=0.0)
        self.world.disk_delay_max_s = 0.01
        for name in self.names:
            self.faults.restart(name)

    def _check_convergence(self) -> None:
        """A removed node that does not know it may still disturb, so there are several tries."""
        complaint = ""
        for _ in range(20):
            complaint = self._complaint()
            if not complaint:
                return
        raise Violation(f"after everything healed, {complaint}")

    def _complaint(self) -> str:
        progress = self.world.checkers.commit_max
        self.world.run_until(self.world.now + 1.5)
        leader = self.world.leader()
        if leader is None or leader.group is None:
            return "there is no leader"
        if self.world.checkers.commit_max <= progress:
            return "nothing is committed"
        members = leader.group.configuration.members()
        behind = [name for name in members if self._lag_of(self.world.nodes[name]) > 50]
        return f"{behind} did not catch up" if behind else ""

    def _lag_of(self, node: SimulatedNode) -> int:
        return self.world.checkers.commit_max - node.applied


def run_seed(seed: int, *, is_traced: bool = False) -> str:
    """Play one seed; return a line about it.

    Raises:
        AssertionError: something was broken; the message says how to replay it.
    """
    simulation = Simulation(seed)
    if is_traced:
        simulation.world.trace = print
    try:
        simulation.run()
    except AssertionError as error:
        replay = f"python -m tests.sim.raft_simulation --seed {seed} --trace"
        raise AssertionError(f"{str(error) or repr(error)}; replay with: {replay}") from error
    world, leaders = simulation.world, simulation.world.checkers.leaders
    return (
        f"seed {seed}: {len(simulation.names)} nodes, {world.events_count} events, "
        f"{len(leaders)} leaders, commit {world.checkers.commit_max}, "
        f"{world.reads_count} reads, {world.snapshots_count} snapshots"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Play one seed or many."""
    return play_seeds(run_seed, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
