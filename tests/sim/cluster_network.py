"""The world of whole control planes: one event heap, datagrams and links that fail, a trace.

Datagrams are lost, doubled and delayed, each by itself, so they overtake each other. A link keeps
its order; when the way is cut or the other end is gone, what is under way is lost and the sender
hears of it some time later, as with TCP. A clogged way delivers everything, much later.

All chance comes from one seeded generator and everything that happens is hashed, so that two runs
of a seed can be compared by one digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random

from attrs import define, field

from cluster.identity import Endpoint
from tests.sim.virtual_time import Action, VirtualTime


@define
class NetworkOptions:
    """How bad the network is; times in seconds, shares from 0 to 1."""

    loss: float = 0.02
    duplication: float = 0.01
    delay_s: tuple[float, float] = (0.0005, 0.02)
    clogged_s: tuple[float, float] = (0.5, 4.0)
    break_noticed_s: tuple[float, float] = (0.2, 3.0)


@define(eq=False)
class Port:
    """One machine's place in the network. `is_up`: a process listens there."""

    endpoint: Endpoint
    number: int
    is_up: bool = False
    sent_bytes: int = 0
    failing: set[Endpoint] = field(factory=set)


class Network(VirtualTime):
    """Time, ways and their faults."""

    def __init__(self, seed: int, options: NetworkOptions) -> None:
        super().__init__()
        self.random = Random(seed)
        self.options = options
        self.ports: dict[Endpoint, Port] = {}
        self.blocked: set[tuple[int, int]] = set()
        self.clogged: set[tuple[int, int]] = set()
        self.print_line: Callable[[str], None] | None = None
        self._digest = hashlib.sha256()
        self._link_free_at: dict[tuple[int, int], float] = {}

    def note(self, what: str, payload: bytes = b"") -> None:
        """Add to the trace of this run."""
        self._digest.update(f"{self.now:.9f} {what} ".encode())
        self._digest.update(payload)
        if self.print_line is not None:
            self.print_line(f"{self.now:10.4f} {what}")

    def digest(self) -> str:
        """Everything that has happened so far, in one number."""
        return self._digest.hexdigest()

    # Ways.

    def add(self, endpoint: Endpoint) -> Port:
        """Put a machine into the network."""
        port = self.ports[endpoint] = Port(endpoint, len(self.ports))
        return port

    def is_cut(self, source: int, target: int) -> bool:
        """Whether what one sends does not reach the other."""
        return (source, target) in self.blocked

    def divide(self, side: set[int], *, is_one_way: bool = False) -> None:
        """Cut off some machines from the others; one way: they are not heard, but hear."""
        rest = {port.number for port in self.ports.values()} - side
        for inner in side:
            for outer in rest:
                self.blocked.add((inner, outer))
                if not is_one_way:
                    self.blocked.add((outer, inner))

    def heal(self) -> None:
        """Undo all divisions and cloggings."""
        self.blocked.clear()
        self.clogged.clear()

    def send_datagram(
        self, source: Port, target: Endpoint, payload: bytes, deliver: Action
    ) -> None:
        """Carry a datagram, or lose it, or double it."""
        source.sent_bytes += len(payload)
        self.note(f"datagram {source.number}>{target}", payload)
        copies = 1
        if self.random.random() < self.options.loss:
            copies = 0
        elif self.random.random() < self.options.duplication:
            copies = 2
        for _ in range(copies):
            self._carry(source, target, self._delay_s(source, target), deliver)

    def send_message(
        self,
        source: Port,
        target: Endpoint,
        payload: bytes,
        *,
        deliver: Action,
        fail: Action,
    ) -> None:
        """Carry a message over the link to `target`, in order, or break the link."""
        source.sent_bytes += len(payload)
        self.note(f"message {source.number}>{target}", payload)
        port = self.ports.get(target)
        if port is None or not self._is_link_possible(source, port):
            self._break(source, target, fail)
            return
        way = (source.number, port.number)
        arrives = max(
            self.now + self._delay_s(source, target), self._link_free_at.get(way, 0.0) + 1e-6
        )
        self._link_free_at[way] = arrives

        def arrive() -> None:
            if self._is_link_possible(source, port):
                deliver()
            else:
                self._break(source, target, fail)

        self.at(arrives, arrive)

    def _is_link_possible(self, source: Port, target: Port) -> bool:
        # A link needs both directions: acknowledgements of one come with the other.
        is_cut = self.is_cut(source.number, target.number) or self.is_cut(
            target.number, source.number
        )
        return source.is_up and target.is_up and not is_cut

    def _break(self, source: Port, target: Endpoint, fail: Action) -> None:
        """Tell the sender once that its link is gone."""
        if target in source.failing:
            return
        source.failing.add(target)

        def notice() -> None:
            source.failing.discard(target)
            if source.is_up:
                fail()

        self.after(self.random.uniform(*self.options.break_noticed_s), notice)

    def _carry(self, source: Port, target: Endpoint, delay_s: float, deliver: Action) -> None:
        port = self.ports.get(target)
        if port is None or self.is_cut(source.number, port.number):
            return

        def arrive() -> None:
            if port.is_up and not self.is_cut(source.number, port.number):
                deliver()

        self.after(delay_s, arrive)

    def _delay_s(self, source: Port, target: Endpoint) -> float:
        port = self.ports.get(target)
        if port is not None and (source.number, port.number) in self.clogged:
            return self.random.uniform(*self.options.clogged_s)
        return self.random.uniform(*self.options.delay_s)
