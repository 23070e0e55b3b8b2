"""A few whole control planes on a network without faults: what the tests of the plane share."""

from __future__ import annotations

from collections.abc import Callable

from cluster.control.options import ControlOptions
from cluster.control.requests import Answer, Done, Meet, Request, RequestRefused
from cluster.map.values import ClusterMap
from tests.sim.cluster_network import Network, NetworkOptions
from tests.sim.cluster_world import SimulatedMachine, World

CALM = NetworkOptions(loss=0.0, duplication=0.0, delay_s=(0.0005, 0.002))


class CalmWorld:
    """So many fresh machines, which know nothing of each other."""

    def __init__(self, count: int, seed: int = 1, options: ControlOptions | None = None) -> None:
        self.network = Network(seed, CALM)
        self.world = World(self.network, (0.001, 0.005))
        self.options = options or ControlOptions()
        self.machines = [self.world.add(self.options) for _ in range(count)]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.network.run_until(self.network.now + seconds)

    def run_until(self, is_so: Callable[[], bool], within_s: float = 30.0) -> None:
        """Let time pass until it is so."""
        end = self.network.now + within_s
        while not is_so():
            assert self.network.now < end, "it did not come to be"
            self.run(0.1)

    def meet(self, *machines: SimulatedMachine) -> None:
        """Introduce machines to the first one of all, and wait until all have one map."""
        others = machines or tuple(self.machines[1:])
        for machine in others:
            self.ask(machine, Meet((self.machines[0].port.endpoint,)))
        self.run_until(self.is_agreed)

    def is_agreed(self) -> bool:
        """Whether all running machines hold the same map."""
        maps = [machine.map for machine in self.world.running()]
        first = maps[0]
        return first is not None and all(
            m is not None and (m.cluster, m.epoch) == (first.cluster, first.epoch) for m in maps
        )

    def ask(self, machine: SimulatedMachine, request: Request) -> Answer:
        """Ask and wait for the answer."""
        answers: list[Answer] = []
        self.world.ask(machine, request, answers.append)
        self.run_until(lambda: bool(answers))
        return answers[0]

    def must(self, machine: SimulatedMachine, request: Request) -> Done:
        """Ask for something that has to be granted."""
        answer = self.ask(machine, request)
        assert isinstance(answer, Done), answer
        return answer

    def refused(self, machine: SimulatedMachine, request: Request) -> str:
        """Ask for something that has to be refused; why it was."""
        answer = self.ask(machine, request)
        assert isinstance(answer, RequestRefused), answer
        return answer.text


def map_of(machine: SimulatedMachine) -> ClusterMap:
    """The map of a machine that must have one."""
    assert machine.map is not None, machine.name
    return machine.map
