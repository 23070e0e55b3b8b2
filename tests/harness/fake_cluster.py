"""A cluster in memory: `ClusterPort` without a control plane, and a network that joins several.

A test writes the map by hand and hands it to every node it likes. Links between nodes carry
messages only when the test says `deliver`, one message at a time and in order; a link can break
before or after a message was delivered, and an endpoint can be out of reach.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

import attrs
import trio

from cluster.control.data_handler import DATA_MESSAGES, DataHandler
from cluster.control.heartbeats import PhiReading
from cluster.control.requests import (
    Answer,
    ClusterRequestRefused,
    Done,
    Request,
    RequestRefused,
)
from cluster.identity import Boot, ClusterId, Endpoint, NodeId
from cluster.map.values import Claim, ClusterMap, MapMember, MapPartition
from cluster.map.views import SlotView
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import MemberStatus
from cluster.membership.phi import Level
from cluster.metadata.status import MetadataStatus
from cluster.slots import SlotSet
from cluster.statistics import ClusterStatistics
from cluster.transport.statistics import DatagramStatistics, LinkView, PeerStatistics
from cluster.wire.messages import PeerMessage, decode_message, encode_message
from tests.harness.told_cluster import METADATA, STATISTICS

CLUSTER = ClusterId("00000000-0000-4000-8000-00000000c1c1")
HOST = "127.0.0.1"


def node_id(number: int) -> NodeId:
    """The id of the node with this number; ids are in the order of numbers."""
    return NodeId(f"00000000-0000-4000-8000-{number:012x}")


def gossip_endpoint(number: int) -> Endpoint:
    """Where that node gossips."""
    return Endpoint(HOST, 17000 + number)


def client_port(number: int) -> int:
    """Where that node serves clients."""
    return 7000 + number


def map_of(
    slots: Mapping[int, str], *, epoch: int = 1, replicates: Mapping[int, int] | None = None
) -> ClusterMap:
    """A map in which each numbered node leads slots, written as `0-99 200`; none as ""."""
    masters = replicates or {}
    members = {
        node_id(number): MapMember(
            node_id(number),
            gossip_endpoint(number),
            client_port=client_port(number),
            config_epoch=number,
            replicates=node_id(masters[number]) if number in masters else None,
        )
        for number in slots
    }
    partitions = {
        number: MapPartition(
            number, SlotSet.parse(text), (("dc1", (node_id(number),)),), epoch=epoch
        )
        for number, text in slots.items()
        if text
    }
    made = ClusterMap(CLUSTER, epoch, "dc1", replicas=1, members=members, partitions=partitions)
    made.check_invariants()
    return made


def member(number: int, status: MemberStatus = MemberStatus.ALIVE) -> MemberView:
    """What membership holds about a node."""
    return MemberView(
        node_id(number),
        gossip_endpoint(number),
        Boot(1, number),
        0,
        CLUSTER,
        NodeFacts(client_port=client_port(number)),
        status,
        0.0,
    )


class FakeStatistics:
    """Counters of the traffic with other nodes; a test sets what it wants to see."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        self.received: dict[str, int] = {}
        self.datagrams = DatagramStatistics(0, 0, 0, 0, 0, {})

    @property
    def peers(self) -> PeerStatistics:
        """Statistics of links."""
        return PeerStatistics(
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, self.received, self.sent, {}, 0
        )  # fmt: skip


class FakeCluster:
    """`ClusterPort` of the node with a number."""

    def __init__(self, number: int, network: FakeNetwork | None = None) -> None:
        self.number = number
        self.own_id = node_id(number)
        self.endpoint = gossip_endpoint(number)
        self.views = [member(number)]
        self.readings: dict[NodeId, PhiReading] = {}
        self.claim = Claim(self.own_id, SlotSet())
        self.link_views: list[LinkView] = []
        self.counters = FakeStatistics()
        #: What was asked, in order, and what becomes of it.
        self.asked: list[Request] = []
        self.answer: Answer = Done()
        self.on_request: Callable[[Request], None] = lambda request: None
        self.handler: DataHandler | None = None
        #: Hands a message over; a server does that within a tick.
        self.in_tick: Callable[[Callable[[], None]], None] = lambda work: work()
        self.network = network
        self._map: ClusterMap | None = None
        self._view: SlotView | None = None
        if network is not None:
            network.add(self)

    def set_map(self, cluster_map: ClusterMap | None) -> None:
        """Let the node hold this map from now on."""
        self._map = cluster_map
        self._view = None if cluster_map is None else SlotView(cluster_map)
        if self.handler is not None:
            self.handler.on_map_changed()

    def silence(self, number: int, age_s: float) -> None:
        """Nothing was heard of a node for so long, which makes it dead to this one."""
        self.readings[node_id(number)] = PhiReading(20.0, Level.DEAD, age_s)

    # --- ClusterPort ---

    def map(self) -> ClusterMap | None:
        return self._map

    def slot_view(self) -> SlotView | None:
        return self._view

    def members(self) -> Sequence[MemberView]:
        return list(self.views)

    def claims(self) -> Claim:
        return self.claim

    def phi(self) -> Mapping[NodeId, PhiReading]:
        return dict(self.readings)

    def metadata(self) -> MetadataStatus:
        return METADATA

    async def request(self, request: Request) -> Done:
        await trio.lowlevel.checkpoint()
        answer = self._answer(request)
        if isinstance(answer, RequestRefused):
            raise ClusterRequestRefused(answer.text, is_unknown=answer.is_unknown)
        return answer

    def request_nowait(self, request: Request, on_answer: Callable[[Answer], None]) -> None:
        on_answer(self._answer(request))

    def _answer(self, request: Request) -> Answer:
        self.asked.append(request)
        self.on_request(request)
        return self.answer

    def links(self) -> Sequence[LinkView]:
        return list(self.link_views)

    def statistics(self) -> ClusterStatistics:
        counters = self.counters
        return attrs.evolve(STATISTICS, peers=counters.peers, datagrams=counters.datagrams)

    def attach(self, handler: DataHandler) -> None:
        self.handler = handler

    def send(self, endpoint: Endpoint, message: PeerMessage) -> bool:
        assert self.network is not None, "no network to send to"
        return self.network.send(self, endpoint, message)


class FakeLink:
    """One end of a link of a `FakeNetwork`; what is sent waits until it is delivered."""

    def __init__(self, network: FakeNetwork, owner: FakeCluster, peer: FakeCluster) -> None:
        self._network = network
        self.owner = owner
        self.peer = peer
        self.node = peer.own_id
        self.endpoint = peer.endpoint
        self.is_outgoing = False
        self.is_up = True
        #: The other end; set by the network.
        self.other: FakeLink = self
        self.queue: deque[bytes] = deque()

    @property
    def queued_bytes(self) -> int:
        """See `PeerLink.queued_bytes`."""
        return sum([len(message) for message in self.queue])

    def send(self, message: PeerMessage) -> bool:
        """See `PeerLink.send`."""
        if not self.is_up or len(self.queue) >= self._network.queue_max:
            return False
        self.queue.append(encode_message(message))
        return True


class FakeNetwork:
    """Links between nodes in memory."""

    def __init__(self) -> None:
        self.by_endpoint: dict[Endpoint, FakeCluster] = {}
        self.links: dict[tuple[Endpoint, Endpoint], FakeLink] = {}
        #: Endpoints that no new link reaches: they fail at the next delivery, or at once.
        self.unreachable: set[Endpoint] = set()
        self.resting: set[Endpoint] = set()
        self.queue_max = 1_000_000
        self._dialled: set[tuple[Endpoint, Endpoint]] = set()

    def add(self, node: FakeCluster) -> None:
        """Let a node take part."""
        self.by_endpoint[node.endpoint] = node

    def send(self, source: FakeCluster, endpoint: Endpoint, message: PeerMessage) -> bool:
        """Queue a message on the outgoing link, which is opened if need be."""
        place = (source.endpoint, endpoint)
        link = self.links.get(place)
        if link is None:
            if endpoint in self.resting:
                return False
            peer = self.by_endpoint[endpoint]
            link, back = FakeLink(self, source, peer), FakeLink(self, peer, source)
            link.is_outgoing = True
            link.other, back.other = back, link
            self.links[place] = link
            self._dialled.add(place)
        return link.send(message)

    def deliver(self) -> int:
        """Deliver all that is queued, also what deliveries queue; how many messages that was."""
        count = 0
        while self.deliver_one():
            count += 1
        return count

    def deliver_one(self) -> bool:
        """Deliver the first message of the first link that has one; whether there was one."""
        for place, link in list(self.links.items()):
            if place in self._dialled:
                self._dialled.discard(place)
                if place[1] in self.unreachable:
                    self._fail(place, link)
                    return True
                for end in (link, link.other):
                    _handler_of(end.owner).on_link_up(end)
            for end in (link, link.other):
                if end.queue:
                    self._hand_over(end.other, decode_message(end.queue.popleft()))
                    return True
        return False

    def _hand_over(self, end: FakeLink, message: PeerMessage) -> None:
        """Let the node at an end of a link have a message that arrived there."""
        assert isinstance(message, DATA_MESSAGES)
        handler = _handler_of(end.owner)
        end.owner.in_tick(lambda: handler.on_message(end, message))

    def _fail(self, place: tuple[Endpoint, Endpoint], link: FakeLink) -> None:
        link.is_up = False
        del self.links[place]
        _handler_of(link.owner).on_endpoint_failed(place[1])

    def break_link(self, source: FakeCluster, target: FakeCluster) -> None:
        """End the link that one node opened to the other; what is queued is lost."""
        link = self.links.pop((source.endpoint, target.endpoint))
        for end in (link, link.other):
            end.is_up = False
            end.queue.clear()
        for end in (link, link.other):
            _handler_of(end.owner).on_link_down(end)


def _handler_of(node: FakeCluster) -> DataHandler:
    assert node.handler is not None, f"node {node.number} takes no messages"
    return node.handler
