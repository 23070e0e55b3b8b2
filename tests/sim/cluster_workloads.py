"""What people ask of a cluster while things go wrong, as a story of faults says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cluster.control import requests as r
from cluster.control.options import ControlOptions
from cluster.map.values import ClusterMap, MemberState
from cluster.slots import SLOT_COUNT, SlotSet
from tests.sim.cluster_faults import Faults, Recurring
from tests.sim.cluster_world import SimulatedMachine, World

#: A cluster does not get smaller than this by decommissions.
_MEMBERS_MIN = 3
_MACHINES_MAX = 14
#: Keys are put into these slots.
_BUSY_SLOTS = 600
#: How often, and for how long, slots are written to that are about to be moved by hand.
_WRITES_PER_MOVE = 12
_MOVE_S = 0.4


class Workloads:
    """Asks until `end`."""

    def __init__(
        self, world: World, faults: Faults, options: Callable[[], ControlOptions]
    ) -> None:
        self._world = world
        self._network = world.network
        self._random = world.random
        self._faults = faults
        self._options = options
        self._is_over = False
        self._works: dict[str, Callable[[], None]] = {
            "join": self._join,
            "drain": self._drain,
            "weight": self._weight,
            "slots": self._slots,
            "settings": self._settings,
            "decommission": self._decommission,
            "config": self._config,
            "keys": self._keys,
        }

    def begin(self) -> None:
        """Ask from now on."""
        for recurring in self._faults.recurring:
            if recurring.name in self._works:
                self._arm(recurring)

    def end(self) -> None:
        """Ask no more."""
        self._is_over = True

    def _arm(self, recurring: Recurring) -> None:
        self._network.after(
            self._random.uniform(*recurring.every_s), partial(self._work, recurring)
        )

    def _work(self, recurring: Recurring) -> None:
        if self._is_over:
            return
        self._works[recurring.name]()
        self._arm(recurring)

    def _member(self) -> tuple[SimulatedMachine, ClusterMap] | None:
        """A running node with a map, to ask."""
        formed = [m for m in self._world.running() if m.map is not None]
        if not formed:
            return None
        machine = self._random.choice(formed)
        assert machine.map is not None
        return machine, machine.map

    def _join(self) -> None:
        if len(self._world.machines) >= _MACHINES_MAX:
            return
        found = self._member()
        machine = self._world.add(self._options())
        if found is not None:
            self._meet(machine, found[0])

    def _meet(self, machine: SimulatedMachine, other: SimulatedMachine) -> None:
        if machine.process is not None and machine.map is None:
            self._world.ask(machine, r.Meet((other.port.endpoint,)))
        if machine.map is None:
            self._network.after(5.0, partial(self._meet, machine, other))

    def _drain(self) -> None:
        self._ask_about_member(lambda node, state: (
            r.Activate(node) if state is not MemberState.ACTIVE else r.Drain(node)
        ))  # fmt: skip

    def _weight(self) -> None:
        weight = self._random.choice((0.5, 1.0, 2.0))
        self._ask_about_member(lambda node, state: r.SetWeight(node, weight))

    def _decommission(self) -> None:
        found = self._member()
        if found is not None and len(found[1].members) > _MEMBERS_MIN:
            self._ask_about_member(lambda node, state: r.Decommission(node))

    def _ask_about_member(self, make: Callable[..., r.Request]) -> None:
        found = self._member()
        if found is not None:
            machine, cluster_map = found
            node = self._random.choice(sorted(cluster_map.members))
            self._world.ask(machine, make(node, cluster_map.members[node].state))

    def _slots(self) -> None:
        found = self._member()
        if found is None:
            return
        machine, cluster_map = found
        node = self._random.choice(sorted(cluster_map.members))
        first = self._random.randrange(_BUSY_SLOTS // 2, SLOT_COUNT)
        last = min(SLOT_COUNT - 1, first + self._random.randrange(5))
        self._world.ask(machine, r.MoveSlots(SlotSet.span(first, last), node))
        # Just while the move is decided, somebody writes to those very slots.
        for _ in range(_WRITES_PER_MOVE):
            delay_s = self._random.uniform(0.0, _MOVE_S)
            self._network.after(delay_s, partial(self._write_everywhere, first))

    def _settings(self) -> None:
        found = self._member()
        if found is not None:
            value = str(self._random.randrange(1000))
            self._world.ask(found[0], r.SetSetting("color", value))

    def _config(self) -> None:
        found = self._member()
        if found is not None:
            self._world.ask(found[0], r.BumpEpoch())

    def _keys(self) -> None:
        """Some slot gets a key, at the node that leads it by its own map."""
        self._write_everywhere(self._random.randrange(_BUSY_SLOTS))

    def _write_everywhere(self, slot: int) -> None:
        for machine in self._world.running():
            is_awake = self._network.now >= machine.paused_until
            if machine.map is None or not is_awake:
                continue
            if machine.data.add_key(slot, machine.map, machine.node):
                self._network.note(f"key {machine.name} {slot}")
