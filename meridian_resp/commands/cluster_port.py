"""What commands and routing see of the cluster that this node belongs to.

`cluster.node.ClusterNode` implements it on a running server, tests have one in memory. All that
is asked here is answered at once from what this node knows; only `request` waits, because an
answer to a change of the map comes when the metadata log has committed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cluster.control.data_handler import DataHandler
    from cluster.control.heartbeats import PhiReading
    from cluster.control.requests import Answer, Done, Request
    from cluster.identity import Endpoint, NodeId
    from cluster.map.values import Claim, ClusterMap
    from cluster.map.views import SlotView
    from cluster.membership.events import MemberView
    from cluster.metadata.status import MetadataStatus
    from cluster.statistics import ClusterStatistics as ClusterStatistics  # named here too
    from cluster.transport.statistics import LinkView
    from cluster.wire.messages import PeerMessage


class ClusterPort(Protocol):
    """The cluster as one of its nodes knows it."""

    @property
    def own_id(self) -> NodeId:
        """This node."""

    @property
    def endpoint(self) -> Endpoint:
        """Where other nodes reach this one."""

    def map(self) -> ClusterMap | None:
        """The newest map that this node holds; None while it belongs to no cluster."""

    def slot_view(self) -> SlotView | None:
        """The same by slot; one object per epoch."""

    def members(self) -> Sequence[MemberView]:
        """All nodes that membership knows, this one too."""

    def claims(self) -> Claim:
        """The slots that this node was told to own while it belongs to no cluster."""

    def phi(self) -> Mapping[NodeId, PhiReading]:
        """How long nodes have been silent, for those whose heartbeats this node gets."""

    def metadata(self) -> MetadataStatus:
        """What is known of the metadata log."""

    async def request(self, request: Request) -> Done:
        """Ask for a change; returns when it is done.

        Raises:
            ClusterRequestRefused: it is not done, or its outcome is unknown.
        """

    def request_nowait(self, request: Request, on_answer: Callable[[Answer], None]) -> None:
        """The same without waiting: the answer is handed over when it comes."""

    def links(self) -> Sequence[LinkView]:
        """All links that are up."""

    def statistics(self) -> ClusterStatistics:
        """Counters, fresh."""

    # --- data messages ---

    def attach(self, handler: DataHandler) -> None:
        """Let this handler have all messages about data from now on."""

    def send(self, endpoint: Endpoint, message: PeerMessage) -> bool:
        """Queue a message on the outgoing link to an endpoint, which is opened if need be.

        False: nothing was queued, because the endpoint has just failed or the queue is full.
        """
