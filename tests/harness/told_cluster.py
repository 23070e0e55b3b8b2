"""A cluster that is as a test tells it, and remembers what it was asked: `ClusterPort` in memory.

Its map, members and readings are attributes; requests are answered with what `answer` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
import trio
from attrs import define, field

from cluster.control.data_handler import DataHandler
from cluster.control.heartbeats import PhiReading
from cluster.control.requests import (
    Answer,
    ClusterRequestRefused,
    Done,
    Request,
    RequestRefused,
)
from cluster.control.statistics import ControlStatistics
from cluster.identity import Boot, Endpoint, NodeId
from cluster.map.values import Claim, ClusterMap, MapMember
from cluster.map.views import SlotView
from cluster.membership.events import MemberView
from cluster.membership.facts import NodeFacts
from cluster.membership.messages import MemberStatus
from cluster.membership.swim import SwimStatistics
from cluster.metadata.status import MetadataStatus
from cluster.slots import SlotSet
from cluster.statistics import ClusterStatistics, JournalStatistics
from cluster.transport.statistics import DatagramStatistics, LinkView, PeerStatistics
from cluster.wire.messages import PeerMessage
from meridian_resp.server.forwarding import ForwardingStatistics
from tests.cluster.map.maps import CLUSTER, node_id

PEERS = PeerStatistics(
    links_from=2,
    links_to=3,
    pending=1,
    failed_endpoints=0,
    queued_bytes=100,
    accepted=7,
    dialled=8,
    dial_failures=1,
    lost=2,
    bytes_in=1000,
    bytes_out=2000,
    messages_in={"raft_message": 5},
    messages_out={"raft_message": 6, "forward": 1},
    refused={"secret": 4},
    dropped=3,
)
DATAGRAMS = DatagramStatistics(
    sent=11, received=12, bytes_out=1100, bytes_in=1200, dropped=1, refused={"tag": 2}
)


SWIM = SwimStatistics(
    members={MemberStatus.ALIVE: 3, MemberStatus.DEAD: 1},
    awareness=2,
    rumours=4,
    paused_s=1.5,
    counts={"probes": 9},
)
CONTROL = ControlStatistics(
    stage="formed",
    cluster=CLUSTER,
    map_epoch=14,
    swim=SWIM,
    open_transitions=6,
    waiting_for={},
    counts={"packet": 2},
)
STATISTICS = ClusterStatistics(
    control=CONTROL,
    peers=PEERS,
    datagrams=DATAGRAMS,
    journal=JournalStatistics(
        saves=50, syncs=40, failures=1, waiting=0, size_bytes=4096, is_failing=False
    ),
    table=None,
    inputs=1000,
    inputs_dropped=5,
    messages_unclaimed=0,
    requests=20,
    requests_refused=3,
    requests_timed_out=2,
    requests_waiting=1,
)
FORWARDING = ForwardingStatistics(
    sent=30,
    answered=20,
    retried=2,
    unreachable=3,
    moved=1,
    lost=4,
    waiting=5,
    waiting_bytes=500,
    stopped_clients=6,
)
METADATA = MetadataStatus(
    role="leader",
    term=3,
    leader=node_id(0),
    voters=(node_id(0), node_id(1)),
    commit=41,
    applied=40,
)


@define(eq=False)
class ToldCluster:
    """See the module."""

    own_id: NodeId = node_id(0)
    endpoint: Endpoint = Endpoint("127.0.0.1", 17400)
    current: ClusterMap | None = None
    views: list[MemberView] = field(factory=list)
    claim: Claim = Claim(node_id(0), SlotSet())
    readings: dict[NodeId, PhiReading] = field(factory=dict)
    answer: Callable[[Request], Answer] = lambda request: Done()
    asked: list[Request] = field(factory=list)
    metadata_status: MetadataStatus = METADATA
    figures: ClusterStatistics = STATISTICS

    def map(self) -> ClusterMap | None:
        return self.current

    def slot_view(self) -> SlotView | None:
        return None if self.current is None else SlotView(self.current)

    def members(self) -> Sequence[MemberView]:
        return list(self.views)

    def claims(self) -> Claim:
        return self.claim

    def phi(self) -> Mapping[NodeId, PhiReading]:
        return dict(self.readings)

    def metadata(self) -> MetadataStatus:
        return self.metadata_status

    async def request(self, request: Request) -> Done:
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        answer = self.answer(request)
        if isinstance(answer, RequestRefused):
            raise ClusterRequestRefused(answer.text, is_unknown=answer.is_unknown)
        return answer

    def request_nowait(self, request: Request, on_answer: Callable[[Answer], None]) -> None:
        self.asked.append(request)
        on_answer(self.answer(request))

    def links(self) -> Sequence[LinkView]:
        return []

    def statistics(self) -> ClusterStatistics:
        return self.figures

    def attach(self, handler: DataHandler) -> None:
        raise AssertionError("no data is handed on here")

    def send(self, endpoint: Endpoint, message: PeerMessage) -> bool:
        raise AssertionError("nothing is sent here")


def view_of(member: MapMember, status: MemberStatus = MemberStatus.ALIVE) -> MemberView:
    """What membership holds about a member of a map."""
    facts = NodeFacts(
        datacenter=member.datacenter,
        rack=member.rack,
        machine=member.machine,
        capacity_weight=member.capacity_weight,
        roles=member.roles,
        client_port=member.client_port,
        software_version="1.2.3",
    )
    return MemberView(member.node, member.endpoint, Boot(2, 7), 5, None, facts, status, 0.0)


def told_cluster(current: ClusterMap, *dead: NodeId) -> ToldCluster:
    """A cluster with this map, whose members are alive but for some."""
    views = [
        view_of(member, MemberStatus.DEAD if node in dead else MemberStatus.ALIVE)
        for node, member in current.members.items()
    ]
    return ToldCluster(
        current=current, views=[attrs.evolve(view, cluster=current.cluster) for view in views]
    )
