"""Random histories of metadata logs under faults: `python -m tests.sim.metadata_simulation`.

A seed fixes everything: how many nodes, which of them are founders and voters, how bad network and
disks are, who crashes when, who is cut off, what is proposed where. Most of a history is trouble;
then everything heals, and all must agree on the newest map and run the log by the voters that the
rules ask for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

import attrs

from cluster.map.codec import map_digest
from cluster.map.commands import RemoveMember, SetMemberState, SetSetting
from cluster.map.values import MemberState
from cluster.metadata.events import Hold, Propose
from cluster.metadata.options import MetadataOptions
from cluster.metadata.voters import able_members
from tests.sim.metadata_world import MetadataWorld, NetworkOptions, SimulatedNode, genesis_of
from tests.sim.raft_checkers import Violation
from tests.sim.seeds import play_seeds

TROUBLE_S = 30.0
HEALED_S = 60.0


class MetadataSimulation:
    """One history, from a seed."""

    def __init__(self, seed: int) -> None:
        options = MetadataOptions(voter_dead_s=4.0, snapshot_entries=15, kept_entries=4)
        options = attrs.evolve(options, kept_changes=6)
        self.world = MetadataWorld(seed, options, NetworkOptions())
        self.random = self.world.random
        self.world.network = NetworkOptions(
            loss=self.random.choice((0.0, 0.02, 0.1)),
            delay_max_s=self.random.choice((0.005, 0.05, 0.15)),
            disk_delay_max_s=self.random.choice((0.01, 0.1, 0.3)),
        )
        self.count = self.random.randint(3, 8)
        members = self.random.randint(1, self.count)
        voters = 1 if members < 3 else 3 if members < 7 else 5
        for number in range(1, self.count + 1):
            self.world.add(number)
        self.genesis = genesis_of(voters, members)
        self.is_trouble = True
        self.kills = 0
        self._values = 0
        self._held_back: SimulatedNode | None = None

    def run(self) -> None:
        """Play the history.

        Raises:
            Violation: a promise was broken.
            AssertionError: an invariant inside was.
        """
        world = self.world
        world.hold(self.genesis)
        world.after(0.1, world.gossip)
        world.after(0.5, self._work)
        world.after(self.random.uniform(0.5, 5.0), self._strike)
        world.after(1.0, self._rewrite)
        world.run_for(TROUBLE_S)
        self._heal()
        self._check_convergence()
        world.checkers.check_once()

    # Work.

    def _work(self) -> None:
        world = self.world
        running = [node for node in world.running() if node.log and node.log.map]
        if running:
            node = self.random.choice(running)
            self._values += 1
            name, value = f"name{self._values % 3}", f"value{self._values}"
            chance = self.random.random()
            if chance < 0.9 or not self.is_trouble:
                command = SetSetting(name, value)
                world.propose(node, lambda token: Propose(token, command))
            else:
                self._change_member(node)
        world.after(self.random.uniform(0.02, 0.4), self._work)

    def _change_member(self, node: SimulatedNode) -> None:
        assert node.log is not None and node.log.map is not None
        members = node.log.map.members
        target = self.random.choice(sorted(members))
        if self.random.random() < 0.5 or len(members) < 3:
            state = self.random.choice(list(MemberState))
            change = SetMemberState(target, state)
            self.world.propose(node, lambda token: Propose(token, change))
        elif self.random.random() < 0.3:
            removal = RemoveMember(target)
            self.world.propose(node, lambda token: Propose(token, removal))

    def _rewrite(self) -> None:
        self.world.rewrite(self.random.choice(list(self.world.nodes.values())))
        self.world.after(self.random.uniform(0.2, 2.0), self._rewrite)

    # Faults.

    def _strike(self) -> None:
        if not self.is_trouble:
            return
        world = self.world
        chance = self.random.random()
        running = world.running()
        leader = world.leader()
        if chance < 0.5 and running:
            node = leader if leader and self.random.random() < 0.4 else self.random.choice(running)
            self.kills += 1
            world.crash(node)
            away = self.random.choice((0.05, 1.0, 3.0, 8.0))
            world.after(away, partial(self._restart, node))
        elif chance < 0.8:
            names = sorted(world.nodes)
            side = set(self.random.sample(names, self.random.randint(1, len(names) - 1)))
            world.blocked = {frozenset({a, b}) for a in side for b in names if b not in side}
            world.after(self.random.uniform(0.5, 5.0), world.blocked.clear)
        else:
            world.network.disk_delay_max_s = self.random.choice((0.01, 0.3, 1.0))
        world.after(self.random.uniform(0.2, 3.0), self._strike)

    def _restart(self, node: SimulatedNode) -> None:
        if node.log is None:
            self.world.start(node)
            self._hold_again(node)

    def _hold_again(self, node: SimulatedNode) -> None:
        """A genesis that holds is durable with the birth of the cluster, which tells it again."""
        if node.node in self.genesis.voters and node.log and node.log.map is None:
            self.world.tell(node, Hold(self.genesis))

    # The end.

    def _heal(self) -> None:
        self.is_trouble = False
        self.world.blocked.clear()
        self.world.network = NetworkOptions(loss=0.0, straggler=0.0)
        for node in self.world.nodes.values():
            self._restart(node)

    def _check_convergence(self) -> None:
        complaint = ""
        for _ in range(int(HEALED_S / 2)):
            self.world.run_for(2.0)
            complaint = self._complaint()
            if not complaint:
                return
        raise Violation(f"after everything healed, {complaint}")

    def _complaint(self) -> str:
        world = self.world
        leader, newest = world.leader(), world.newest()
        if leader is None or leader.log is None or newest is None:
            return "there is no leader"
        held = leader.log.map
        assert held is not None
        if leader.node in held.removed:
            return "the leader was removed"
        behind = [
            node.node
            for node in world.running()
            if node.node not in held.removed
            and (node.log is None or node.log.map is None or held.epoch - node.log.map.epoch > 20)
        ]
        if behind:
            return f"{behind} did not get the newest map of epoch {held.epoch}"
        left = [n for n in world.nodes if n not in held.members and n not in held.removed]
        if left:
            return f"{left} are no members"
        able = able_members(held)
        wanted = 5 if len(able) >= 7 else 3 if len(able) >= 3 else 1
        status = leader.log.status
        is_settled = len(status.voters) == wanted and not status.learners
        if not (is_settled and set(status.voters) <= able):
            return f"voters {status.voters}, learners {status.learners}, of {able}"
        return ""


def run_seed(seed: int, *, is_traced: bool = False) -> str:
    """Play one seed; return a line about it.

    Raises:
        AssertionError: something was broken; the message says how to replay it.
    """
    simulation = MetadataSimulation(seed)
    if is_traced:
        simulation.world.trace = print
    try:
        simulation.run()
    except AssertionError as error:
        replay = f"python -m tests.sim.metadata_simulation --seed {seed} --trace"
        raise AssertionError(f"{str(error) or repr(error)}; replay with: {replay}") from error
    world = simulation.world
    newest = world.newest()
    assert newest is not None
    return (
        f"seed {seed}: {simulation.count} nodes, {world.events_count} events, "
        f"{simulation.kills} kills, {len(world.checkers.leaders)} leaders, epoch {newest.epoch} "
        f"({map_digest(newest).hex()[:8]}), {world.checkers.applied_results} applied, "
        f"{world.checkers.unknown_results} unknown"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Play one seed or many."""
    return play_seeds(run_seed, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
