"""The shell of a node: carries the world's events to the control plane and its wishes back.

    run
    └─ nursery
       ├─ control task     inbox or deadline -> plane -> outputs, in their order
       ├─ journal task     saves -> disk -> Saved (one thread call at a time)
       ├─ datagram task    UDP -> inbox
       ├─ table task       member news -> SQLite (in a thread)
       └─ others           what the parts bring along (names that are looked up)

All rules are in the plane; here is only what waits. The control task is a plain Trio task, so it
runs between the ticks of the reactor, which reads the links: messages of the control plane arrive
within a tick and wait in the inbox, messages about data go straight to the attached handler. A
turn takes a bounded number of inputs, then acts, so gossip never holds up clients for long.

What may not happen before something is durable, the plane holds back until its `Saved`; a journal
that can't be written therefore silences the node without anything here knowing why.

`Retire` ends a life: the journal and the id are renewed in the thread, links and datagrams go on
under the new id, and a new plane begins. `Stop` ends the process.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import trio
from attrs import evolve, frozen

from cluster.control import outputs
from cluster.control.data_handler import DATA_MESSAGES, DataHandler
from cluster.control.heartbeats import PhiReading
from cluster.control.inputs import Asked, DatagramReceived, LinkFailed, MessageReceived
from cluster.control.requests import (
    Answer,
    ClusterRequestRefused,
    Done,
    Leave,
    Request,
    RequestRefused,
)
from cluster.errors import ClusterStopped
from cluster.identity import Endpoint, NodeId
from cluster.inbox import Inbox
from cluster.journal.records import Record
from cluster.journal.state_directory import OpenedState
from cluster.journal_writer import JournalWriter
from cluster.map.values import Claim, ClusterMap
from cluster.map.views import SlotView
from cluster.membership.events import MemberView
from cluster.membership_writer import MembershipWriter, Table
from cluster.metadata.status import MetadataStatus
from cluster.options import ClusterOptions
from cluster.ports import ControlMachine, DatagramPort, Peers
from cluster.statistics import ClusterStatistics, TableStatistics
from cluster.transport.link import Link
from cluster.transport.refusals import DUPLICATE
from cluster.transport.statistics import LinkView
from cluster.waiting_requests import RENEWED, STOPPED, OnAnswer, WaitingRequests
from cluster.wire.hello import PeerIdentity
from cluster.wire.messages import PeerMessage
from storage.blocking import BlockingRunner
from storage.wakeup import Wakeup

logger = logging.getLogger(__name__)

#: How often deadlines are looked at while a new life waits for the disk.
_RENEWAL_LOOK_S = 1.0


@frozen(kw_only=True)
class NodeParts:
    """What a node is put together from; `assembly` makes the real ones.

    Attributes:
        make_plane: makes the control plane of a life that is durable.
        renew: begins anew as another node that knows these records; blocks.
        peers: links, whose sockets the reactor reads.
        datagrams: the UDP socket.
        table: the membership table; None for none.
        background: further tasks that run as long as the node.
        monotonic: the clock of everything here, the reactor's.
        wall_ms: Unix milliseconds.
        wake: lets the reactor begin a tick, since clients may have been answered.
        run_blocking: calls journal and table in a thread.
    """

    make_plane: Callable[[OpenedState], ControlMachine]
    renew: Callable[[Sequence[Record]], OpenedState]
    peers: Peers
    datagrams: DatagramPort
    table: Table | None
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    monotonic: Callable[[], float]
    wall_ms: Callable[[], int]
    wake: Callable[[], None]
    run_blocking: BlockingRunner


class ClusterNode:
    """One node of a cluster, as the server above sees it; implements `ClusterPort`.

    Attributes:
        on_map_changed: called with the map that routes from now on, None for none.
        on_member_news: called with what membership says about a node.
    """

    def __init__(self, options: ClusterOptions, state: OpenedState, parts: NodeParts) -> None:
        """Put a node together that has opened its state; nothing is said before `run`."""
        self.on_map_changed: Callable[[ClusterMap | None], None] = lambda newer: None
        self.on_member_news: Callable[[outputs.MemberNews], None] = lambda news: None
        shell = options.shell
        self._options = options
        self._parts = parts
        self._peers, self._datagrams = parts.peers, parts.datagrams
        self._identity = state.identity
        self._plane = parts.make_plane(state)
        self._handler: DataHandler | None = None
        self._inbox = Inbox(count_max=shell.inbox_count_max, bytes_max=shell.inbox_bytes_max)
        self._wakeup = Wakeup()
        self._requests = WaitingRequests(shell.requests_max)
        self._journal = JournalWriter(
            state.journal, options.journal, run_blocking=parts.run_blocking
        )
        self._table: MembershipWriter | None = None
        if parts.table is not None:
            self._table = MembershipWriter(
                parts.table,
                self,
                run_blocking=parts.run_blocking,
                refresh_s=shell.table_refresh_s,
                retention_s=shell.table_retention_s,
            )
        self._retirement: outputs.Retire | None = None
        self._inputs = self._unclaimed = 0
        self._connect()

    def _connect(self) -> None:
        """Let the parts call this node."""
        self._journal.on_saved = self._saved
        self._datagrams.on_datagram = self._on_datagram
        self._peers.on_message = self._on_message
        self._peers.on_link_up = self._on_link_up
        self._peers.on_link_down = self._on_link_down
        self._peers.on_dial_failed = self._on_dial_failed
        self._peers.on_earlier_deadline = self._wakeup.ring

    # --- running ---

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be a node until cancelled; links and the UDP socket are closed at the end.

        Raises:
            ClusterStopped: in a group; this process must not go on.
        """
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._journal.run)
                nursery.start_soon(self._datagrams.run)
                if self._table is not None:
                    nursery.start_soon(self._table.run)
                for background in self._parts.background:
                    nursery.start_soon(background)
                logger.info(
                    "Node %s in its life %d, reached at %s",
                    self._identity.node,
                    self._identity.boot.generation,
                    self.endpoint,
                )
                task_status.started()
                self._act()
                await self._control()
        finally:
            self._requests.end(STOPPED)
            self._peers.close()
            self._datagrams.close()

    async def leave(self) -> None:
        """Tell the others that this process goes, for at most `leave_timeout_s`.

        Call it while `run` runs. A cancellation leaves without a word; others find out by probes.
        """
        with trio.move_on_after(self._options.shell.leave_timeout_s) as limit:
            try:
                await self.request(Leave())
            except ClusterRequestRefused as refusal:
                logger.warning("The other nodes could not be told of the stop: %s", refusal)
        if limit.cancelled_caught:
            logger.warning("Not all other nodes were told of the stop in time")

    async def _control(self) -> None:
        while True:
            if len(self._inbox):
                await trio.lowlevel.checkpoint()
            else:
                await self._wakeup.wait(self._patience_s())
            self._turn()
            if self._retirement is not None:
                await self._begin_anew(self._retirement)

    def _patience_s(self) -> float | None:
        """Return how long nothing has to be done."""
        known = (self._plane.deadline(), self._peers.deadline(), self._requests.deadline())
        earliest = min((when for when in known if when is not None), default=None)
        return None if earliest is None else max(0.0, earliest - self._parts.monotonic())

    def _turn(self) -> None:
        """Take in what has come, let time pass, and act."""
        plane, now = self._plane, self._parts.monotonic()
        for _ in range(min(len(self._inbox), self._options.shell.turn_inputs_max)):
            self._inputs += 1
            plane.handle(self._inbox.take(), now)
        due = plane.deadline()
        if due is not None and due <= now:
            plane.on_deadline(now)
        self._keep_deadlines(now)
        self._act()

    def _keep_deadlines(self, now: float) -> None:
        """Let links and requests run out that had their time."""
        due = self._peers.deadline()
        if due is not None and due <= now:
            self._peers.on_deadline(now)
        self._requests.expire(now)

    def _act(self) -> None:
        """Do what the plane asks for, in its order."""
        wishes = self._plane.take()
        for wish in wishes:
            self._act_on(wish)
        self._peers.flush()
        if wishes:
            self._parts.wake()

    def _act_on(self, wish: outputs.Output) -> None:
        match wish:
            case outputs.SendDatagram(endpoint, payload):
                self._datagrams.send(endpoint, payload)
            case outputs.SendMessage(endpoint, message):
                self._peers.send(endpoint, message)
            case outputs.Save():
                self._journal.save(wish)
            case outputs.Answered(token, answer):
                self._requests.answer(token, answer)
            case outputs.MapChanged(newer):
                self._change_map(newer)
            case outputs.MemberNews():
                self._tell_member_news(wish)
            case outputs.Notice(level, text):
                logger.log(level, "%s", text)
            case outputs.Retire():
                self._retirement = wish
            case outputs.Stop(reason):
                raise ClusterStopped(reason)

    def _change_map(self, newer: ClusterMap | None) -> None:
        cluster = None if newer is None else newer.cluster
        if self._peers.identity.cluster != cluster:
            self._peers.identity = evolve(self._peers.identity, cluster=cluster)
        self.on_map_changed(newer)
        if self._handler is not None:
            self._handler.on_map_changed()

    def _tell_member_news(self, news: outputs.MemberNews) -> None:
        if self._table is not None:
            if news.view is None:
                self._table.forgotten(news.node)
            else:
                self._table.changed(news.view)
        self.on_member_news(news)

    def _saved(self, number: int) -> None:
        self._inbox.saved(number)
        self._wakeup.ring()

    async def _begin_anew(self, retirement: outputs.Retire) -> None:
        """Become another node; what waits for the former one is given up."""
        self._inbox.clear()
        self._requests.end(RENEWED)
        former = self._plane
        renewed = trio.Event()
        states: list[OpenedState] = []

        def take(state: OpenedState) -> None:
            states.append(state)
            renewed.set()

        self._journal.renew(lambda: self._parts.renew(retirement.records), take)
        while not renewed.is_set():  # a disk that refuses makes it long, and others wait
            with trio.move_on_after(_RENEWAL_LOOK_S):
                await renewed.wait()
            self._keep_deadlines(self._parts.monotonic())
            self._peers.flush()
        (state,) = states
        self._identity = state.identity
        identity = evolve(
            self._peers.identity, node=self.own_id, boot=state.identity.boot, cluster=None
        )
        self._peers.renew(identity)
        self._datagrams.renew(identity)
        # What came for the former node meanwhile; requests of this node's own clients are new.
        self._inbox.drop_received()
        if self._table is not None:
            for member in former.members():
                self._table.forgotten(member.node)
        self._plane = self._parts.make_plane(state)
        self._retirement = None
        logger.warning("This is node %s from now on", self.own_id)
        self._act()

    # --- what the parts tell ---

    def _on_datagram(self, source: Endpoint, payload: bytes) -> None:
        if self._inbox.offer(DatagramReceived(source, payload)):
            self._wakeup.ring()

    def _on_message(self, link: Link, message: PeerMessage) -> None:
        if isinstance(message, DATA_MESSAGES):
            if self._handler is None:
                self._unclaimed += 1
            else:
                self._handler.on_message(link, message)
        elif self._inbox.offer(MessageReceived(link.node, link.endpoint, message)):
            self._wakeup.ring()

    def _on_link_up(self, link: Link) -> None:
        if self._handler is not None:
            self._handler.on_link_up(link)

    def _on_link_down(self, link: Link, reason: str) -> None:
        if link.is_outgoing:
            self._inbox.put(LinkFailed(link.endpoint))
            self._wakeup.ring()
        if self._handler is not None:
            self._handler.on_link_down(link)

    def _on_dial_failed(self, endpoint: Endpoint, reason: str) -> None:
        self._inbox.put(LinkFailed(endpoint, is_duplicate=reason == DUPLICATE))
        self._wakeup.ring()
        if self._handler is not None:
            self._handler.on_endpoint_failed(endpoint)

    # --- ClusterPort ---

    @property
    def own_id(self) -> NodeId:
        """This node; another one after a reset or a removal."""
        return self._identity.node

    @property
    def endpoint(self) -> Endpoint:
        """Where other nodes reach this one."""
        return self._options.announced

    def map(self) -> ClusterMap | None:
        """The newest map that this node holds; None while it belongs to no cluster."""
        return self._plane.map

    def slot_view(self) -> SlotView | None:
        """The same by slot; one object per epoch."""
        return self._plane.slot_view

    def members(self) -> Sequence[MemberView]:
        """All nodes that membership knows, this one too."""
        return self._plane.members()

    def claims(self) -> Claim:
        """The slots that this node was told to own while it belongs to no cluster."""
        return self._plane.claims()

    def phi(self) -> Mapping[NodeId, PhiReading]:
        """How long nodes have been silent, for those whose heartbeats this node gets."""
        return self._plane.phi(self._parts.monotonic())

    def metadata(self) -> MetadataStatus:
        """What is known of the metadata log."""
        return self._plane.metadata_status()

    def links(self) -> Sequence[LinkView]:
        """All links that are up."""
        return self._peers.links()

    async def request(self, request: Request) -> Done:
        """Ask for a change; returns when it is done. A cancellation does not take it back.

        Raises:
            ClusterRequestRefused: it is not done, or its outcome is unknown.
        """
        answered = trio.Event()
        answers: list[Answer] = []

        def take(answer: Answer) -> None:
            answers.append(answer)
            answered.set()

        self.request_nowait(request, take)
        await answered.wait()
        (answer,) = answers
        if isinstance(answer, RequestRefused):
            raise ClusterRequestRefused(answer.text, is_unknown=answer.is_unknown)
        return answer

    def request_nowait(self, request: Request, on_answer: OnAnswer) -> None:
        """Ask for a change; the answer is handed over when it comes, between two ticks."""
        expires_at = self._parts.monotonic() + self._options.shell.request_timeout_s
        token = self._requests.add(request, on_answer, expires_at)
        if token is not None:
            self._inbox.put(Asked(token, request))
            self._wakeup.ring()

    def attach(self, handler: DataHandler) -> None:
        """Let this handler have all messages about data from now on."""
        self._handler = handler

    def send(self, endpoint: Endpoint, message: PeerMessage) -> bool:
        """Queue a message on the link to an endpoint, which is opened if need be.

        False: nothing was queued, because the endpoint has just failed or the queue is full.
        """
        return self._peers.send(endpoint, message)

    def statistics(self) -> ClusterStatistics:
        """The figures of this moment."""
        table, requests = self._table, self._requests
        return ClusterStatistics(
            control=self._plane.statistics(),
            peers=self._peers.statistics(),
            datagrams=self._datagrams.statistics(),
            journal=self._journal.statistics(),
            table=None if table is None else TableStatistics(table.batches, table.failures),
            inputs=self._inputs,
            inputs_dropped=self._inbox.dropped,
            messages_unclaimed=self._unclaimed,
            requests=requests.count,
            requests_refused=requests.refused,
            requests_timed_out=requests.timed_out,
            requests_waiting=len(requests),
        )

    # --- clocks, for the membership table ---

    def monotonic(self) -> float:
        """Seconds of the clock of this node's views."""
        return self._parts.monotonic()

    def wall_ms(self) -> int:
        """Unix milliseconds."""
        return self._parts.wall_ms()


def peer_identity(options: ClusterOptions, state: OpenedState) -> PeerIdentity:
    """Return what a node says of itself to its peers before it knows its cluster."""
    identity = state.identity
    return PeerIdentity(options.cluster_name, identity.node, identity.boot, options.announced)
