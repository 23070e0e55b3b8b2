"""Whole control planes in a virtual world: the very cores, journals and codecs of a real node.

Each machine has a simulated disk, a clock of its own and, while its process runs, a
`ControlPlane`. Messages cross the network as their bytes; saves reach the disk in order, after a
while, in two steps (written, then synced), and only then count. A killed process leaves its disk
as it is; a power cut takes pages that were not synced, or tears them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random

from attrs import define, field

from cluster.control import inputs, outputs
from cluster.control.options import ControlOptions
from cluster.control.plane import ControlPlane
from cluster.control.requests import Answer, Request
from cluster.identity import Endpoint, NodeId
from cluster.journal.journal import Journal
from cluster.journal.records import Record, RecordKind
from cluster.journal.state_directory import OpenedState, open_state, renew_state
from cluster.map.values import ClusterMap, is_write_held
from cluster.map.views import SlotView
from cluster.membership.facts import NodeFacts
from cluster.slots import SlotSet
from cluster.wire.messages import decode_message, encode_message
from tests.harness.crashable_files import CrashableFileSystem
from tests.sim.cluster_checkers import (
    LogsMatch,
    MapsNeverGoBack,
    NoOrphans,
    OneLeaderPerTerm,
    OneMapPerEpoch,
    Seen,
    read_entries,
)
from tests.sim.cluster_network import Network, Port

#: Invariants of whole planes are looked at in every so many events: that costs milliseconds.
_CHECK_EVERY = 50


class SimulatedData:
    """The keys of one node by slot, and which slots it holds back; a `DataPort`.

    Attributes:
        keys: how many keys are in a slot; they are on disk and outlive crashes.
        held: slots that take no new keys, and the epoch of the map at which that began.
        is_lost: an operator has accepted that its keys are gone, so nobody looks for them.
    """

    def __init__(self) -> None:
        self.keys: dict[int, int] = {}
        self.held: dict[int, int] = {}
        self.is_lost = False

    def count_keys(self, slots: SlotSet) -> int:
        """See `DataPort.count_keys`."""
        return sum(count for slot, count in self.keys.items() if slot in slots)

    def holds_keys(self) -> bool:
        """See `DataPort.holds_keys`."""
        return any(self.keys.values())

    def hold_writes(self, slots: SlotSet, epoch: int) -> None:
        """See `DataPort.hold_writes`."""
        for slot in slots:
            self.held[slot] = max(epoch, self.held.get(slot, epoch))

    def held_now(self, current: ClusterMap, own: NodeId | None) -> set[int]:
        """Forget what a map has settled; the slots that are still held."""
        view = SlotView(current)
        for slot, epoch in list(self.held.items()):
            number = view.partition_of[slot]
            is_own = number is not None and view.leaders[slot] == own
            if not is_own or number is None or current.partitions[number].epoch > epoch:
                del self.held[slot]
        return set(self.held)

    def add_key(self, slot: int, current: ClusterMap, own: NodeId | None) -> bool:
        """Add a key as a server would, by its own map; whether it was taken."""
        view, home = SlotView(current), current.home_datacenter
        number = view.partition_of[slot]
        if number is None or view.leaders[slot] != own or current.is_frozen:
            return False
        is_moving = is_write_held(current.partitions[number], home)
        if is_moving or slot in self.held_now(current, own):
            return False
        self.keys[slot] = self.keys.get(slot, 0) + 1
        return True


@define(eq=False)
class Process:
    """One life of a node."""

    plane: ControlPlane
    journal: Journal
    node: NodeId
    waiting_saves: deque[outputs.Save] = field(factory=deque)
    is_saving: bool = False
    wake_at: float | None = None
    is_over: bool = False


@define(eq=False)
class SimulatedMachine:
    """One machine: its disk, its clock, and its process while it runs."""

    name: str
    port: Port
    facts: NodeFacts
    options: ControlOptions
    rng: Random
    disk: CrashableFileSystem = field(factory=CrashableFileSystem)
    data: SimulatedData = field(factory=SimulatedData)
    clock_rate: float = 1.0
    process: Process | None = None
    paused_until: float = 0.0
    inbox: deque[inputs.Input] = field(factory=deque)
    tokens: int = 0
    answers: dict[int, Callable[[Answer], None]] = field(factory=dict)
    stopped_for: str = ""
    node: NodeId | None = None
    map: ClusterMap | None = None
    was_sent_away: bool = False


class World:
    """Machines on a network."""

    def __init__(self, network: Network, disk_s: tuple[float, float]) -> None:
        self.network = network
        self.random = network.random
        self.machines: dict[str, SimulatedMachine] = {}
        self.one_map = OneMapPerEpoch()
        self.never_back = MapsNeverGoBack()
        self.one_leader = OneLeaderPerTerm()
        self.logs_match = LogsMatch()
        self.no_orphans = NoOrphans()
        self._disk_s = disk_s

    # Machines.

    def add(
        self, options: ControlOptions, *, clock_rate: float = 1.0, facts: NodeFacts | None = None
    ) -> SimulatedMachine:
        """Put a fresh machine there and start its process."""
        number = len(self.machines) + 1
        name = f"m{number}"
        endpoint = Endpoint(f"10.0.0.{number}", 7400)
        machine = self.machines[name] = SimulatedMachine(
            name,
            self.network.add(endpoint),
            facts or NodeFacts(machine=name),
            options,
            Random(self.random.getrandbits(64)),
            clock_rate=clock_rate,
        )
        self.start(machine)
        return machine

    def start(self, machine: SimulatedMachine) -> None:
        """Start a process from what the disk holds."""
        self._begin(machine, open_state(machine.disk, machine.rng))

    def _begin(self, machine: SimulatedMachine, state: OpenedState) -> None:
        assert machine.process is None, machine.name
        self.network.note(f"start {machine.name} {state.identity.node[:4]}")
        plane = ControlPlane(
            identity=state.identity,
            endpoint=machine.port.endpoint,
            facts=machine.facts,
            recovered=state.records,
            options=machine.options,
            data=machine.data,
            rng=Random(machine.rng.getrandbits(64)),
            now=self.local(machine),
        )
        machine.process = Process(plane, state.journal, state.identity.node)
        machine.node = state.identity.node
        machine.port.is_up = True
        machine.stopped_for = ""
        self._act(machine)

    def crash(self, machine: SimulatedMachine, mode: str) -> None:
        """End the process; the disk is then as `mode` says (kept, dropped or torn)."""
        process = machine.process
        if process is None:
            return
        self.network.note(f"crash {machine.name} {mode}")
        process.is_over = True
        process.journal.close()
        machine.process = None
        machine.port.is_up = False
        machine.inbox.clear()
        machine.answers.clear()
        machine.map = None
        machine.data.held.clear()
        machine.disk = machine.disk.crash_clone(machine.rng, mode)

    def pause(self, machine: SimulatedMachine, seconds: float) -> None:
        """Let the process stand still: what arrives waits, its timers are late."""
        machine.paused_until = max(machine.paused_until, self.network.now + seconds)
        self.network.at(machine.paused_until, partial(self._resume, machine, machine.process))

    def local(self, machine: SimulatedMachine) -> float:
        """The machine's own clock."""
        return 1000.0 + self.network.now * machine.clock_rate

    def running(self) -> list[SimulatedMachine]:
        """Machines whose process runs."""
        return [machine for machine in self.machines.values() if machine.process is not None]

    def _begin_anew(self, machine: SimulatedMachine, records: tuple[Record, ...]) -> None:
        """What a shell does for `Retire`: an empty journal, another id, another plane."""
        process = machine.process
        assert process is not None
        process.is_over = True
        process.journal.close()
        machine.process = None
        machine.was_sent_away = machine.was_sent_away or bool(records)
        self._begin(machine, renew_state(machine.disk, records, machine.rng))

    # What is asked, and what is seen.

    def ask(
        self,
        machine: SimulatedMachine,
        request: Request,
        on_answer: Callable[[Answer], None] = lambda answer: None,
    ) -> None:
        """Ask a running node something."""
        machine.tokens += 1
        machine.answers[machine.tokens] = on_answer
        self.network.note(f"ask {machine.name} {request}")
        self._feed(machine, machine.process, inputs.Asked(machine.tokens, request))

    def seen(self) -> list[Seen]:
        """What the running nodes show."""
        result = []
        for machine in self.running():
            assert machine.process is not None
            plane = machine.process.plane
            members = {m.node: m.status.name.lower() for m in plane.members()}
            result.append(Seen(plane.own_id, plane.map, members, machine.was_sent_away))
        return result

    # The shell of each process.

    def _feed(
        self, machine: SimulatedMachine, process: Process | None, event: inputs.Input
    ) -> None:
        if process is None or process.is_over or process is not machine.process:
            return
        if self.network.now < machine.paused_until:
            machine.inbox.append(event)
            return
        process.plane.handle(event, self.local(machine))
        self._act(machine)

    def _resume(self, machine: SimulatedMachine, process: Process | None) -> None:
        if process is None or process is not machine.process:
            return
        if self.network.now < machine.paused_until:
            return
        # As a real process does: timers that are due, then what waits in its sockets.
        self._on_deadline(machine, process)
        waiting, machine.inbox = machine.inbox, deque()
        for event in waiting:
            self._feed(machine, process, event)

    def _on_deadline(self, machine: SimulatedMachine, process: Process) -> None:
        if process.is_over or self.network.now < machine.paused_until:
            return
        process.wake_at = None
        process.plane.on_deadline(self.local(machine))
        self._act(machine)

    def _act(self, machine: SimulatedMachine) -> None:
        process = machine.process
        assert process is not None
        for output in process.plane.take():
            self._do(machine, process, output)
            if process.is_over:
                return
        self._watch_leader(process.plane)
        if self.network.events_count % _CHECK_EVERY == 0:
            process.plane.check_invariants()
        deadline = process.plane.deadline()
        if deadline is None:
            return
        when = max((deadline - 1000.0) / machine.clock_rate, self.network.now)
        if process.wake_at is None or when < process.wake_at:
            process.wake_at = when
            self.network.at(when + 1e-9, partial(self._wake, machine, process, when))

    def _wake(self, machine: SimulatedMachine, process: Process, when: float) -> None:
        if process.wake_at == when:
            self._on_deadline(machine, process)

    def _do(self, machine: SimulatedMachine, process: Process, output: outputs.Output) -> None:
        network, port = self.network, machine.port
        match output:
            case outputs.SendDatagram(endpoint, payload):
                datagram = inputs.DatagramReceived(port.endpoint, payload)
                network.send_datagram(
                    port, endpoint, payload, lambda: self._arrive(endpoint, datagram)
                )
            case outputs.SendMessage(endpoint, message):
                self._send(machine, process, endpoint, encode_message(message))
            case outputs.Save():
                self._watch_log(process.node, output)
                process.waiting_saves.append(output)
                self._save_next(machine, process)
            case outputs.Answered(token, answer):
                network.note(f"answer {machine.name} {answer}")
                machine.answers.pop(token)(answer)
            case outputs.MapChanged(cluster_map):
                machine.map = cluster_map
                self._map_changed(process, cluster_map)
                if cluster_map is not None and not machine.data.is_lost:
                    view = SlotView(cluster_map)
                    self.no_orphans.map_changed(process.node, machine.data.keys, view)
            case outputs.MemberNews(node, view, _):
                status = "forgotten" if view is None else view.status.name
                network.note(f"news {machine.name}: {node[:4]} {status}")
            case outputs.Notice(level, text):
                network.note(f"notice {machine.name} {level}: {text}")
            case outputs.Retire(reason, records):
                network.note(f"retire {machine.name}: {reason}")
                self._begin_anew(machine, records)
            case outputs.Stop(reason):
                network.note(f"stop {machine.name}: {reason}")
                self.crash(machine, "kept")
                machine.stopped_for = reason

    def _send(
        self, machine: SimulatedMachine, process: Process, endpoint: Endpoint, data: bytes
    ) -> None:
        event = inputs.MessageReceived(process.node, machine.port.endpoint, decode_message(data))
        self.network.send_message(
            machine.port,
            endpoint,
            data,
            deliver=lambda: self._arrive(endpoint, event),
            fail=lambda: self._feed(machine, process, inputs.LinkFailed(endpoint)),
        )

    def _arrive(self, endpoint: Endpoint, event: inputs.Input) -> None:
        for machine in self.machines.values():
            if machine.port.endpoint == endpoint:
                self._feed(machine, machine.process, event)
                return

    def _save_next(self, machine: SimulatedMachine, process: Process) -> None:
        if process.is_saving or not process.waiting_saves or process.is_over:
            return
        process.is_saving = True
        save = process.waiting_saves.popleft()
        delay_s = self.random.uniform(*self._disk_s)

        def write() -> None:
            if not process.is_over and not save.is_rewrite:
                process.journal.append(save.records)

        def sync() -> None:
            if process.is_over:
                return
            if save.is_rewrite:
                process.journal.rewrite(save.records)
            else:
                process.journal.sync()
            process.is_saving = False
            self.network.note(f"saved {machine.name} {save.number}")
            self._feed(machine, process, inputs.Saved(save.number))
            self._save_next(machine, process)

        self.network.after(delay_s / 2, write)
        self.network.after(delay_s, sync)

    # Checks while it runs.

    def _map_changed(self, process: Process, cluster_map: ClusterMap | None) -> None:
        shown = "none" if cluster_map is None else f"{cluster_map.cluster[:4]}:{cluster_map.epoch}"
        self.network.note(f"map {process.node[:4]} {shown}")
        self.never_back.map_changed(process.node, cluster_map)
        if cluster_map is not None:
            self.one_map.map_changed(process.node, cluster_map)

    def _watch_log(self, node: NodeId, save: outputs.Save) -> None:
        if any(record.kind is RecordKind.RAFT_SNAPSHOT for record in save.records):
            return  # entries behind a snapshot were seen when they were first written
        for record in save.records:
            if record.kind is RecordKind.RAFT_ENTRIES:
                cluster, entries = read_entries(record)
                self.logs_match.saved(node, cluster, entries)

    def _watch_leader(self, plane: ControlPlane) -> None:
        if plane.is_leader and plane.map is not None:
            term = plane.metadata_status().term
            self.one_leader.leads(plane.own_id, plane.map.cluster, term)
