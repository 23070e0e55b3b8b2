"""Plain counters of all links: incremented where things happen, shown as `PeerStatistics`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cluster.transport.link import Link
from cluster.transport.statistics import PeerStatistics
from cluster.wire.messages import PeerMessage


class Traffic:
    """What `PeerSockets` counts since its start; see `PeerStatistics` for the names."""

    __slots__ = (
        "accepted",
        "bytes_in",
        "bytes_out",
        "dial_failures",
        "dialled",
        "dropped",
        "lost",
        "messages_in",
        "messages_out",
    )

    def __init__(self) -> None:
        self.accepted = self.dialled = self.dial_failures = self.lost = 0
        self.bytes_in = self.bytes_out = self.dropped = 0
        self.messages_in: dict[type[PeerMessage], int] = {}
        self.messages_out: dict[type[PeerMessage], int] = {}

    def statistics(
        self, links: Collection[Link], *, failed_endpoints: int, refused: Mapping[str, int]
    ) -> PeerStatistics:
        """Return the counters, together with what is told by the links there are."""
        up = [link for link in links if link.is_up]
        links_to = sum(link.is_outgoing for link in up)
        return PeerStatistics(
            links_from=len(up) - links_to,
            links_to=links_to,
            pending=sum(not link.is_up and not link.is_closing for link in links),
            failed_endpoints=failed_endpoints,
            queued_bytes=sum(link.queued_bytes for link in links if not link.is_closing),
            accepted=self.accepted,
            dialled=self.dialled,
            dial_failures=self.dial_failures,
            lost=self.lost,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            messages_in={kind.__name__: count for kind, count in self.messages_in.items()},
            messages_out={kind.__name__: count for kind, count in self.messages_out.items()},
            refused=refused,
            dropped=self.dropped,
        )
