"""A simulated world for the birth core: a network, disks, and stand-ins for what surrounds it.

Everything happens from one heap of timed events, so a seed replays exactly. Around each core stand
simple models of its neighbours:

* *membership*: a node sees who is up and can be reached, a moment later;
* *the metadata group*: a voter that holds a genesis appends one entry, and whoever knows of a
  majority with the entry has committed it. Appended entries are durable before they are counted,
  and what crashed in between was never counted, as in Raft;
* *the map*: kept per cluster, changed only by a node that reaches a majority of its voters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from cluster.birth.events import (
    Adopt,
    Answer,
    BirthMessage,
    ClusterFormed,
    ClusterLost,
    Contact,
    DissolveWanted,
    ForeignSeen,
    Hold,
    Input,
    MapNews,
    MembersChanged,
    Notice,
    Output,
    ProposeMerge,
    Release,
    Save,
    Saved,
    Send,
)
from cluster.birth.machine import Birth
from cluster.birth.options import BirthOptions
from cluster.birth.state import Stage
from cluster.identity import ClusterId
from cluster.map.commands import Dissolve, Freeze
from cluster.wire.messages import PeerMessage, decode_message, encode_message
from tests.sim.birth_nodes import (
    ClusterModel,
    FormedMessage,
    GroupMessage,
    Process,
    endpoint,
    node_id,
    view,
)
from tests.sim.virtual_time import VirtualTime

MAP_INTERVAL_S = 1.0


class Crash(Exception):
    """This node's process ends here."""


class BirthWorld(VirtualTime):
    """Nodes 1 to `count`, from a seed."""

    def __init__(self, count: int, *, seed: int = 1, options: BirthOptions | None = None) -> None:
        super().__init__()
        self.rng = Random(seed)
        self.options = options or BirthOptions()
        self.processes = {n: Process(n) for n in range(1, count + 1)}
        self.clusters: dict[ClusterId, ClusterModel] = {}
        self.loss = 0.0
        self.duplication = 0.0
        self.delay_max_s = 0.01
        self.save_max_s = 0.01
        self.cut: set[frozenset[int]] = set()
        self.trace: list[str] = []
        #: Called before each step of a node (an output, a finished save); may raise `Crash`.
        self.before_step: Callable[[Process, str], None] = lambda process, step: None
        for number in self.processes:
            self.start(number)
            self.after(MAP_INTERVAL_S * self.rng.random(), partial(self._map_tick, number))

    # Time.

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Let time pass, or until something holds."""
        if until is None or not until():
            self.run_for(seconds, until)

    # Processes.

    def start(self, number: int) -> None:
        """Start a node from its disk."""
        process = self.processes[number]
        process.life += 1
        process.group = None
        process.acknowledged = set()
        process.appended = set(process.entries)
        process.saving = []
        process.core = Birth(
            node_id(number),
            endpoint(number),
            recovered=tuple(process.journal),
            options=self.options,
            rng=Random(f"{self.rng.random()}"),
            now=self.now,
            has_data=process.has_data,
            holds_entries=lambda: (
                process.group is not None and process.group.identifier in process.appended
            ),
        )
        process.adopted = process.core.cluster
        self.trace.append(f"{self.now:.3f} {number} starts")
        self._views_change()
        self._settle(process)

    def crash(self, number: int) -> None:
        """End a process; some of the saves under way may have reached the disk, in order."""
        process = self.processes[number]
        if process.core is None:
            return
        kept = self.rng.randrange(len(process.saving) + 1)
        for save in process.saving[:kept]:
            process.journal.extend(save.records)
        process.core, process.saving = None, []
        process.group = None
        self.trace.append(f"{self.now:.3f} {number} crashes")
        self._views_change()

    def is_connected(self, a: int, b: int) -> bool:
        """Whether messages pass between two nodes that are up."""
        return frozenset((a, b)) not in self.cut

    def partition(self, *sides: set[int]) -> None:
        """Let messages pass within sides only."""
        side_of = {n: index for index, side in enumerate(sides) for n in side}
        numbers = sorted(self.processes)
        self.cut = {
            frozenset((a, b)) for a in numbers for b in numbers if side_of[a] != side_of[b]
        }
        self.trace.append(f"{self.now:.3f} partition {sides}")
        self._views_change()

    def heal(self) -> None:
        """Let everything pass."""
        self.cut = set()
        self._views_change()

    def tell(self, number: int, event: Input) -> None:
        """Give a core something, if it runs, and do what it says."""
        process = self.processes[number]
        if process.core is not None:
            process.core.handle(event, self.now)
            self._settle(process)

    # What surrounds a core.

    def _settle(self, process: Process) -> None:
        core = process.core
        assert core is not None
        try:
            while outputs := core.take():
                for output in outputs:
                    self.before_step(process, type(output).__name__)
                    self._act(process, output)
            core.check_invariants()
        except Crash:
            self.crash(process.number)
            return
        self.check_safety()
        deadline = core.deadline()
        if deadline is not None:
            life = process.life
            self.after(max(0.0, deadline - self.now) + 1e-6, lambda: self._wake(process, life))

    def _wake(self, process: Process, life: int) -> None:
        core = process.core
        if core is None or process.life != life:
            return
        deadline = core.deadline()
        if deadline is not None and deadline <= self.now:
            core.on_deadline(self.now)
            self._settle(process)

    def _act(self, process: Process, output: Output) -> None:
        match output:
            case Send(target, message):
                self._send(process.number, target.port - 7400, message)
            case Save():
                process.saving.append(output)
                life = process.life
                self.after(self.rng.random() * self.save_max_s, lambda: self._saved(process, life))
            case Hold(genesis):
                process.group = genesis
                process.acknowledged = set()
                self._append(process, genesis.identifier)
            case Release(cluster):
                if process.group is not None and process.group.identifier == cluster:
                    process.group = None
            case Adopt(cluster):
                process.adopted = cluster
                self._views_change()
            case Answer(token, answer):
                process.answers[token] = answer
            case ProposeMerge(command):
                self._apply(process, command)
            case Notice(_, text):
                self.trace.append(f"{self.now:.3f} {process.number}: {text}")
            case Contact() | DissolveWanted():
                pass  # everybody is in contact anyway

    def _saved(self, process: Process, life: int) -> None:
        """Make the oldest save durable, then tell the core: a crash may come between."""
        if process.core is None or process.life != life:
            return
        save = process.saving.pop(0)
        process.journal.extend(save.records)
        try:
            self.before_step(process, "saved")
        except Crash:
            self.crash(process.number)
            return
        self.tell(process.number, Saved(save.number))

    def _send(self, source: int, target: int, message: PeerMessage | GroupMessage) -> None:
        copies = 1 + (self.rng.random() < self.duplication)
        for _ in range(copies):
            if self.rng.random() >= self.loss:
                delay_s = self.rng.random() * self.delay_max_s
                self.after(delay_s, lambda: self._deliver(source, target, message))

    def _deliver(self, source: int, target: int, message: PeerMessage | GroupMessage) -> None:
        process = self.processes[target]
        if not self.is_connected(source, target) or process.core is None:
            return
        if isinstance(message, FormedMessage):
            self._formed_message(process, message)
        elif isinstance(message, GroupMessage):
            self._group_message(process, source, message)
        else:
            copy = decode_message(encode_message(message))
            self.tell(target, BirthMessage(node_id(source), endpoint(source), copy))

    def _views_change(self) -> None:
        """Membership notices a moment later, each node at a time of its own."""
        for number in self.processes:
            self.after(self.rng.random() * 0.5, partial(self._see, number))

    def _see(self, number: int) -> None:
        process = self.processes[number]
        if process.core is None:
            return
        seen = tuple(
            view(other.number, cluster=other.adopted, roles=other.roles)
            for other in self.processes.values()
            if other.core is not None
            and self.is_connected(number, other.number)
            # Two formed clusters do not see each other's members.
            and (None in (other.adopted, process.adopted) or other.adopted == process.adopted)
        )
        if seen != process.seen or process.life:
            process.seen = seen
            self.tell(number, MembersChanged(seen))

    # The metadata group and the map.

    def _append(self, process: Process, cluster: ClusterId) -> None:
        """Append the entry, durable a moment later; only then it counts."""
        life = process.life
        process.appended.add(cluster)

        def durable() -> None:
            group = process.group
            if process.life != life or process.core is None or group is None:
                return
            if group.identifier == cluster:
                process.entries.add(cluster)
                self._group_tick(process, life)

        self.after(self.rng.random() * self.save_max_s, durable)

    def _group_tick(self, process: Process, life: int) -> None:
        group = process.group
        if process.life != life or process.core is None or group is None:
            return
        if process.core.cluster is not None:
            return
        for node in group.voters:
            if node != node_id(process.number):
                self._send(process.number, int(node[-12:]), GroupMessage(group.identifier, False))
        self._commit(process)
        self.after(0.5, lambda: self._group_tick(process, life))

    def _group_message(self, process: Process, source: int, message: GroupMessage) -> None:
        group = process.group
        if group is None or group.identifier != message.cluster:
            return
        if message.cluster not in process.entries:
            return
        if message.is_reply:
            process.acknowledged.add(node_id(source))
            self._commit(process)
        else:
            self._send(process.number, source, GroupMessage(message.cluster, True))

    def _commit(self, process: Process) -> None:
        group, core = process.group, process.core
        assert group is not None and core is not None
        votes = process.acknowledged | {node_id(process.number)}
        if len(votes & set(group.voters)) > len(group.voters) // 2:
            members = {member.node for member in group.members}
            cluster = group.identifier
            self.clusters.setdefault(cluster, ClusterModel(group, members))
            if core.cluster is None:
                self.tell(process.number, ClusterFormed(cluster, frozenset(members)))

    def _reaches_majority(self, process: Process, model: ClusterModel) -> bool:
        """Whether this voter could commit something now."""
        voters = model.genesis.voters
        if node_id(process.number) not in voters:
            return False
        live = [
            node
            for node in voters
            if (other := self.processes[int(node[-12:])]).core is not None
            and self.is_connected(process.number, other.number)
            and model.genesis.identifier in other.entries | other.appended
            and other.core.cluster in (None, model.genesis.identifier)
        ]
        return len(live) > len(voters) // 2

    def _map_tick(self, number: int) -> None:
        """Spread the map, take nodes in, greet other clusters; once a second."""
        self.after(MAP_INTERVAL_S, lambda: self._map_tick(number))
        process = self.processes[number]
        core = process.core
        if core is None or process.adopted is None or core.cluster != process.adopted:
            return
        model = self.clusters[process.adopted]
        if model.dissolved_into is not None:
            self.tell(number, ClusterLost(model.genesis.identifier, model.dissolved_into))
            process.adopted = None if process.core is None else process.core.cluster
            self._views_change()
            return
        can_commit = self._reaches_majority(process, model)
        for other in self.processes.values():
            if other is process or other.core is None:
                continue
            if not self.is_connected(number, other.number):
                continue
            if other.adopted not in (None, process.adopted):
                foreign = ForeignSeen(endpoint(other.number), other.adopted)
                self.tell(number, foreign)
            is_free = other.core.cluster is None and other.core.undecided is None
            if can_commit and is_free and not other.has_data and not model.is_frozen:
                model.members.add(node_id(other.number))
                model.epoch += 1
            if other.core.cluster is None and node_id(other.number) in model.members:
                self._send(number, other.number, FormedMessage(model.genesis.identifier))
        if process.core is not None and process.core.cluster == model.genesis.identifier:
            self.tell(number, self._news(process, model, can_commit=can_commit))

    def _news(self, process: Process, model: ClusterModel, *, can_commit: bool) -> MapNews:
        members = tuple((n, endpoint(int(n[-12:]))) for n in sorted(model.members))
        able = [
            node_id(other.number)
            for other in self.processes.values()
            if other.core is not None
            and other.adopted == model.genesis.identifier
            and self.is_connected(process.number, other.number)
            and self._reaches_majority(other, model)
        ]
        leader = min(able, default=None)
        return MapNews(model.epoch, model.is_frozen, members, leader)

    def _apply(self, process: Process, command: object) -> None:
        assert process.core is not None
        cluster = process.core.cluster
        model = None if cluster is None else self.clusters.get(cluster)
        if model is None or not self._reaches_majority(process, model):
            return
        if isinstance(command, Dissolve):
            if model.is_frozen and model.dissolved_into is None:
                model.dissolved_into = command.into
        else:
            wanted = isinstance(command, Freeze)
            model.epoch += model.is_frozen != wanted
            model.is_frozen = wanted

    def _formed_message(self, process: Process, message: FormedMessage) -> None:
        model = self.clusters[message.cluster]
        if model.dissolved_into is None:
            event = ClusterFormed(message.cluster, frozenset(model.members))
            self.tell(process.number, event)

    # What must hold.

    def check_safety(self) -> None:
        """Nobody is in two clusters or groups; whoever is formed is in a committed cluster."""
        for process in self.processes.values():
            core = process.core
            if core is None:
                continue
            if core.cluster is not None:
                assert core.cluster in self.clusters, "formed before the log committed"
                assert node_id(process.number) in self.clusters[core.cluster].members
            if process.group is not None:
                own = (core.cluster, core.undecided)
                assert process.group.identifier in own, "a voter of a cluster that it left"
        for cluster, model in self.clusters.items():
            # A voter that acknowledged the entry of a formed cluster has not given it up.
            voters = [self.processes[int(node[-12:])] for node in model.genesis.voters]
            counted = [p for p in voters if cluster in p.entries]
            assert len(counted) > len(voters) // 2
            if model.dissolved_into is None:
                self._check_not_given_up(cluster, counted)

    def _check_not_given_up(self, cluster: ClusterId, voters: list[Process]) -> None:
        for process in voters:
            core = process.core
            if core is not None:
                assert cluster in (core.cluster, core.undecided), (
                    f"node {process.number} gave up {cluster} after its entry counted"
                )

    def is_settled(self, numbers: set[int]) -> bool:
        """Whether these nodes are all in one cluster."""
        cores = [self.processes[number].core for number in numbers]
        if any(core is None or core.stage is not Stage.FORMED for core in cores):
            return False
        return len({core.cluster for core in cores if core is not None}) == 1

    def story(self) -> str:
        """What happened, for a failed test."""
        stages = [
            f"{n}: {p.core.stage.value if p.core else 'down'} {p.core.cluster if p.core else ''}"
            for n, p in self.processes.items()
        ]
        return "\n".join([*self.trace[-80:], *stages])
