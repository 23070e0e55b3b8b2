"""What goes wrong, as a story of faults says; everything is undone at the end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.sim.cluster_faults import Faults, Recurring
from tests.sim.cluster_world import SimulatedMachine, World


class Nemeses:
    """Strikes and heals until `end`."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._network = world.network
        self._random = world.random
        self._faults = faults
        self._is_over = False
        self._strikes: dict[str, Callable[[float], None]] = {
            "kill": partial(self._kill, "kept"),
            "power": partial(self._kill, ""),
            "pause": self._pause,
            "partition": partial(self._divide, is_one_way=False),
            "oneway": partial(self._divide, is_one_way=True),
            "clog": self._clog,
        }

    def begin(self) -> None:
        """Strike from now on."""
        for recurring in self._faults.recurring:
            if recurring.name in self._strikes:
                self._arm(recurring)

    def end(self) -> None:
        """Strike no more and mend everything."""
        self._is_over = True
        self._network.heal()
        for machine in self._world.machines.values():
            if machine.process is None and not machine.stopped_for:
                self._world.start(machine)

    def _arm(self, recurring: Recurring) -> None:
        self._network.after(
            self._random.uniform(*recurring.every_s), partial(self._strike, recurring)
        )

    def _strike(self, recurring: Recurring) -> None:
        if self._is_over:
            return
        self._strikes[recurring.name](self._random.uniform(*recurring.lasts_s))
        self._arm(recurring)

    def _kill(self, mode: str, seconds: float) -> None:
        running = self._world.running()
        if not running:
            return
        machine = self._random.choice(running)
        mode = mode or self._random.choice(("dropped", "torn", "kept"))
        self._world.crash(machine, mode)
        self._network.after(seconds, partial(self._restart, machine))

    def _restart(self, machine: SimulatedMachine) -> None:
        if machine.process is None and not machine.stopped_for:
            self._world.start(machine)

    def _pause(self, seconds: float) -> None:
        running = self._world.running()
        if running:
            machine = self._random.choice(running)
            self._network.note(f"pause {machine.name} {seconds:.1f}")
            self._world.pause(machine, seconds)

    def _divide(self, seconds: float, *, is_one_way: bool) -> None:
        numbers = [machine.port.number for machine in self._world.machines.values()]
        side = set(self._random.sample(numbers, self._random.randint(1, len(numbers) // 2)))
        self._network.note(f"divide {sorted(side)} {'one way' if is_one_way else ''}")
        self._network.divide(side, is_one_way=is_one_way)
        self._network.after(seconds, self._network.heal)

    def _clog(self, seconds: float) -> None:
        numbers = [machine.port.number for machine in self._world.machines.values()]
        pair = tuple(self._random.sample(numbers, 2))
        self._network.note(f"clog {pair}")
        way = (pair[0], pair[1])
        self._network.clogged.add(way)
        self._network.after(seconds, lambda: self._network.clogged.discard(way))
