"""What the shell of a node drives, as protocols: the control plane, sockets, the journal.

`cluster.control.plane.ControlPlane`, `cluster.transport.peer_sockets.PeerSockets`,
`cluster.transport.datagrams.Datagrams` and `cluster.journal.journal.Journal` satisfy them; tests
have small ones in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cluster.control.heartbeats import PhiReading
from cluster.control.inputs import Input
from cluster.control.outputs import Output
from cluster.control.statistics import ControlStatistics
from cluster.identity import Endpoint, NodeId
from cluster.journal.records import Record
from cluster.machine import Machine
from cluster.map.values import Claim, ClusterMap
from cluster.map.views import SlotView
from cluster.membership.events import MemberView
from cluster.metadata.status import MetadataStatus
from cluster.transport.link import Link
from cluster.transport.statistics import DatagramStatistics, LinkView, PeerStatistics
from cluster.wire.hello import PeerIdentity
from cluster.wire.messages import PeerMessage


class ControlMachine(Machine[Input, Output], Protocol):
    """The control plane of one node, with what may be read of it between events."""

    @property
    def map(self) -> ClusterMap | None:
        """The newest map held."""

    @property
    def slot_view(self) -> SlotView | None:
        """The same by slot."""

    def members(self) -> Sequence[MemberView]:
        """What membership holds about all nodes, this one too."""

    def claims(self) -> Claim:
        """The slots claimed while unformed."""

    def phi(self, now: float) -> Mapping[NodeId, PhiReading]:
        """The detector's readings."""

    def metadata_status(self) -> MetadataStatus:
        """What is known of the metadata log."""

    def statistics(self) -> ControlStatistics:
        """The figures of this moment."""


class Peers(Protocol):
    """The links to other nodes; see `PeerSockets`."""

    identity: PeerIdentity
    on_message: Callable[[Link, PeerMessage], None]
    on_link_up: Callable[[Link], None]
    on_link_down: Callable[[Link, str], None]
    on_dial_failed: Callable[[Endpoint, str], None]
    on_earlier_deadline: Callable[[], None]

    def send(self, endpoint: Endpoint, message: PeerMessage) -> bool:
        """Queue a message; False: it was dropped."""

    def flush(self) -> None:
        """Send what is queued."""

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""

    def on_deadline(self, now: float) -> None:
        """Let time pass."""

    def links(self) -> Sequence[LinkView]:
        """The links that are up."""

    def statistics(self) -> PeerStatistics:
        """Counters since the start."""

    def renew(self, identity: PeerIdentity) -> None:
        """Go on as another node: end all links, which were another's."""

    def close(self) -> None:
        """Close everything."""


class DatagramPort(Protocol):
    """Sealed datagrams; see `Datagrams`."""

    on_datagram: Callable[[Endpoint, bytes], None]

    async def run(self) -> None:
        """Receive until cancelled."""

    def send(self, endpoint: Endpoint, payload: bytes) -> bool:
        """Send one datagram; False: it was dropped."""

    def renew(self, identity: PeerIdentity) -> None:
        """Go on as another node."""

    def statistics(self) -> DatagramStatistics:
        """Counters since the start."""

    def close(self) -> None:
        """Close the socket."""


class RecordJournal(Protocol):
    """What is durable; see `Journal`. All but `size_bytes` blocks."""

    @property
    def size_bytes(self) -> int:
        """How much is durable."""

    def append(self, records: Sequence[Record]) -> None:
        """Add records."""

    def sync(self) -> None:
        """Make them durable."""

    def rewrite(self, records: Sequence[Record]) -> None:
        """Replace everything by these records."""

    def close(self) -> None:
        """Close the file."""
