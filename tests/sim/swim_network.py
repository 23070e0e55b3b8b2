"""A network for bare membership cores: an event heap, virtual time, and all that goes wrong.

Datagrams are lost, delayed and doubled; the reliable link is only delayed, or cut by a partition.
A slow node handles nothing while it stalls: what arrives waits, and its timers fire late, as in a
process that gets no processor. Everything is drawn from one seeded generator, so a seed replays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from attrs import define, frozen

from cluster.identity import Endpoint
from cluster.wire.frames import HEADER_BYTES
from cluster.wire.seal import OVERHEAD_BYTES
from tests.sim.virtual_time import VirtualTime

HEADERS_BYTES = 28 + OVERHEAD_BYTES  # IPv4 and UDP, and the seal
STREAM_HEADERS_BYTES = 40 + HEADER_BYTES  # IPv4 and TCP; what a link costs to keep is not counted


@frozen
class NetworkOptions:
    """What the network and the machines do.

    Attributes:
        loss: share of datagrams that never arrive.
        duplication: share of datagrams that arrive twice.
        delay_s: bounds of a one-way delay, drawn anew for each packet, so packets overtake.
        slow_share: share of nodes that stall again and again.
        stall_s: bounds of a stall.
        run_s: bounds of the time between two stalls.
    """

    loss: float = 0.0
    duplication: float = 0.0
    delay_s: tuple[float, float] = (0.0002, 0.002)
    slow_share: float = 0.0
    stall_s: tuple[float, float] = (0.1, 3.0)
    run_s: tuple[float, float] = (1.0, 5.0)


@define(eq=False)
class Machine:
    """One node's place in the network: up or down, until when it stalls, what it has sent.

    Heartbeats are counted apart: `sent_bytes` does not hold them.
    """

    endpoint: Endpoint
    is_up: bool = True
    is_slow: bool = False
    stalled_until: float = 0.0
    side: int = 0
    sent_bytes: int = 0
    sent_packets: int = 0
    heartbeat_bytes: int = 0


class Network(VirtualTime):
    """Time and the ways between machines."""

    def __init__(self, options: NetworkOptions, rng: Random) -> None:
        super().__init__()
        self.options = options
        self._rng = rng
        self._machines: dict[Endpoint, Machine] = {}
        self._blocked: set[tuple[int, int]] = set()

    def add(self, endpoint: Endpoint) -> Machine:
        """Put a machine into the network; an older one at the same endpoint is unplugged."""
        machine = Machine(endpoint)
        self._machines[endpoint] = machine
        return machine

    def make_slow(self, machine: Machine) -> None:
        """Let a machine stall from now on, again and again."""
        machine.is_slow = True

        def stall() -> None:
            machine.stalled_until = self.now + self._rng.uniform(*self.options.stall_s)
            self.at(machine.stalled_until + self._rng.uniform(*self.options.run_s), stall)

        self.at(self.now + self._rng.uniform(*self.options.run_s), stall)

    def divide(self, sides: Iterable[Iterable[Machine]], *, is_one_way: bool = False) -> None:
        """Cut the network into sides; one way: what the first side sends is lost."""
        for number, machines in enumerate(sides):
            for machine in machines:
                machine.side = number
        numbers = {machine.side for machine in self._machines.values()}
        self._blocked = {
            (a, b) for a in numbers for b in numbers if a != b and (not is_one_way or a == 0)
        }

    def heal(self) -> None:
        """Undo all divisions."""
        self._blocked = set()

    def send(
        self,
        source: Machine,
        target: Endpoint,
        *,
        size_bytes: int,
        is_stream: bool,
        deliver: Callable[[], None],
    ) -> None:
        """Carry a packet; `deliver` is called when the receiver gets to handle it."""
        options, random = self.options, self._rng.random
        source.sent_bytes += size_bytes + (STREAM_HEADERS_BYTES if is_stream else HEADERS_BYTES)
        source.sent_packets += 1
        copies = 1
        if not is_stream:
            if random() < options.loss:
                return
            copies += random() < options.duplication
        for _ in range(copies):
            low, high = options.delay_s
            when = self.now + low + random() * (high - low)
            self.at(when, lambda: self._arrive(source, target, deliver))

    def _arrive(self, source: Machine, target: Endpoint, deliver: Callable[[], None]) -> None:
        machine = self._machines.get(target)
        if machine is None or not machine.is_up:
            return
        if self._blocked and (source.side, machine.side) in self._blocked:
            return
        self.when_running(machine, deliver)

    def when_running(self, machine: Machine, action: Callable[[], None]) -> None:
        """Call `action` now, or when the machine's stall is over; never when it went down."""
        if machine.stalled_until > self.now:
            self.at(machine.stalled_until, lambda: self.when_running(machine, action))
        elif machine.is_up:
            action()
