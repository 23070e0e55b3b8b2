"""A few Raft cores on a virtual network, with virtual disks and clocks; no tasks, no real time.

Time is a heap of events. A disk takes saves in order and finishes them later; a crash loses what
was not finished, but for a random number of saves that reached the disk just before it (a save is
reported only afterwards). The state machine counts commands and is rebuilt after a crash from the
last snapshot and the log. Everything random comes from one seeded generator, so a seed replays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random

import attrs

from cluster.raft import (
    Applied,
    Configuration,
    Event,
    HardState,
    MemoryStableLog,
    NodeId,
    RaftGroup,
    RaftOptions,
    Read,
    Ready,
    Role,
    Saved,
    Snapshot,
    SnapshotReported,
)
from cluster.raft.messages import Message, SnapshotRequest
from tests.sim.raft_checkers import Checkers, terms_of_log
from tests.sim.virtual_time import VirtualTime


@attrs.define
class NetworkOptions:
    """How bad the network is. Times in seconds."""

    loss: float = 0.02
    duplication: float = 0.02
    delay_min_s: float = 0.001
    delay_max_s: float = 0.05
    straggler: float = 0.02
    straggler_s: float = 2.0


@attrs.define(eq=False)
class SimulatedNode:
    """One machine: what is on its disk, and the process if it runs."""

    name: NodeId
    disk: MemoryStableLog
    clock_rate: float = 1.0
    hard_state: HardState = HardState()
    group: RaftGroup | None = None
    saving: deque[Ready] = attrs.field(factory=deque)
    boot: int = 0
    applied: int = 0
    wake_at: float | None = None
    reads: dict[int, int] = attrs.field(factory=dict)


class World(VirtualTime):
    """Nodes, their network and the time."""

    def __init__(self, seed: int, options: RaftOptions, network: NetworkOptions) -> None:
        super().__init__()
        self.random = Random(seed)
        self.options = options
        self.network = network
        self.nodes: dict[NodeId, SimulatedNode] = {}
        self.disk_delay_max_s = 0.01
        self.checkers = Checkers()
        self.blocked: set[tuple[NodeId, NodeId]] = set()
        self.reads_count = 0
        self.snapshots_count = 0
        self.trace: Callable[[str], None] | None = None
        self._token = 0

    # Time.

    def local(self, node: SimulatedNode) -> float:
        """The node's own clock, which runs at its own rate."""
        return self.now * node.clock_rate

    # Nodes.

    def add(self, name: NodeId, configuration: Configuration, clock_rate: float = 1.0) -> None:
        """Put a machine there, with an empty disk and its first configuration."""
        disk = MemoryStableLog(Snapshot(0, 0, configuration))
        self.nodes[name] = SimulatedNode(name, disk, clock_rate)
        self.start(name)

    def start(self, name: NodeId) -> None:
        """Start the process from its disk."""
        node = self.nodes[name]
        assert node.group is None
        node.boot += 1
        node.applied = node.disk.snapshot().index
        node.group = RaftGroup(
            name,
            self.options,
            node.disk,
            hard_state=node.hard_state,
            applied=node.applied,
            random=Random(self.random.getrandbits(64)),
            now=self.local(node),
        )
        self._note(f"{name} starts at term {node.hard_state.term}")
        self.settle(node)

    def crash(self, name: NodeId) -> None:
        """Kill the process; of the unfinished saves only a random first part is on the disk."""
        node = self.nodes[name]
        kept = self.random.randint(0, len(node.saving))
        self._note(f"{name} crashes, {kept} of {len(node.saving)} saves reached its disk")
        for _ in range(kept):
            self._write(node, node.saving.popleft())
        node.saving.clear()
        node.reads.clear()
        node.group = None
        node.wake_at = None
        self.checkers._tips.pop(name, None)

    def tell(self, name: NodeId, event: Event) -> None:
        """Hand an event to a process, if it runs, and act on what it says."""
        node = self.nodes[name]
        if node.group is None:
            return
        if isinstance(event, Read):
            node.reads[event.token] = self.checkers.commit_max
        node.group.handle(event, self.local(node))
        self.settle(node)

    def token(self) -> int:
        """A new token for a request."""
        self._token += 1
        return self._token

    def leader(self) -> SimulatedNode | None:
        """The running leader of the highest term."""
        leaders = [n for n in self.nodes.values() if n.group and n.group.role is Role.LEADER]
        return max(leaders, key=lambda n: n.group.term if n.group else 0, default=None)

    # What a shell does with a Ready.

    def settle(self, node: SimulatedNode) -> None:
        """Take what the core says until it says no more."""
        group = node.group
        assert group is not None
        while True:
            readies = group.take()
            self._check(node, group)
            if not readies:
                break
            for ready in readies:
                self._act(node, group, ready)
        self._schedule(node, group)

    def _act(self, node: SimulatedNode, group: RaftGroup, ready: Ready) -> None:
        self._note(f"{node.name}: {ready}")
        log = group._state.log
        if ready.entries:
            term_before = log.term_at(ready.entries[0].index - 1)
            if term_before is not None:
                self.checkers.see_entries(ready.entries, term_before)
        if ready.leadership and ready.leadership.role is Role.LEADER:
            terms = terms_of_log(group, node.disk.first_index)
            self.checkers.see_leader(node.name, ready.leadership.term, terms)
        for message in ready.messages:
            self._send(message)
        if ready.is_saving or ready.messages_after_save:
            node.saving.append(ready)
            if len(node.saving) == 1:
                self._start_saving(node)
        for read in ready.reads:
            committed_before = node.reads.pop(read.token, 0)
            self.reads_count += 1
            self.checkers.see_read(node.name, read.index, committed_before)
        if ready.committed:
            self.checkers.see_applied(node.name, node.applied, ready.committed)
            node.applied = ready.committed[-1].index
            group.handle(Applied(node.applied), self.local(node))

    def _start_saving(self, node: SimulatedNode) -> None:
        boot = node.boot
        delay = (
            self.random.uniform(0.0005, self.disk_delay_max_s) if node.saving[0].is_saving else 0.0
        )
        self.after(delay, lambda: self._finish_saving(node, boot))

    def _finish_saving(self, node: SimulatedNode, boot: int) -> None:
        if node.boot != boot or node.group is None:
            return
        ready = node.saving.popleft()
        self._write(node, ready)
        for message in ready.messages_after_save:
            self._send(message)
        if node.saving:
            self._start_saving(node)
        if ready.is_saving:
            if ready.snapshot:
                node.applied = max(node.applied, ready.snapshot.index)
            node.group.handle(Saved(ready.number), self.local(node))
            self.settle(node)

    def _write(self, node: SimulatedNode, ready: Ready) -> None:
        if ready.snapshot:
            node.disk.install(ready.snapshot)
            self.snapshots_count += 1
        node.disk.append(ready.entries)
        if ready.hard_state:
            node.hard_state = ready.hard_state

    def _check(self, node: SimulatedNode, group: RaftGroup) -> None:
        group.check_invariants()
        log = group._state.log
        tip = self.checkers.tip_of(node.name)
        status = group.status()
        self.checkers.see_log_end(status, log.term_at(tip) if tip is not None else None)
        if status.role is Role.LEADER:
            self.checkers.remember_tip(node.name, status.term, log.last_index, log.last_term)

    def _schedule(self, node: SimulatedNode, group: RaftGroup) -> None:
        deadline = group.deadline()
        if deadline is None:
            return
        due = max(deadline / node.clock_rate, self.now)
        if node.wake_at is not None and self.now < node.wake_at <= due:
            return  # an earlier look is on its way
        node.wake_at = due
        boot = node.boot
        self.after(due - self.now + 1e-9, lambda: self._look(node, boot))

    def _look(self, node: SimulatedNode, boot: int) -> None:
        if node.boot != boot or node.group is None:
            return
        node.wake_at = None
        node.group.on_deadline(self.local(node))
        self.settle(node)

    # Network.

    def _send(self, message: Message) -> None:
        chance, network = self.random.random, self.network
        for _ in range(2 if chance() < network.duplication else 1):
            delay = self.random.uniform(network.delay_min_s, network.delay_max_s)
            if chance() < network.straggler:
                delay += chance() * network.straggler_s
            is_lost = chance() < network.loss
            self.after(delay, partial(self._deliver, message, is_lost))

    def _deliver(self, message: Message, is_lost: bool) -> None:
        is_cut = (message.source, message.target) in self.blocked
        target = self.nodes.get(message.target)
        is_there = not (is_lost or is_cut) and target is not None and target.group is not None
        if isinstance(message, SnapshotRequest) and self.random.random() < 0.8:
            report = SnapshotReported(message.target, is_there)
            self.after(0.01, lambda: self.tell(message.source, report))
        if is_there:
            self.tell(message.target, message)

    def _note(self, text: str) -> None:
        if self.trace:
            self.trace(f"{self.now:9.4f} {text}")
