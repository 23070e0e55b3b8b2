"""Serving as a node of a cluster: routing, forwarding and execution wired into a server.

    client -> dispatch -> RoutedCommands -> handler                    a key of this node
                                         -> Forwarding -> link         a key of another one
    link -> ForwardExecution -> reactor.execute -> ... -> ClusterOutput -> link
    link -> Forwarding -> place of the reply -> ClusterOutput -> client

`ClusterServing` owns these parts and is what the cluster's shell hands messages about data and
news of the map to (`DataHandler`). Messages come within a tick of the reactor; news may come
between two, and then a tick is asked for, so that replies leave and links are flushed in one
place, at the end of a tick.

A server without a cluster has none of this: handlers are not wrapped, and its output is the plain
one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import trio

from cluster.membership.messages import MemberStatus
from cluster.membership.phi import Level
from cluster.redis_ids import to_redis_id
from cluster.slots import SLOT_COUNT, SlotSet
from cluster.wire.messages import Forward, ForwardReply, KeyVersionsReply, KeyVersionsRequest
from meridian_resp.server.cluster_output import ClusterOutput
from meridian_resp.server.cluster_reactor import ClusterReactor
from meridian_resp.server.forward_checks import ForwardChecks
from meridian_resp.server.forward_execution import ForwardExecution
from meridian_resp.server.forwarding import Forwarding
from meridian_resp.server.routed_commands import RoutedCommands
from meridian_resp.server.routing import Routing
from meridian_resp.server.slot_data import SlotData

if TYPE_CHECKING:
    from cluster.control.data_handler import DataMessage, PeerLink
    from cluster.identity import Endpoint, NodeId
    from cluster.membership.events import MemberView
    from meridian_resp.commands.cluster_port import ClusterPort
    from meridian_resp.server.cluster_reactor import PeerIo
    from meridian_resp.server.node import Node
    from meridian_resp.server.session import Session

logger = logging.getLogger(__name__)

ALL_SLOTS: Final = SlotSet.span(0, SLOT_COUNT - 1)
#: How often requests under way are looked at for those whose time is over.
BEAT_S: Final = 0.05
#: How many of these beats pass between two looks at who is silent.
_LOOK_BEATS: Final = 10


def silent_nodes(port: ClusterPort) -> frozenset[NodeId]:
    """Return who answers nobody: dead or gone for membership, or suspected by it and dead by phi.

    Phi alone is not enough: it is fed by datagrams only, and a network that drops those may still
    carry links, over which membership asks before it suspects.
    """
    readings = port.phi()

    def is_silent(view: MemberView) -> bool:
        if view.status is MemberStatus.ALIVE or view.node == port.own_id:
            return False
        reading = readings.get(view.node)
        return not view.status.is_live or (reading is not None and reading.level is Level.DEAD)

    return frozenset(view.node for view in port.members() if is_silent(view))


class ClusterServing:
    """Everything that serving needs besides, on a node of a cluster. Implements `DataHandler`.

    Making one raises ClusterStopped where the node's data can't be a cluster's.

    Attributes:
        routing: where slots belong.
        data: the node's keys by slot, for the control plane.
        forwarding: requests of own clients that other nodes execute; after `attach`.
        execution: requests of other nodes' clients; after `attach`.
    """

    def __init__(self, node: Node) -> None:
        assert isinstance(node.reactor, ClusterReactor), "cluster-enabled is no"
        self._node = node
        self._reactor = node.reactor
        self.routing = Routing()
        self.data = SlotData(node.keyspace, self.routing)
        self.data.require_one_database()
        self.forwarding: Forwarding
        self.execution: ForwardExecution
        self.commands: RoutedCommands
        self._port: ClusterPort
        self._output: ClusterOutput
        self._beats = 0
        #: Sessions whose replies may leave, in order.
        self._settled: dict[Session, None] = {}

    def attach(self, port: ClusterPort, peers: PeerIo | None) -> None:
        """Serve as a node of this cluster from now on; before the first client is accepted.

        Args:
            port: the cluster.
            peers: its sockets, which the reactor reads from now on.
        """
        node, reactor = self._node, self._reactor
        self._port = port
        monotonic = node.io.monotonic
        self.execution = ForwardExecution(
            self.routing,
            reactor,
            node.keyspace.databases[0],
            refusal=ForwardChecks(node.context.commands).refusal,
            change_state=node.conditions.change_state,
            monotonic=monotonic,
        )
        self.forwarding = Forwarding(
            port, self.routing, monotonic=monotonic, on_settled=self._on_settled
        )
        node.forwarding_statistics = self.forwarding.statistics
        self.commands = RoutedCommands(self.routing, self.forwarding)
        node.dispatcher.is_stopped = self.forwarding.is_stopped
        self._output = ClusterOutput(
            node.io,
            reactor.close_later,
            execution=self.execution,
            is_stopped=self.forwarding.is_stopped,
        )
        self.commands.on_place = self._output.with_places.add
        self.commands.on_late_request = self._ask_for_tick
        self.commands.install(node.runnables)
        reactor.serve_cluster(
            self._output, peers, after_tick=self._after_tick, before_drain=self.stop
        )
        node.serve_cluster(port, self.execution.proxies, self.commands.check_queued)
        node.forwarding_statistics = self.forwarding.statistics
        node.registry.on_remove += [self.forwarding.forget, self._output.with_places.discard]
        self._follow_settings()
        port.attach(self)
        self.on_map_changed()

    def _follow_settings(self) -> None:
        settings = self._node.settings
        followed: dict[str, Callable[[], None]] = {
            "cluster-redirects": self._take_redirects,
            "cluster-require-full-coverage": self._take_coverage,
            "cluster-forward-timeout": self._take_timeout,
        }
        for name, hook in followed.items():
            hook()
            settings.on_change(name, hook)
        self.forwarding.node_bytes_max = min(
            self.forwarding.node_bytes_max, settings.peer_queue_max_bytes // 2
        )

    def _take_redirects(self) -> None:
        self.commands.redirects = self._node.settings.cluster_redirects

    def _take_coverage(self) -> None:
        self.routing.require_coverage(self._node.settings.cluster_require_full_coverage)

    def _take_timeout(self) -> None:
        self.forwarding.timeout_s = self._node.settings.cluster_forward_timeout_ms / 1000

    # --- running ---

    async def run(self) -> None:
        """Give up requests whose time is over, until cancelled."""
        while True:
            await trio.sleep(BEAT_S)
            self.beat()

    def beat(self) -> None:
        """Time has passed."""
        self._beats += 1
        if self._beats % _LOOK_BEATS == 0:
            self.forwarding.silent = silent_nodes(self._port)
        self.forwarding.expire()
        self.execution.relieve()
        self._ask_for_tick()

    def stop(self) -> None:
        """Answer what is under way, because this server executes nothing more."""
        self.forwarding.give_up_all("is not waited for: this server is stopping")
        self._release()

    def _on_settled(self, session: Session) -> None:
        self._settled[session] = None

    def _ask_for_tick(self) -> None:
        """Replies may leave, or messages be sent, although no tick runs."""
        if self._settled or self.forwarding.has_sent:
            self._reactor.run_soon(lambda: None)

    def _after_tick(self) -> None:
        """The tick is logged and its own replies are sent: now those of other nodes."""
        if self._settled:
            self._release()
        self.forwarding.has_sent = False
        self.execution.relieve()

    def _release(self) -> None:
        settled, self._settled = self._settled, {}
        reactor = self._reactor
        for session in settled:
            if not session.is_gone:
                reactor.release(session)
        for session in self.forwarding.clients.take_released():
            if not session.is_gone:
                reactor.queue_to_run(session)
                reactor.output.update_interest(session)

    # --- DataHandler ---

    def on_message(self, link: PeerLink, message: DataMessage) -> None:
        """See `DataHandler.on_message`."""
        match message:
            case Forward():
                self.execution.on_forward(link, message)
            case ForwardReply():
                self.forwarding.on_reply(message)
            case KeyVersionsRequest():
                self.execution.on_versions_wanted(link, message)
            case KeyVersionsReply():
                self.forwarding.on_versions(message)

    def on_link_up(self, link: PeerLink) -> None:
        """See `DataHandler.on_link_up`; what was queued is sent by the link itself."""

    def on_link_down(self, link: PeerLink) -> None:
        """See `DataHandler.on_link_down`."""
        self.forwarding.on_link_down(link)
        self.execution.on_link_down(link)
        self._ask_for_tick()

    def on_endpoint_failed(self, endpoint: Endpoint) -> None:
        """See `DataHandler.on_endpoint_failed`."""
        self.forwarding.on_endpoint_failed(endpoint)
        self._ask_for_tick()

    def on_map_changed(self) -> None:
        """See `DataHandler.on_map_changed`."""
        port, routing = self._port, self.routing
        before = ALL_SLOTS if routing.epoch == 0 else routing.own_slots
        routing.change_map(port.own_id, port.map(), port.slot_view())
        self._look_for_keys(before - routing.own_slots)
        self.forwarding.retry_parked()
        self._ask_for_tick()

    def _look_for_keys(self, given_away: SlotSet) -> None:
        """Say so if this node holds keys that nobody can reach: no map may make that so."""
        epoch = self.routing.epoch
        keys = self.data.count_keys(given_away) if epoch else 0
        if keys:
            logger.error(
                "%d keys are here in slots that are another node's or nobody's by the map of "
                "epoch %d, so nobody can reach them; they are kept. Give those slots to this node "
                "(CLUSTER SETSLOT slot NODE %s) before others write there",
                keys,
                epoch,
                to_redis_id(self._port.own_id),
            )
