"""Some metadata logs on a virtual network, with virtual journals; no tasks, no real time.

A journal takes saves in order and finishes them later; a crash loses what was not finished, but
for a random number of saves that reached the disk just before it. Membership is played by the
world: it tells everybody who runs, and what the newest epoch of somebody is. Everything random
comes from one seeded generator, so a seed replays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random

import attrs

from cluster.identity import Boot, ClusterId, Endpoint, NodeId
from cluster.journal.records import Record, RecordKind
from cluster.map.values import ClusterMap, Genesis, MapMember
from cluster.membership.events import EpochSeen, MemberView
from cluster.membership.facts import NodeFacts, Role
from cluster.membership.messages import MemberStatus
from cluster.metadata.events import (
    Formed,
    Hold,
    Input,
    LinkFailed,
    LogMessage,
    MapChanged,
    Members,
    MessageReceived,
    Propose,
    Result,
    Save,
    Saved,
    Send,
)
from cluster.metadata.metadata_log import MetadataLog
from cluster.metadata.options import MetadataOptions
from cluster.metadata.records import RecordFold, recover
from tests.sim.metadata_checkers import MetadataCheckers
from tests.sim.virtual_time import VirtualTime

CLUSTER = ClusterId("c0000000-0000-4000-8000-000000000000")
ROLES = Role.COORDINATOR | Role.REBALANCER


def node_id(number: int) -> NodeId:
    """The id of a numbered node."""
    return NodeId(f"00000000-0000-4000-8000-{number:012x}")


def endpoint_of(node: NodeId) -> Endpoint:
    """Where a numbered node listens."""
    return Endpoint(f"10.0.0.{int(node[-6:], 16)}", 7402)


def facts_of(node: NodeId) -> NodeFacts:
    """What a numbered node says of itself; each stands in a machine of its own."""
    return NodeFacts(machine=f"m{node[-2:]}", roles=ROLES)


def genesis_of(voters: int, members: int) -> Genesis:
    """A genesis of the first nodes, without partitions."""
    nodes = [node_id(number) for number in range(1, members + 1)]
    return Genesis(
        CLUSTER,
        nodes[0],
        tuple(nodes[:voters]),
        tuple(
            MapMember(node, endpoint_of(node), machine=f"m{node[-2:]}", roles=ROLES)
            for node in nodes
        ),
    )


@attrs.define
class NetworkOptions:
    """How bad network and disks are. Times in seconds."""

    loss: float = 0.02
    delay_max_s: float = 0.02
    straggler: float = 0.02
    disk_delay_max_s: float = 0.01


@attrs.define(eq=False)
class SimulatedNode:
    """One machine: what is in its journal, and the process if it runs."""

    node: NodeId
    journal: list[Record] = attrs.field(factory=list)
    saving: deque[Save] = attrs.field(factory=deque)
    written: RecordFold = attrs.field(factory=RecordFold)
    log: MetadataLog | None = None
    boot: int = 0
    changed_at: float = 0.0
    wake_at: float | None = None
    is_formed: bool = False


class MetadataWorld(VirtualTime):
    """Nodes, their network and the time."""

    def __init__(self, seed: int, options: MetadataOptions, network: NetworkOptions) -> None:
        super().__init__(100.0)
        self.random = Random(seed)
        self.options = options
        self.network = network
        self.nodes: dict[NodeId, SimulatedNode] = {}
        self.blocked: set[frozenset[NodeId]] = set()
        self.checkers = MetadataCheckers()
        self.results: dict[int, Result] = {}
        self.trace: Callable[[str], None] | None = None
        self._token = 0

    # Nodes.

    def add(self, number: int) -> SimulatedNode:
        """Put a machine there, with an empty journal, and start it."""
        node = SimulatedNode(node_id(number))
        self.nodes[node.node] = node
        self.start(node)
        return node

    def start(self, node: SimulatedNode) -> None:
        """Start the process from its journal."""
        assert node.log is None
        node.boot += 1
        node.changed_at = self.now
        node.written = RecordFold(recover(node.journal))
        node.log = MetadataLog(
            node.node,
            self.options,
            recover(node.journal),
            rng=Random(self.random.getrandbits(64)),
            now=self.now,
        )
        self._note(f"{node.node[-2:]} starts")
        self.tell(node, Members(self._views()))
        self._act(node)

    def crash(self, node: SimulatedNode) -> None:
        """Kill the process; of the unfinished saves only a random first part is on the disk.

        The last one of them may be there in part: a journal drops a torn end by records.
        """
        kept = self.random.randint(0, len(node.saving))
        self._note(f"{node.node[-2:]} crashes, {kept} of {len(node.saving)} saves were written")
        for _ in range(kept):
            node.journal += node.saving.popleft().records
        if node.saving:
            records = node.saving[0].records
            node.journal += records[: self.random.randint(0, len(records))]
        node.saving.clear()
        node.log = None
        node.wake_at = None
        node.changed_at = self.now
        self.checkers.crashed(node.node)

    def tell(self, node: SimulatedNode, event: Input) -> None:
        """Hand an event to a process, if it runs, and act on what it says."""
        if node.log is not None:
            node.log.handle(event, self.now)
            self._act(node)

    def hold(self, genesis: Genesis) -> None:
        """Let a genesis hold on all its voters, on each a little later."""
        for voter in genesis.voters:
            node = self.nodes[voter]
            self.after(self.random.uniform(0, 0.5), partial(self.tell, node, Hold(genesis)))

    def propose(self, node: SimulatedNode, propose: Callable[[int], Propose]) -> int:
        """Let a node propose something; return the token."""
        self._token += 1
        token = self._token
        event = propose(token)
        self.checkers.proposed(token, event.command)
        self.tell(node, event)
        return token

    def rewrite(self, node: SimulatedNode) -> None:
        """Write a journal anew, as its shell does when it has grown."""
        if node.log is not None and not node.saving:
            node.journal = node.log.records()
            node.written = RecordFold(recover(node.journal))

    def running(self) -> list[SimulatedNode]:
        """The nodes that run."""
        return [node for node in self.nodes.values() if node.log is not None]

    def leader(self) -> SimulatedNode | None:
        """The running leader of the highest term."""
        leaders = [node for node in self.running() if node.log and node.log.is_leader]
        return max(leaders, key=lambda n: n.log.status.term if n.log else 0, default=None)

    def newest(self) -> ClusterMap | None:
        """The newest map that anybody shows."""
        maps = [node.log.map for node in self.running() if node.log and node.log.map]
        return max(maps, key=lambda held: held.epoch, default=None)

    # Membership, as the world plays it.

    def gossip(self) -> None:
        """Tell a random node of a random other one's epoch, and everybody who runs."""
        running = self.running()
        for node in running:
            teller = self.random.choice(running)
            held = teller.log.map if teller.log else None
            is_cut = frozenset({node.node, teller.node}) in self.blocked
            if held is not None and teller is not node and not is_cut:
                endpoint = endpoint_of(teller.node)
                self.tell(node, EpochSeen(teller.node, endpoint, held.epoch, held.cluster))
            self.tell(node, Members(self._views()))
        self.after(0.2, self.gossip)

    def _views(self) -> tuple[MemberView, ...]:
        return tuple(self._view(node) for node in self.nodes.values())

    def _view(self, node: SimulatedNode) -> MemberView:
        held = node.log.map if node.log is not None else None
        return MemberView(
            node.node,
            endpoint_of(node.node),
            Boot(max(node.boot, 1), 1),
            0,
            held.cluster if held is not None else None,
            facts_of(node.node),
            MemberStatus.ALIVE if node.log is not None else MemberStatus.DEAD,
            node.changed_at,
        )

    # What a shell does with outputs.

    def _act(self, node: SimulatedNode) -> None:
        log = node.log
        assert log is not None
        for output in log.take():
            self._note(f"{node.node[-2:]}: {output}")
            if isinstance(output, Send):
                self._send(node.node, output)
            elif isinstance(output, Save):
                self._save(node, output)
            elif isinstance(output, MapChanged):
                self.checkers.map_changed(node.node, output.map)
            elif isinstance(output, Formed):
                node.is_formed = True
            else:
                assert isinstance(output, Result)
                self.results[output.token] = output
                self.checkers.result(output)
        log.check_invariants()
        self.checkers.look(node.node, log, node.written)
        self._schedule(node, log)

    def _save(self, node: SimulatedNode, save: Save) -> None:
        for record in save.records:
            if record.kind is RecordKind.RAFT_ENTRIES:
                self.checkers.entries_written(record, node.written)
            node.written.add(record)
        node.saving.append(save)
        if len(node.saving) == 1:
            self._start_saving(node)

    def _start_saving(self, node: SimulatedNode) -> None:
        delay = self.random.uniform(0.0005, self.network.disk_delay_max_s)
        self.after(delay, partial(self._finish_saving, node, node.boot))

    def _finish_saving(self, node: SimulatedNode, boot: int) -> None:
        if node.boot != boot or node.log is None:
            return
        save = node.saving.popleft()
        node.journal += save.records
        if node.saving:
            self._start_saving(node)
        self.tell(node, Saved(save.number))

    def _schedule(self, node: SimulatedNode, log: MetadataLog) -> None:
        deadline = log.deadline()
        if deadline is None:
            return
        due = max(deadline, self.now)
        if node.wake_at is not None and self.now < node.wake_at <= due:
            return
        node.wake_at = due
        self.after(due - self.now + 1e-9, partial(self._look, node, node.boot))

    def _look(self, node: SimulatedNode, boot: int) -> None:
        if node.boot != boot or node.log is None:
            return
        node.wake_at = None
        node.log.on_deadline(self.now)
        self._act(node)

    # Network.

    def _send(self, source: NodeId, output: Send) -> None:
        delay = self.random.uniform(0.0005, self.network.delay_max_s)
        if self.random.random() < self.network.straggler:
            delay += self.random.random()
        is_lost = self.random.random() < self.network.loss
        self.after(delay, partial(self._deliver, source, output, is_lost))

    def _deliver(self, source: NodeId, output: Send, is_lost: bool) -> None:
        target = self.nodes.get(output.node)
        is_cut = frozenset({source, output.node}) in self.blocked
        if is_lost or is_cut or target is None or target.log is None:
            if self.random.random() < 0.5:
                self.tell(self.nodes[source], LinkFailed(output.node))
            return
        assert output.endpoint == endpoint_of(output.node)
        message = output.message
        assert isinstance(message, LogMessage)
        self.tell(target, MessageReceived(source, endpoint_of(source), message))

    def _note(self, text: str) -> None:
        if self.trace:
            self.trace(f"{self.now:9.4f} {text}")
