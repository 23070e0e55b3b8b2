"""A node whose plane, links and datagrams are in the hands of a test; its disk is simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import SimpleNamespace

import trio
from attrs import define, field, frozen

from cluster.control.heartbeats import PhiReading
from cluster.control.inputs import Input
from cluster.control.outputs import Output
from cluster.identity import Boot, Endpoint, NodeId
from cluster.journal.records import Record
from cluster.journal.state_directory import OpenedState, open_state, renew_state
from cluster.map.values import Claim, ClusterMap
from cluster.map.views import SlotView
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts
from cluster.membership.membership_table import TableBatch
from cluster.membership.messages import MemberStatus
from cluster.node import ClusterNode, NodeParts, peer_identity
from cluster.options import ClusterOptions, ShellOptions
from cluster.slots import SlotSet
from cluster.transport.statistics import LinkView
from cluster.wire.hello import PeerIdentity
from cluster.wire.messages import PeerMessage
from storage.blocking import BlockingRunner, run_inline
from tests.harness.crashable_files import CrashableFileSystem

OWN = Endpoint("127.0.0.1", 7400)
PEER = Endpoint("127.0.0.1", 7500)
PEER_ID = NodeId("bbbbbbbb-0000-4000-8000-000000000002")
OPTIONS = ClusterOptions(
    data_directory="simulated",
    listening=OWN,
    announced=OWN,
    shell=ShellOptions(request_timeout_s=15.0, leave_timeout_s=5.0),
)


def view_of(node: NodeId, endpoint: Endpoint = PEER) -> MemberView:
    """An alive member."""
    alive = MemberStatus.ALIVE
    return MemberView(node, endpoint, Boot(1, 1), 0, None, NodeFacts(), alive, changed_at=0.0)


@define(eq=False)
class ScriptedPlane:
    """A control plane that says what the test wants it to say."""

    state: OpenedState
    inputs: list[Input] = field(factory=list)
    times: list[float] = field(factory=list)
    outputs: list[Output] = field(factory=list)
    due: float | None = None
    deadlines: list[float] = field(factory=list)
    #: What it answers to an input.
    answer: Callable[[Input], Sequence[Output]] = field(default=lambda event: ())
    map: ClusterMap | None = None
    slot_view: SlotView | None = None

    def handle(self, event: Input, now: float) -> None:
        """Remember, and answer as told."""
        self.inputs.append(event)
        self.times.append(now)
        self.outputs += self.answer(event)

    def deadline(self) -> float | None:
        """As told."""
        return self.due

    def on_deadline(self, now: float) -> None:
        """Remember; there is no further one."""
        self.deadlines.append(now)
        self.due = None

    def take(self) -> Sequence[Output]:
        """What was put into `outputs`."""
        taken, self.outputs = self.outputs, []
        return taken

    def members(self) -> Sequence[MemberView]:
        """This node and a peer."""
        return [view_of(self.state.identity.node, OWN), view_of(PEER_ID)]

    def claims(self) -> Claim:
        """None."""
        return Claim(self.state.identity.node, SlotSet(), 0)

    def phi(self, now: float) -> Mapping[NodeId, PhiReading]:
        """None."""
        return {}

    def metadata_status(self) -> SimpleNamespace:
        """Something."""
        return SimpleNamespace(role="none")

    def statistics(self) -> SimpleNamespace:
        """Something."""
        return SimpleNamespace(stage="unformed")


@frozen
class ScriptedLink:
    """A link to the peer."""

    node: NodeId = PEER_ID
    endpoint: Endpoint = PEER
    is_outgoing: bool = True


@define(eq=False)
class MemoryPeers:
    """Links that only remember."""

    identity: PeerIdentity
    log: list[object]
    sent: list[tuple[Endpoint, PeerMessage]] = field(factory=list)
    flushes: int = 0
    due: float | None = None
    deadlines: list[float] = field(factory=list)
    is_closed: bool = False
    on_message: Callable[..., None] = field(init=False)
    on_link_up: Callable[..., None] = field(init=False)
    on_link_down: Callable[..., None] = field(init=False)
    on_dial_failed: Callable[..., None] = field(init=False)
    on_earlier_deadline: Callable[[], None] = field(init=False)

    def send(self, endpoint: Endpoint, message: PeerMessage) -> bool:
        """Remember."""
        self.sent.append((endpoint, message))
        self.log.append(message)
        return True

    def flush(self) -> None:
        """Count."""
        self.flushes += 1
        if self.log[-1:] not in ([], ["flush"]):
            self.log.append("flush")

    def deadline(self) -> float | None:
        """As told."""
        return self.due

    def on_deadline(self, now: float) -> None:
        """Remember."""
        self.deadlines.append(now)
        self.due = None

    def links(self) -> Sequence[LinkView]:
        """None."""
        return []

    def statistics(self) -> SimpleNamespace:
        """Something."""
        return SimpleNamespace(links_to=0)

    def renew(self, identity: PeerIdentity) -> None:
        """Remember."""
        self.identity = identity
        self.log.append("renewed")

    def close(self) -> None:
        """Remember."""
        self.is_closed = True


@define(eq=False)
class MemoryDatagrams:
    """Datagrams that only remember."""

    identity: PeerIdentity
    log: list[object]
    sent: list[tuple[Endpoint, bytes]] = field(factory=list)
    is_closed: bool = False
    on_datagram: Callable[..., None] = field(init=False)

    async def run(self) -> None:
        """Nothing comes by itself."""
        await trio.sleep_forever()

    def send(self, endpoint: Endpoint, payload: bytes) -> bool:
        """Remember."""
        self.sent.append((endpoint, payload))
        self.log.append(payload)
        return True

    def renew(self, identity: PeerIdentity) -> None:
        """Remember."""
        self.identity = identity

    def statistics(self) -> SimpleNamespace:
        """Something."""
        return SimpleNamespace(sent=len(self.sent))

    def close(self) -> None:
        """Remember."""
        self.is_closed = True


@define(eq=False)
class MemoryTable:
    """A membership table that only remembers."""

    batches: list[TableBatch] = field(factory=list)

    def write(self, batch: TableBatch) -> None:
        """Remember."""
        self.batches.append(batch)

    def close(self) -> None:
        """Nothing is open."""


@define(eq=False)
class ScriptedNode:
    """A node and everything around it.

    Attributes:
        planes: of each of its lives.
        log: what was sent, in order over links and datagrams, and when it was flushed.
        wakes: how often the reactor was woken.
    """

    options: ClusterOptions = OPTIONS
    run_blocking: BlockingRunner = run_inline
    files: CrashableFileSystem = field(factory=CrashableFileSystem)
    planes: list[ScriptedPlane] = field(factory=list)
    log: list[object] = field(factory=list)
    wakes: int = 0
    table: MemoryTable = field(factory=MemoryTable)
    rng: Random = field(factory=lambda: Random(1))
    node: ClusterNode = field(init=False)
    peers: MemoryPeers = field(init=False)
    datagrams: MemoryDatagrams = field(init=False)

    def __attrs_post_init__(self) -> None:
        state = open_state(self.files, self.rng)
        identity = peer_identity(self.options, state)
        self.peers = MemoryPeers(identity, self.log)
        self.datagrams = MemoryDatagrams(identity, self.log)
        parts = NodeParts(
            make_plane=self._make_plane,
            renew=self._renew,
            peers=self.peers,
            datagrams=self.datagrams,
            table=self.table,
            monotonic=trio.current_time,
            wall_ms=lambda: 1_700_000_000_000,
            wake=self._wake,
            run_blocking=self.run_blocking,
        )
        self.node = ClusterNode(self.options, state, parts)

    @property
    def plane(self) -> ScriptedPlane:
        """The plane of the present life."""
        return self.planes[-1]

    def say(self, *wishes: Output) -> None:
        """Let the plane want something now."""
        self.plane.outputs += wishes
        self.datagrams.on_datagram(PEER, b"wake")

    def _make_plane(self, state: OpenedState) -> ScriptedPlane:
        self.planes.append(ScriptedPlane(state))
        return self.plane

    def _renew(self, records: Sequence[Record]) -> OpenedState:
        return renew_state(self.files, records, self.rng)

    def _wake(self) -> None:
        self.wakes += 1
